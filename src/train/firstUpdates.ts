import type { Steps } from './optimizers.js';
import { fallsToMaxUpdates, learningRate, type ScheduleOptions } from './schedule.js';

/**
 * What a parameter moves by in the first updates of training at the full rate while its gradient stays the same, and
 * without weight decay: with Adam k lr, with SGD lr times the gradient times the growing momentum. The updates of a
 * warmup are skipped: harm is done at the rate that they lead to.
 *
 * @param steps of the optimiser
 * @param gradient much smaller than 1 and much larger than Adam's eps
 */
export function firstMovement(options: ScheduleOptions, { step }: Steps, updates: number, gradient: number): number {
  const first = firstFullUpdate(options);
  // for a run of unknown length, or one that ends in its warmup
  const isEndUsable = !fallsToMaxUpdates(options.schedule) || options.maxUpdates > first;
  const schedule = isEndUsable ? options.schedule : 'constant';
  let moved = 0;
  for (let t = 1; t <= updates; t++) moved += learningRate({ ...options, schedule }, first + t - 1) * step(t, gradient);
  return moved;
}

/** The first update at the highest rate, counted from 0. */
function firstFullUpdate({ lead, warmupUpdates, warmupInitLr }: ScheduleOptions): number {
  if (lead !== undefined && lead.updates > 0 && lead.shape === 'constant') return 0;
  return (lead?.updates ?? 0) + (warmupInitLr < 0 ? 0 : warmupUpdates);
}
