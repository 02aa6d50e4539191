import { DataError } from '../../errors.js';
import { readTextFile } from '../../storage/textFile.js';
import { parseNonbreakingPrefixes, type NonbreakingPrefixes } from './nonbreakingPrefixes.js';
import { parseTruecaseModel, type TruecaseModel } from './truecase.js';

/** A list in a file of Moses' format (see `parseNonbreakingPrefixes`). @throws DataError if it cannot be read */
export function readNonbreakingPrefixes(path: string): NonbreakingPrefixes {
  return parseNonbreakingPrefixes(readTextFile(path, 'list of non-breaking prefixes'));
}

/** Reads a model of train-truecaser.perl or `TruecaserTrainer`, plain or .gz. */
export function readTruecaseModel(path: string): TruecaseModel {
  const text = readTextFile(path, 'truecasing model', 2 ** 30);
  if (text.trim() !== '' && !/^\S+ \(\d+/m.test(text))
    throw new DataError(
      `${path} is no truecasing model: no line has the form "word (count/total)". Expected a file of "coldstart corpus train-truecaser" or of Moses' train-truecaser.perl.`,
    );
  return parseTruecaseModel(text);
}
