import { createPairCleaner, type CleanResult } from '../../text/moses/cleanPair.js';
import { createPreprocessor, type PreprocessingStep } from '../../text/preprocessing.js';
import type { Bpe } from '../../text/subwords/bpe.js';
import type { RecipePair, RecipeStep, SetName } from './recipe.js';

/** A sentence pair on its way through the steps; the steps change it. */
export interface TravellingPair {
  set: SetName;
  src: string;
  trg: string;
}

/** @returns false if the pair is removed */
export type TextStep = (pair: TravellingPair) => boolean;

/** The functions that carry out a recipe's steps other than `bpe`, in order. Each remembers what it has seen: for one use. */
export function textSteps(steps: readonly RecipeStep[], { src, trg }: Pick<RecipePair, 'src' | 'trg'>): TextStep[] {
  return steps.map((step) => {
    switch (step.step) {
      case 'holdOut':
        return holdOutStep(step.every);
      case 'clean':
        return onSets(step.sets, cleanStep(step));
      case 'bpe':
        throw new Error('merges are learnt between other steps');
      default: {
        const [changeSrc, changeTrg] = [src, trg].map((language) => createPreprocessor([lineStep(step, language)]));
        return onSets(step.sets, (pair) => {
          pair.src = changeSrc(pair.src);
          pair.trg = changeTrg(pair.trg);
          return true;
        });
      }
    }
  });
}

export function segmentStep(bpe: Bpe): TextStep {
  return (pair) => {
    pair.src = bpe.segmentLine(pair.src);
    pair.trg = bpe.segmentLine(pair.trg);
    return true;
  };
}

function lineStep(
  step: Extract<RecipeStep, { step: 'normalize' | 'removeNonPrinting' | 'lowercase' | 'tokenize' }>,
  language: string,
): PreprocessingStep {
  switch (step.step) {
    case 'normalize':
      return { step: 'normalize', language, punctuation: true };
    case 'removeNonPrinting':
      return { step: 'normalize', language, nonPrinting: true };
    case 'tokenize':
      return { step: 'tokenize', language, aggressive: step.aggressive };
    case 'lowercase':
      return { step: 'lowercase' };
  }
}

/** Every nth pair that comes here from the training set is one of the validation set from now on (awk's `NR % n == 0`). */
function holdOutStep(every: number): TextStep {
  let position = 0;
  return (pair) => {
    if (pair.set === 'train' && ++position % every === 0) pair.set = 'valid';
    return true;
  };
}

function cleanStep({ min, max, ratio }: { min: number; max: number; ratio: number }): TextStep {
  const cleaners = new Map<SetName, (src: string, trg: string) => CleanResult>();
  return (pair) => {
    let clean = cleaners.get(pair.set);
    if (clean === undefined) {
      // as the script, which asks the first pair of a file whether "|" separates factors
      clean = createPairCleaner({ min, max, ratio, factored: pair.src.includes('|') || pair.trg.includes('|') });
      cleaners.set(pair.set, clean);
    }
    const result = clean(pair.src, pair.trg);
    if ('removed' in result) return false;
    pair.src = result.src;
    pair.trg = result.trg;
    return true;
  };
}

function onSets(sets: readonly SetName[], step: TextStep): TextStep {
  return (pair) => !sets.includes(pair.set) || step(pair);
}
