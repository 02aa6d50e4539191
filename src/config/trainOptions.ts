import { withPlaces } from './loadConfig.js';
import type { Config } from './schema.js';
import { checkTrainOptions, type TrainOptions } from '../train/trainOptions.js';

/** The trainer's options in a configuration. @throws UsageError if they contradict each other */
export function trainOptions(config: Pick<Config, 'train' | 'seed'>): TrainOptions {
  const { train, seed } = config;
  const { optimizer, beta1, beta2, eps, secondMomentStart, momentum, nesterov, weightDecay } = train;
  const optimizerOptions =
    optimizer === 'adam'
      ? ({ optimizer, beta1, beta2, eps, weightDecay, secondMomentStart } as const)
      : ({ optimizer, momentum, nesterov, weightDecay } as const);
  const options = {
    ...optimizerOptions,
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
