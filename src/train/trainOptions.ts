import { precisions, type Precision } from '../backend/precisions.js';
import { UsageError } from '../errors.js';
import { optimizers, type OptimizerChoice, type OptimizerOptions } from './optimizers.js';
import type { ScheduleOptions } from './schedule.js';

/** How a model is trained. */
export type TrainOptions<O extends { readonly optimizer: string } = OptimizerOptions> = O &
  ScheduleOptions & {
    /** Seeds data order and dropout. */
    readonly seed: number;
    readonly labelSmoothing: number;
    /** Of the matrix products in training's loss and gradients; validation and decoding are float32. */
    readonly precision: Precision;
    /** Batches whose gradients one update adds up. */
    readonly updateFreq: number;
    /** Bound on the global L2 norm of the gradient of the mean loss; 0 does not clip. */
    readonly clipNorm: number;
    /** Training stops after this many epochs or `maxUpdates`, whichever comes first; 0: no such limit. */
    readonly maxEpochs: number;
    /** Updates between validations; 0 validates at the end of each epoch. Always validates at the end. */
    readonly validateEveryUpdates: number;
    /** Updates between checkpoints for resuming, in addition to those at each epoch's end; 0: only those. */
    readonly saveEveryUpdates: number;
    /** How many epochs' parameters are kept for averaging. */
    readonly keepEpochs: number;
    /** Updates between log entries. */
    readonly logEveryUpdates: number;
    /** Stops after this many validations without a new best; 0 never does. */
    readonly patience: number;
    /** What makes a checkpoint the best: lowest validation loss, or highest BLEU. */
    readonly bestBy: 'loss' | 'bleu';
  };

/**
 * The options themselves if a run can follow them.
 * @param table the optimisers to choose from
 * @throws UsageError naming the first key whose value cannot be used, and what is expected
 */
export function checkTrainOptions<O extends { readonly optimizer: string }>(
  options: TrainOptions<O>,
  table: OptimizerChoice = optimizers,
): TrainOptions<O> {
  const refuse = (key: string, expected: string): UsageError =>
    new UsageError(
      `train.${key} is ${JSON.stringify((options as unknown as Record<string, unknown>)[key])}, expected ${expected}.`,
    );
  const count = (key: keyof TrainOptions<{ optimizer: string }>, least: number): void => {
    const value = options[key] as number;
    if (!Number.isSafeInteger(value) || value < least) throw refuse(key, `an integer of at least ${least}`);
  };
  const atLeastZero = (key: keyof TrainOptions<{ optimizer: string }>): void => {
    const value = options[key] as number;
    if (!(value >= 0 && value < Infinity)) throw refuse(key, 'a number of at least 0');
  };
  const share = (key: string, value: number): void => {
    if (!(value >= 0 && value < 1)) throw refuse(key, 'a number of at least 0 and below 1');
  };

  const choice = (key: string, choices: readonly string[]): void => {
    if (!choices.includes((options as unknown as Record<string, unknown>)[key] as string))
      throw refuse(key, `one of ${choices.join(', ')}`);
  };

  table.check(options);
  choice('schedule', ['inverse_sqrt', 'linear', 'constant']);
  choice('bestBy', ['loss', 'bleu']);
  choice('precision', precisions);
  for (const key of [
    'seed',
    'maxUpdates',
    'maxEpochs',
    'warmupUpdates',
    'validateEveryUpdates',
    'saveEveryUpdates',
    'keepEpochs',
    'patience',
  ] as const)
    count(key, 0);
  if (options.holdUpdates !== undefined) count('holdUpdates', 0);
  for (const key of ['updateFreq', 'logEveryUpdates'] as const) count(key, 1);
  for (const key of ['lr', 'minLr', 'clipNorm'] as const) atLeastZero(key);
  if (!Number.isFinite(options.warmupInitLr)) throw refuse('warmupInitLr', 'a number (negative: the highest rate)');
  share('labelSmoothing', options.labelSmoothing);
  if (options.maxUpdates === 0 && options.maxEpochs === 0 && options.patience === 0) {
    throw new UsageError(
      'train.maxUpdates, train.maxEpochs and train.patience are all 0, so training would never end. Set one of them.',
    );
  }
  const { lead: leadIn } = options;
  if (
    leadIn !== undefined &&
    !(['constant', 'warmup'].includes(leadIn.shape) && Number.isSafeInteger(leadIn.updates) && leadIn.updates >= 0)
  ) {
    throw refuse('lead', 'a shape (constant or warmup) and an integer of at least 0 updates');
  }
  const lead = leadIn?.updates ?? 0;
  const { warmupUpdates, holdUpdates: hold = 0 } = options;
  if (options.schedule === 'linear' && options.maxUpdates <= warmupUpdates + hold + lead) {
    const before = [
      `train.warmupUpdates (${warmupUpdates})`,
      ...(hold > 0 ? [`train.holdUpdates (${hold})`] : []),
      ...(lead > 0 ? [`the extra epoch (${lead})`] : []),
    ];
    throw refuse(
      'maxUpdates',
      `more than ${before.join(' and ')}, because the linear schedule falls from there to maxUpdates`,
    );
  }
  return options;
}
