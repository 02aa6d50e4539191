import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { memory } from '@tensorflow/tfjs-core';
import { selectBackend } from '../backend/select.js';
import { firstMovement } from './firstUpdates.js';

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
  } as Parameters<typeof firstMovement>[0];
  const tensors = memory().numTensors;
  const moved = firstMovement(options, updates, gradient);
  assert.equal(memory().numTensors, tensors);
  return moved;
}

const near = (found: number, expected: number): void =>
  assert.ok(Math.abs(found - expected) < 1e-3 * expected, `found ${found}, expected ${expected}`);

describe('movement in the first updates', () => {
  before(async () => void (await selectBackend('cpu')));

  test('Adam moves by the rate in each, whatever the gradient and without its weight decay', () => {
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

  test('in a warmup at the rates of the warmup', () => {
    near(movement({ warmupUpdates: 10, warmupInitLr: 0 }, 4), 0.01 * 0.6);
  });

  test('of a run whose end is not known the rate does not fall', () => {
    near(movement({ schedule: 'linear', warmupUpdates: 0 }, 3), 0.03);
    near(movement({ schedule: 'linear', warmupUpdates: 0, maxUpdates: 10 }, 3), 0.01 * (1 + 0.9 + 0.8));
  });
});
