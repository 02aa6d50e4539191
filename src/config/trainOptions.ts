import { withPlaces } from './loadConfig.js';
import type { Config } from './schema.js';
import { pickFields } from '../field.js';
import { variantOf } from '../initial/gradInitSettings.js';
import { optimizers, type OptimizerOptions } from '../train/optimizers.js';
import { checkTrainOptions, trainFields, type TrainOptions } from '../train/trainOptions.js';

/** The trainer's options in a configuration. @throws UsageError if they contradict each other */
export function trainOptions(config: Pick<Config, 'train' | 'gradinit' | 'seed'>): TrainOptions {
  const { train, seed } = config;
  const { warmupInitLr } = defaultsByGradInit(config);
  const options: TrainOptions = {
    ...optimizerOptions(config),
    ...pickFields({ ...train, warmupInitLr }, trainFields),
    seed,
  };
  return withPlaces(config, () => checkTrainOptions(options));
}

/** The optimiser's options in a configuration; Adam's start depends on GradInit's variant. */
export function optimizerOptions(config: Pick<Config, 'train' | 'gradinit'>): OptimizerOptions {
  const { secondMomentStart } = defaultsByGradInit(config);
  return optimizers.pick({ ...config.train, secondMomentStart });
}

/** Settings of training whose default depends on GradInit, with their value. */
export interface DefaultsByGradInit {
  readonly secondMomentStart: NonNullable<Config['train']['secondMomentStart']>;
  readonly warmupInitLr: number;
}

/**
 * The settings of training whose default depends on GradInit: as they are set, or their default.
 *
 * - `secondMomentStart`: GradInit's variant robust is measured together with the first gradient's square. Without it a
 *   run of five did not train, and on Multi30k all were slow (docs/results/gradinit-robust.md).
 * - `warmupInitLr`: GradInit is there to do without the warmup, so the warmup's updates run at the full rate.
 */
export function defaultsByGradInit({ train, gradinit }: Pick<Config, 'train' | 'gradinit'>): DefaultsByGradInit {
  const isOn = gradinit.algorithm !== 'none';
  const isRobust = isOn && variantOf(gradinit) === 'robust';
  return {
    secondMomentStart: train.secondMomentStart ?? (isRobust && train.optimizer === 'adam' ? 'first-gradient' : 'zeros'),
    // without a warmup it has no effect, and should be no difference between runs
    warmupInitLr: train.warmupInitLr ?? (isOn && train.warmupUpdates > 0 ? -1 : trainFields.warmupInitLr.default),
  };
}
