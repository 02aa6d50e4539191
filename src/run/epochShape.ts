import type { Config } from '../config/schema.js';
import { createBatches } from '../data/batches.js';
import type { PairSource } from '../data/dataset.js';

/** Updates of one epoch, and the mean target tokens of an update. */
export function epochShape(
  trainPairs: PairSource,
  { train, seed }: Pick<Config, 'train' | 'seed'>,
): { updatesPerEpoch: number; tokensPerUpdate: number } {
  const { maxTokens, maxSentences, updateFreq } = train;
  const updatesPerEpoch = Math.ceil(
    createBatches(trainPairs, { maxTokens, maxSentences, seed }).epochBatches(1).length / updateFreq,
  );
  return { updatesPerEpoch, tokensPerUpdate: trainPairs.trgLengths.reduce((a, b) => a + b, 0) / updatesPerEpoch };
}
