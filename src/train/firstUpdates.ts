import { adam } from './adamOptimizer.js';
import type { OptimizerOptions } from './optimizers.js';
import { radam, rectification } from './radamOptimizer.js';
import { fallsToMaxUpdates, learningRate, type ScheduleOptions } from './schedule.js';
import { sgd } from './sgdOptimizer.js';

/**
 * What a parameter moves by in the first updates of training while its gradient stays the same: with Adam k lr, less where the second
 * moment begins with the first gradient's square; with SGD lr times the gradient times the growing momentum. At the schedule's rates, without
 * weight decay. In plain numbers, so that it needs no backend; the test compares it with the optimisers.
 *
 * @param gradient much smaller than 1 and much larger than Adam's eps
 */
export function firstMovement(options: OptimizerOptions & ScheduleOptions, updates: number, gradient: number): number {
  // for a run of unknown length
  const schedule = fallsToMaxUpdates(options.schedule) && options.maxUpdates === 0 ? 'constant' : options.schedule;
  let moved = 0;
  for (let t = 1; t <= updates; t++)
    moved += learningRate({ ...options, schedule }, t - 1) * stepOfRate(options, t, gradient);
  return moved;
}

/** What update t moves by at a rate of 1, if the gradient has always been the same. */
function stepOfRate(options: OptimizerOptions, t: number, gradient: number): number {
  if (options.optimizer === 'sgd') {
    const { momentum = sgd.fields.momentum.default, nesterov = sgd.fields.nesterov.default } = options;
    const buffer = (k: number): number => (gradient * (1 - momentum ** k)) / (1 - momentum);
    return nesterov ? gradient + momentum * buffer(t) : buffer(t);
  }
  const { beta2 = adam.fields.beta2.default, eps = adam.fields.eps.default } = options;
  // the correction of the first moment undoes its start from zero
  const startsFromGradient = options.optimizer === 'adam' && options.secondMomentStart === 'first-gradient';
  const correction = Math.sqrt(1 - beta2 ** t);
  const root = gradient * (startsFromGradient ? 1 : correction);
  const step = (correction * gradient) / (root + eps);
  if (options.optimizer === 'adam') return step;
  const factor = rectification(options.beta2 ?? radam.fields.beta2.default, t);
  return factor === undefined ? gradient : factor * step;
}
