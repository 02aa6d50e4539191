import { withPlaces } from './loadConfig.js';
import type { Config } from './schema.js';
import { optimizers } from '../train/optimizers.js';
import { checkTrainOptions, type TrainOptions } from '../train/trainOptions.js';

/** The trainer's options in a configuration. @throws UsageError if they contradict each other */
export function trainOptions(config: Pick<Config, 'train' | 'seed'>): TrainOptions {
  const { train, seed } = config;
  const options: TrainOptions = {
    ...optimizers.pick(train),
    schedule: train.schedule,
    lr: train.lr,
    warmupUpdates: train.warmupUpdates,
    warmupInitLr: train.warmupInitLr,
    holdUpdates: train.holdUpdates,
    minLr: train.minLr,
    maxUpdates: train.maxUpdates,
    maxEpochs: train.maxEpochs,
    seed,
    labelSmoothing: train.labelSmoothing,
    precision: train.precision,
    updateFreq: train.updateFreq,
    clipNorm: train.clipNorm,
    validateEveryUpdates: train.validateEveryUpdates,
    saveEveryUpdates: train.saveEveryUpdates,
    keepEpochs: train.keepEpochs,
    logEveryUpdates: train.logEveryUpdates,
    patience: train.patience,
    bestBy: train.bestBy,
  };
  return withPlaces(config, () => checkTrainOptions(options));
}
