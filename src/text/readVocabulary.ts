import { DataError } from '../errors.js';
import { readTextFile } from '../storage/textFile.js';
import { firstOrdinaryId } from './specialIds.js';
import { Vocabulary } from './vocabulary.js';

/**
 * Reads a vocabulary file (see `Vocabulary.parse`), plain or .gz. @throws DataError also if it cannot be read or is not
 * UTF-8
 */
export function readVocabulary(path: string): Vocabulary {
  const vocabulary = Vocabulary.parse(readTextFile(path, 'vocabulary'), path);
  if (vocabulary.size === firstOrdinaryId)
    throw new DataError(`${path} holds no tokens: every word would be unknown. Is it the right file?`);
  return vocabulary;
}
