import { precisions, type Precision } from '../backend/precisions.js';
import { UsageError } from '../errors.js';
import { checkFields, choice, integer, real, unexpected, type Section } from '../field.js';
import { optimizers, type OptimizerChoice, type OptimizerOptions } from './optimizers.js';
import { seedField } from '../random/seedField.js';
import { fallsToMaxUpdates, leadFields, scheduleFields, type ScheduleOptions } from './schedule.js';

/** What configurations and library calls may set of training, besides the optimiser: type, bounds, default and help. */
export const trainFields = {
  ...scheduleFields,
  maxEpochs: integer(0, 'Training ends after this many epochs; 0: no limit.', { min: 0, unit: 'epochs' }),
  updateFreq: integer(1, 'Batches whose gradients one update adds up.', { min: 1 }),
  precision: choice(
    precisions,
    'fp32',
    "Matrix products of training's loss and gradients: bf16 and f16 round the factors, sums and parameters stay float32. bf16: native backend, processors with AMX or AVX-512 BF16; f16: webgpu, GPUs with shader-f16.",
  ),
  labelSmoothing: real(0.1, "Probability spread over the wrong tokens (fairseq's V - 1).", { min: 0, max: 0.99 }),
  clipNorm: real(0, 'Bound on the global gradient norm; 0: none.', { min: 0 }),
  validateEveryUpdates: integer(0, 'Updates between validations; 0: once per epoch.', { min: 0, unit: 'updates' }),
  saveEveryUpdates: integer(0, "Updates between checkpoints, besides those at each epoch's end.", {
    min: 0,
    unit: 'updates',
  }),
  keepEpochs: integer(
    10,
    'How many checkpoints are kept for averaging: of the last epochs, or as keepEveryUpdates says.',
    { min: 0, unit: 'epochs' },
  ),
  keepEveryUpdates: integer(
    0,
    "Updates between the checkpoints that are kept for averaging; 0: one at each epoch's end.",
    { min: 0, unit: 'updates' },
  ),
  logEveryUpdates: integer(20, 'Updates between log lines.', { min: 1, unit: 'updates' }),
  patience: integer(0, 'Stop after this many validations without a new best; 0: never.', {
    min: 0,
    unit: 'validations',
  }),
  bestBy: choice(['loss', 'bleu'], 'loss', 'Which measure chooses the best checkpoint.'),
} as const satisfies Section;

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
    /** How many checkpoints are kept for averaging. */
    readonly keepEpochs: number;
    /** Updates between them; 0: one at each epoch's end. */
    readonly keepEveryUpdates: number;
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
  table.check(options);
  checkFields(options, { seed: seedField });
  checkFields(options, trainFields, 'train.', ['holdUpdates']);
  if (options.maxUpdates === 0 && options.maxEpochs === 0 && options.patience === 0) {
    throw new UsageError(
      'train.maxUpdates, train.maxEpochs and train.patience are all 0, so training would never end. Set one of them.',
    );
  }
  const { lead: leadIn } = options;
  if (leadIn !== undefined) checkFields(leadIn, leadFields, 'train.lead.');
  const lead = leadIn?.updates ?? 0;
  const { warmupUpdates, holdUpdates: hold = scheduleFields.holdUpdates.default } = options;
  if (fallsToMaxUpdates(options.schedule) && options.maxUpdates <= warmupUpdates + hold + lead) {
    const before = [
      `train.warmupUpdates (${warmupUpdates})`,
      ...(hold > 0 ? [`train.holdUpdates (${hold})`] : []),
      ...(lead > 0 ? [`the extra epoch (${lead})`] : []),
    ];
    throw unexpected(
      'train.maxUpdates',
      options.maxUpdates,
      `more than ${before.join(' and ')}, because the ${options.schedule} schedule falls from there to maxUpdates`,
    );
  }
  return options;
}
