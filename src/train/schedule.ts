import { UsageError } from '../errors.js';

/** How the learning rate changes from update to update. */
export interface ScheduleOptions {
  readonly schedule: 'inverse_sqrt' | 'linear' | 'constant';
  /** Highest rate, reached after the warmup. */
  readonly lr: number;
  /** Updates over which the rate rises linearly from `warmupInitLr` to `lr`; 0 starts at `lr`. */
  readonly warmupUpdates: number;
  /** Rate of the very first update when there is a warmup; negative: `lr`. */
  readonly warmupInitLr: number;
  /** Rate that `linear` reaches at `maxUpdates`. */
  readonly minLr: number;
  /** Length of the run in updates; `linear` needs it. */
  readonly maxUpdates: number;
  /** Updates before the schedule begins, at `lr` or rising linearly to it. */
  readonly lead?: { readonly shape: 'constant' | 'warmup'; readonly updates: number };
}

/**
 * The learning rate of one update.
 *
 * - `inverse_sqrt`: lr sqrt(warmup) / sqrt(t) after the warmup (with warmup 0: lr / sqrt(t), lr for the first update).
 * - `linear`: falls in a straight line from lr at the end of the warmup to minLr at maxUpdates, and on beyond.
 * - `constant`: lr.
 *
 * With a lead of k updates the schedule begins at update k; update t of a lead of shape warmup has lr (t + 1) / k.
 *
 * @param update updates done before this one: 0 for the first
 * Source: fairseq's InverseSquareRootSchedule (Vaswani et al. 2017, section 5.3) and the linear schedule of GradInit's code.
 */
export function learningRate(options: ScheduleOptions, update: number): number {
  const { lead } = options;
  if (lead === undefined) return scheduledRate(options, update);
  if (update >= lead.updates)
    return scheduledRate({ ...options, maxUpdates: options.maxUpdates - lead.updates }, update - lead.updates);
  return lead.shape === 'constant' ? options.lr : (options.lr * (update + 1)) / lead.updates;
}

function scheduledRate(options: ScheduleOptions, update: number): number {
  const { schedule, lr, warmupUpdates: warmup, minLr, maxUpdates } = options;
  if (update < warmup) {
    const start = options.warmupInitLr < 0 ? lr : options.warmupInitLr;
    return start + (update * (lr - start)) / warmup;
  }
  switch (schedule) {
    case 'inverse_sqrt':
      return (lr * Math.sqrt(Math.max(warmup, 1))) / Math.sqrt(Math.max(update, 1));
    case 'linear':
      return (lr - minLr) * (1 - (update - warmup) / (maxUpdates - warmup)) + minLr;
    case 'constant':
      return lr;
    default:
      throw new UsageError(`schedule is "${String(schedule)}", expected inverse_sqrt, linear or constant.`);
  }
}
