import { UsageError } from '../errors.js';

/** How the learning rate changes from update to update. */
export interface ScheduleOptions {
  readonly schedule: 'inverse_sqrt' | 'linear' | 'constant';
  /** Highest rate, reached after the warmup. */
  readonly lr: number;
  /** Updates over which the rate rises linearly from `warmupInitLr` to `lr`; 0 starts at `lr`. */
  readonly warmupUpdates: number;
  /** Rate of the first update of a warmup; negative: `lr`. */
  readonly warmupInitLr: number;
  /** Updates at `lr` after the warmup, before the rate begins to fall; default 0. */
  readonly holdUpdates?: number;
  /** Rate that `linear` reaches at `maxUpdates`. */
  readonly minLr: number;
  /** Length of the run in updates; `linear` needs it. */
  readonly maxUpdates: number;
  /** Updates before the schedule begins, at `lr` or rising linearly to it. */
  readonly lead?: { readonly shape: 'constant' | 'warmup'; readonly updates: number };
}

/** Whether the rates of a schedule depend on where training ends. */
export function fallsToMaxUpdates(schedule: ScheduleOptions['schedule']): boolean {
  return schedule === 'linear';
}

/**
 * The learning rate of one update.
 *
 * The rate rises over the warmup, stays at lr over the hold, and begins to fall at update s = warmup + hold:
 *
 * - `inverse_sqrt`: lr sqrt(s) / sqrt(t) (with s = 0: lr / sqrt(t), lr for the first update). Warmups of different length with the same
 *   s therefore differ in their first updates only.
 * - `linear`: falls in a straight line from lr at update s to minLr at maxUpdates, and on beyond.
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
  const { schedule, lr, warmupUpdates: warmup, holdUpdates: hold = 0, minLr, maxUpdates } = options;
  if (update < warmup) {
    const start = options.warmupInitLr < 0 ? lr : options.warmupInitLr;
    return start + (update * (lr - start)) / warmup;
  }
  const fallsFrom = warmup + hold;
  if (update < fallsFrom) return lr;
  switch (schedule) {
    case 'inverse_sqrt':
      return (lr * Math.sqrt(Math.max(fallsFrom, 1))) / Math.sqrt(Math.max(update, 1));
    case 'linear':
      return (lr - minLr) * (1 - (update - fallsFrom) / (maxUpdates - fallsFrom)) + minLr;
    case 'constant':
      return lr;
    default:
      throw new UsageError(`schedule is "${String(schedule)}", expected inverse_sqrt, linear or constant.`);
  }
}
