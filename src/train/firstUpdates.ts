import type { Steps } from './optimizers.js';
import { fallsToMaxUpdates, learningRate, type ScheduleOptions } from './schedule.js';

/**
 * What a parameter moves by in the first updates of training while its gradient stays the same, at the schedule's rates
 * and without weight decay: with Adam k lr, with SGD lr times the gradient times the growing momentum.
 *
 * @param steps of the optimiser
 * @param gradient much smaller than 1 and much larger than Adam's eps
 */
export function firstMovement(options: ScheduleOptions, { step }: Steps, updates: number, gradient: number): number {
  // for a run of unknown length
  const schedule = fallsToMaxUpdates(options.schedule) && options.maxUpdates === 0 ? 'constant' : options.schedule;
  let moved = 0;
  for (let t = 1; t <= updates; t++) moved += learningRate({ ...options, schedule }, t - 1) * step(t, gradient);
  return moved;
}
