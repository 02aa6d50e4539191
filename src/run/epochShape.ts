import type { Config } from '../config/schema.js';
import { createBatches } from '../data/batches.js';
import type { PairSource } from '../data/pairSource.js';
import type { ScheduleOptions } from '../train/schedule.js';

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

/** `train.extraEpoch` in the schedule's form. */
export function scheduleLead(
  { train: { extraEpoch } }: Pick<Config, 'train'>,
  updatesPerEpoch: number,
): Pick<ScheduleOptions, 'lead'> {
  return extraEpoch === 'none' ? {} : { lead: { shape: extraEpoch, updates: updatesPerEpoch } };
}

/** Updates after which a run ends, by `train.maxUpdates` and `train.maxEpochs`; undefined if only patience ends it. */
export function runLength({ train }: Pick<Config, 'train'>, updatesPerEpoch: number): number | undefined {
  const { maxUpdates, maxEpochs } = train;
  const limits = [maxUpdates, maxEpochs * updatesPerEpoch].filter((limit) => limit > 0);
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

/** `runLength` minus the cost of initialisation, if maxUpdates pays for it; an end by epochs does not change. */
export function trainingLength(
  { train }: Pick<Config, 'train'>,
  updatesPerEpoch: number,
  initUpdates: number,
): number | undefined {
  const { countInit, maxUpdates } = train;
  if (!countInit || maxUpdates === 0) return runLength({ train }, updatesPerEpoch);
  const left = maxUpdates - Math.ceil(initUpdates);
  return left > 0 ? runLength({ train: { ...train, maxUpdates: left } }, updatesPerEpoch) : 0;
}
