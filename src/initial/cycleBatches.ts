import type { Batch } from '../data/batch.js';
import { createBatches } from '../data/batches.js';
import { UsageError } from '../errors.js';
import type { InitTask } from './learnedInit.js';

interface CycleOptions {
  /** Default: training's. */
  readonly maxTokens?: number;
  /** Smaller batches are left out. Default 1. */
  readonly leastSentences?: number;
}

/** Training batches by iteration, epoch after epoch. */
export function cycleBatches(
  { train, seed, trainPairs }: Pick<InitTask<unknown>, 'train' | 'seed' | 'trainPairs'>,
  { maxTokens = train.maxTokens, leastSentences = 1 }: CycleOptions = {},
): () => Batch {
  const { maxSentences } = train;
  if (maxSentences !== undefined && maxSentences < leastSentences)
    throw new UsageError(
      `train.maxSentences is ${maxSentences}, but GradInit cuts its batches in thirds. Expected at least ${leastSentences}.`,
    );
  const batches = createBatches(trainPairs, { maxTokens, maxSentences, seed });
  let [epoch, position] = [1, 0];
  let current = batches.epochBatches(epoch);
  let skipped = 0;
  return () => {
    for (;;) {
      if (position === current.length) {
        current = batches.epochBatches(++epoch);
        position = 0;
      }
      const batch = current.batch(position++);
      if (batch.numSentences >= leastSentences) {
        skipped = 0;
        return batch;
      }
      if (++skipped > current.length) {
        throw new UsageError(
          `batches of ${maxTokens} tokens hold fewer than ${leastSentences} sentences each, too few to be cut in thirds. Raise gradinit.maxTokens (or train.maxTokens, which it is if it is not set), or train on more sentences.`,
        );
      }
    }
  };
}
