import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { tensor1d } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { firstMovement } from './firstUpdates.js';
import { disposeOptimizerState } from './optimizer.js';
import { createOptimizer, optimizers, type OptimizerOptions } from './optimizers.js';
import { learningRate, type ScheduleOptions } from './schedule.js';

function movement(changes: Record<string, unknown>, updates: number, gradient = 1e-3): number {
  const options = {
    optimizer: 'adam',
    schedule: 'inverse_sqrt',
    lr: 0.01,
    warmupUpdates: 100,
    warmupInitLr: -1,
    minLr: 0,
    maxUpdates: 0,
    ...changes,
  } as OptimizerOptions & ScheduleOptions;
  const moved = firstMovement(options, optimizers.steadySteps(options)!, updates, gradient);
  const byOptimizer = optimizerMovement(options, updates, gradient);
  assert.ok(Math.abs(moved / byOptimizer - 1) < 1e-4, `found ${moved}, the optimiser moves by ${byOptimizer}`);
  return moved;
}

/** By the optimiser itself, without weight decay. */
function optimizerMovement(options: OptimizerOptions & ScheduleOptions, updates: number, gradient: number): number {
  const optimizer = createOptimizer({ ...options, weightDecay: 0 });
  let params: Params = new Map([['w', tensor1d([0])]]);
  let state = optimizer.init(params);
  for (let update = 0; update < updates; update++) {
    const schedule = options.maxUpdates === 0 ? 'constant' : options.schedule;
    const rates = { lr: learningRate({ ...options, schedule }, update), gradientScale: 1 };
    ({ params, state } = optimizer.update(new Map([['w', tensor1d([gradient])]]), state, params, rates));
  }
  const [moved] = params.get('w')!.dataSync();
  disposeParams(params);
  disposeOptimizerState(state);
  return -moved;
}

const near = (found: number, expected: number): void =>
  assert.ok(Math.abs(found - expected) < 1e-3 * expected, `found ${found}, expected ${expected}`);

describe('movement in the first updates', () => {
  before(async () => void (await selectBackend('cpu')));

  test('Adam moves by the rate in each, for any gradient and without its weight decay', () => {
    near(movement({}, 1), 0.01);
    near(movement({ weightDecay: 0.5 }, 5), 0.05);
    near(movement({}, 5, 1e-2), 0.05);
  });

  test('with a second moment from the first gradient by lr sqrt(1 - beta2^t) in update t', () => {
    const sum = [1, 2, 3, 4, 5].reduce((total, t) => total + Math.sqrt(1 - 0.98 ** t), 0);
    near(movement({ secondMomentStart: 'first-gradient' }, 5), 0.01 * sum);
  });

  test('SGD moves by the rate times the gradient times the momentum that has grown', () => {
    const changes = { optimizer: 'sgd', momentum: 0.9 };
    near(movement(changes, 3, 0.5), 0.01 * 0.5 * (1 + 1.9 + 2.71));
  });

  test("with Nesterov's momentum, without momentum, and with other settings of Adam as the optimisers do", () => {
    for (const updates of [1, 2, 8]) {
      movement({ optimizer: 'sgd', nesterov: true }, updates);
      movement({ optimizer: 'sgd', momentum: 0 }, updates);
      movement({ optimizer: 'adam', beta1: 0.5, beta2: 0.9, eps: 1e-4 }, updates);
    }
  });

  test("RAdam looks ahead to Adam's steps, which its own grow into", () => {
    const options = {
      lr: 0.01,
      schedule: 'constant',
      warmupUpdates: 0,
      warmupInitLr: -1,
      minLr: 0,
      maxUpdates: 0,
    } as const;
    const moved = firstMovement(options, optimizers.steadySteps({ optimizer: 'radam' })!, 5, 1e-3);
    near(moved, 0.05);
  });

  test('a warmup is skipped: the step is that of its end, with the second moment of the first updates', () => {
    const fromFullRate = (changes: Record<string, unknown>, updates: number): number => {
      const options = { optimizer: 'adam', schedule: 'constant', lr: 0.01, minLr: 0, maxUpdates: 0, ...changes };
      const whole = options as OptimizerOptions & ScheduleOptions;
      return firstMovement(whole, optimizers.steadySteps(whole)!, updates, 1e-3);
    };
    near(fromFullRate({ warmupUpdates: 10, warmupInitLr: 0 }, 4), 0.04);
    const sum = [1, 2, 3, 4, 5].reduce((total, t) => total + Math.sqrt(1 - 0.98 ** t), 0);
    const giAdam = { secondMomentStart: 'first-gradient', beta2: 0.98 };
    near(fromFullRate({ ...giAdam, warmupUpdates: 4000, warmupInitLr: 1e-7 }, 5), 0.01 * sum);
    // the rate falls as after the warmup
    const falling = { schedule: 'inverse_sqrt', warmupUpdates: 4, warmupInitLr: 0 };
    near(fromFullRate(falling, 3), 0.01 * (1 + Math.sqrt(4 / 5) + Math.sqrt(4 / 6)));
    // a run that ends in its warmup has no end from which to fall
    near(fromFullRate({ schedule: 'linear', warmupUpdates: 10, warmupInitLr: 0, maxUpdates: 8 }, 3), 0.03);
    const lead = { shape: 'warmup', updates: 6 };
    near(fromFullRate({ lead, warmupUpdates: 10, warmupInitLr: -1 }, 3), 0.03);
    near(fromFullRate({ lead: { ...lead, shape: 'constant' }, warmupUpdates: 10, warmupInitLr: 0 }, 3), 0.03);
  });

  test('of a run whose end is not known the rate does not fall', () => {
    near(movement({ schedule: 'linear', warmupUpdates: 0 }, 3), 0.03);
    near(movement({ schedule: 'linear', warmupUpdates: 0, maxUpdates: 10 }, 3), 0.01 * (1 + 0.9 + 0.8));
  });
});
