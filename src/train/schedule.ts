import { choice, integer, real, unexpected, type Section, type Values } from '../field.js';

export const schedules = ['inverse_sqrt', 'linear', 'cosine', 'constant'] as const;

/** What configurations and library calls may set of a schedule: type, bounds, default and help. */
export const scheduleFields = {
  lr: real(5e-4, 'Highest learning rate.', { min: 0 }),
  schedule: choice(schedules, 'inverse_sqrt', 'How the rate falls after the warmup.'),
  warmupUpdates: integer(4000, 'Updates over which the rate rises from warmupInitLr to lr.', {
    min: 0,
    unit: 'updates',
  }),
  warmupInitLr: real(
    1e-7,
    "Rate of the first update of a warmup; negative: lr, so that the warmup's updates run at the full rate.",
  ),
  holdUpdates: integer(0, 'Updates at lr after the warmup, before the rate falls.', { min: 0, unit: 'updates' }),
  minLr: real(0, 'Rate that linear and cosine reach at maxUpdates.', { min: 0 }),
  maxUpdates: integer(0, 'Training ends after this many updates; 0: no limit.', { min: 0, unit: 'updates' }),
} as const satisfies Section;

/** Of the updates before a schedule begins. */
export const leadFields = {
  shape: choice(['constant', 'warmup'], 'constant', 'At lr, or rising to it.'),
  updates: integer(0, 'How many.', { min: 0, unit: 'updates' }),
} as const satisfies Section;

/** How the learning rate changes from update to update. */
export interface ScheduleOptions {
  readonly schedule: (typeof schedules)[number];
  /** Highest rate, reached after the warmup. */
  readonly lr: number;
  /** Updates over which the rate rises linearly from `warmupInitLr` to `lr`; 0 starts at `lr`. */
  readonly warmupUpdates: number;
  /** Rate of the first update of a warmup; negative: `lr`. */
  readonly warmupInitLr: number;
  /** Updates at `lr` after the warmup, before the rate begins to fall; default 0. */
  readonly holdUpdates?: number;
  /** Rate that `linear` and `cosine` reach at `maxUpdates`. */
  readonly minLr: number;
  /** Length of the run in updates; `linear` and `cosine` need it. */
  readonly maxUpdates: number;
  /** Updates before the schedule begins, at `lr` or rising linearly to it. */
  readonly lead?: Readonly<Values<typeof leadFields>>;
}

/** Whether the rates of a schedule depend on where training ends. */
export function fallsToMaxUpdates(schedule: ScheduleOptions['schedule']): boolean {
  return schedule === 'linear' || schedule === 'cosine';
}

/**
 * The learning rate of one update.
 *
 * The rate rises over the warmup, stays at lr over the hold, and begins to fall at update s = warmup + hold:
 *
 * - `inverse_sqrt`: lr sqrt(s) / sqrt(t) (with s = 0: lr / sqrt(t), lr for the first update). Warmups of different
 *   length with the same s therefore differ in their first updates only.
 * - `linear`: falls in a straight line from lr at update s to minLr at maxUpdates, and on beyond.
 * - `cosine`: half a cosine from lr at update s to minLr at maxUpdates, and minLr beyond: minLr + (lr - minLr) (1 +
 *   cos(π (t - s) / (maxUpdates - s))) / 2.
 * - `constant`: lr.
 *
 * With a lead of k updates the schedule begins at update k; update t of a lead of shape warmup has lr (t + 1) / k.
 *
 * @param update updates done before this one: 0 for the first
 * Source: fairseq's InverseSquareRootSchedule (Vaswani et al. 2017, section 5.3) the linear schedule of GradInit's
 * code, and Loshchilov and Hutter 2017 (SGDR) without restarts, as PyTorch's CosineAnnealingLR.
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
  const { holdUpdates: hold = scheduleFields.holdUpdates.default } = options;
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
    case 'cosine': {
      const share = Math.min(1, (update - fallsFrom) / (maxUpdates - fallsFrom));
      return minLr + ((lr - minLr) * (1 + Math.cos(Math.PI * share))) / 2;
    }
    case 'constant':
      return lr;
    default:
      throw unexpected('schedule', schedule, scheduleFields.schedule.accepts);
  }
}
