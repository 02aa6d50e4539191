import { tensor1d } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { disposeOptimizerState } from './optimizer.js';
import { createOptimizer } from './optimizers.js';
import { learningRate } from './schedule.js';
import type { TrainOptions } from './trainOptions.js';

/**
 * What a parameter moves by in the first updates of training while its gradient stays the same: with Adam k lr, less where the second
 * moment begins with the first gradient's square; with SGD lr times the gradient times the growing momentum. It is the optimiser itself
 * that moves, at the schedule's rates, but without weight decay.
 *
 * @param gradient small beside 1 and large beside Adam's eps
 */
export function firstMovement(options: TrainOptions, updates: number, gradient: number): number {
  const optimizer = createOptimizer({ ...options, weightDecay: 0 });
  let params: Params = new Map([['w', tensor1d([0])]]);
  let state = optimizer.init(params);
  for (let update = 0; update < updates; update++) {
    const gradients = new Map([['w', tensor1d([gradient])]]);
    ({ params, state } = optimizer.update(gradients, state, params, {
      lr: learningRate(options, update),
      gradientScale: 1,
    }));
  }
  const [moved] = params.get('w')!.dataSync();
  disposeParams(params);
  disposeOptimizerState(state);
  return -moved;
}
