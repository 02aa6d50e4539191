import { readNonbreakingPrefixes, readTruecaseModel } from './moses/languageFiles.js';
import { createTokenizer } from './moses/tokenize.js';
import { combineSteps, type PreprocessingStep } from './preprocessingSteps.js';

/** A function that applies the steps in order. @returns lines to lines, without line feeds */
export function createPreprocessor(steps: readonly PreprocessingStep[]): (line: string) => string {
  return combineSteps(steps, {
    prefixes: readNonbreakingPrefixes,
    truecaseModel: readTruecaseModel,
    tokenizer: createTokenizer,
  });
}
