import { withPlaces } from './loadConfig.js';
import type { Config } from './schema.js';
import { pickFields } from '../field.js';
import { variantOf } from '../initial/gradInitSettings.js';
import { optimizers, type OptimizerOptions } from '../train/optimizers.js';
import { checkTrainOptions, trainFields, type TrainOptions } from '../train/trainOptions.js';

/** The trainer's options in a configuration. @throws UsageError if they contradict each other */
export function trainOptions(config: Pick<Config, 'train' | 'gradinit' | 'seed'>): TrainOptions {
  const { train, seed } = config;
  const options: TrainOptions = {
    ...optimizerOptions(config),
    ...pickFields(train, trainFields),
    seed,
  };
  return withPlaces(config, () => checkTrainOptions(options));
}

/** The optimiser's options in a configuration; Adam's start depends on GradInit's variant. */
export function optimizerOptions(config: Pick<Config, 'train' | 'gradinit'>): OptimizerOptions {
  return optimizers.pick({ ...config.train, secondMomentStart: secondMomentStart(config) });
}

/**
 * How Adam's second moment begins. GradInit's variant robust is measured together with the first gradient's square:
 * without it a run of five did not train, and on Multi30k all were slow (docs/results/gradinit-robust.md).
 */
export function secondMomentStart({
  train,
  gradinit,
}: Pick<Config, 'train' | 'gradinit'>): NonNullable<Config['train']['secondMomentStart']> {
  if (train.secondMomentStart !== undefined) return train.secondMomentStart;
  const isRobust = gradinit.algorithm !== 'none' && variantOf(gradinit) === 'robust';
  return isRobust && train.optimizer === 'adam' ? 'first-gradient' : 'zeros';
}
