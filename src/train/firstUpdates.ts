import { tensor1d } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { disposeOptimizerState } from './optimizer.js';
import { createOptimizer, type OptimizerOptions } from './optimizers.js';
import { fallsToMaxUpdates, learningRate, type ScheduleOptions } from './schedule.js';

/**
 * What a parameter moves by in the first updates of training while its gradient stays the same: with Adam k lr, less where the second
 * moment begins with the first gradient's square; with SGD lr times the gradient times the growing momentum. It is the optimiser itself
 * that moves, at the schedule's rates, but without weight decay.
 *
 * @param gradient small beside 1 and large beside Adam's eps
 */
export function firstMovement(options: OptimizerOptions & ScheduleOptions, updates: number, gradient: number): number {
  // of a run whose end is not known yet
  const schedule = fallsToMaxUpdates(options.schedule) && options.maxUpdates === 0 ? 'constant' : options.schedule;
  const optimizer = createOptimizer({ ...options, weightDecay: 0 });
  let params: Params = new Map([['w', tensor1d([0])]]);
  let state = optimizer.init(params);
  for (let update = 0; update < updates; update++) {
    const gradients = new Map([['w', tensor1d([gradient])]]);
    ({ params, state } = optimizer.update(gradients, state, params, {
      lr: learningRate({ ...options, schedule }, update),
      gradientScale: 1,
    }));
  }
  const [moved] = params.get('w')!.dataSync();
  disposeParams(params);
  disposeOptimizerState(state);
  return -moved;
}
