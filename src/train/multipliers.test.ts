import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { memory, tensor1d } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { multipliersAt, updateWithMultipliers } from './multipliers.js';
import { disposeOptimizerState } from './optimizer.js';
import { createOptimizer, type OptimizerOptions } from './optimizers.js';

type Values = Record<string, number[]>;

/** Gradients of a loss that couples the tensors: half the sum of (w - t)² plus the product of the first elements. */
const targets: Values = { first: [3, -1, 0.5], second: [-2, 4], third: [1] };
function gradientsAt(w: Values): Values {
  return Object.fromEntries(
    Object.keys(w).map((name) => [
      name,
      w[name].map(
        (value, i) =>
          value -
          targets[name][i] +
          (i === 0
            ? Object.keys(w).reduce((product, other) => (other === name ? product : product * w[other][0]), 1)
            : 0),
      ),
    ]),
  );
}

const start: Values = { first: [0.6, -0.9, 1.2], second: [0.8, -0.4], third: [0.7] };
const multipliers = new Map([
  ['first', 0.3],
  ['third', 1.6],
]);
const toTensors = (values: Values): Params =>
  new Map(Object.entries(values).map(([name, numbers]) => [name, tensor1d(numbers)]));
const toValues = (params: Params): Values =>
  Object.fromEntries([...params].map(([name, value]) => [name, [...value.dataSync()]]));
const times = (values: Values, factor: (name: string) => number): Values =>
  Object.fromEntries(Object.entries(values).map(([name, v]) => [name, v.map((x) => x * factor(name))]));
const s = (name: string): number => multipliers.get(name) ?? 1;

/** Weights after some updates of W with multipliers. */
function trainWeights(options: OptimizerOptions, updates: number): Values {
  const optimizer = createOptimizer(options);
  let params = toTensors(start);
  let state = optimizer.init(params);
  for (let i = 0; i < updates; i++) {
    const gradients = toTensors(gradientsAt(toValues(params)));
    const rates = { lr: 0.05, gradientScale: 0.5 };
    ({ params, state } = updateWithMultipliers(optimizer, gradients, state, params, rates, multipliers));
  }
  const values = toValues(params);
  disposeParams(params);
  disposeOptimizerState(state);
  return values;
}

/** The same by the definition: the optimiser trains V = W / s, through W = s V. */
function trainFactors(options: OptimizerOptions, updates: number): Values {
  const optimizer = createOptimizer(options);
  let params = toTensors(times(start, (name) => 1 / s(name)));
  let state = optimizer.init(params);
  for (let i = 0; i < updates; i++) {
    const gradients = toTensors(times(gradientsAt(times(toValues(params), s)), s));
    ({ params, state } = optimizer.update(gradients, state, params, { lr: 0.05, gradientScale: 0.5 }));
  }
  const values = times(toValues(params), s);
  disposeParams(params);
  disposeOptimizerState(state);
  return values;
}

describe('multipliers', () => {
  before(async () => void (await selectBackend('cpu')));

  const kinds: Record<string, OptimizerOptions> = {
    'Adam with weight decay': { optimizer: 'adam', weightDecay: 0.2 },
    'Adam whose eps counts': { optimizer: 'adam', eps: 0.3 },
    'Adam with a second moment from the first gradient': { optimizer: 'adam', secondMomentStart: 'first-gradient' },
    'RAdam with weight decay': { optimizer: 'radam', weightDecay: 0.2 },
    'SGD with momentum and weight decay': { optimizer: 'sgd', momentum: 0.7, weightDecay: 0.2 },
    "SGD with Nesterov's momentum": { optimizer: 'sgd', momentum: 0.7, nesterov: true },
    'SGD without momentum': { optimizer: 'sgd', momentum: 0 },
  };
  for (const [name, options] of Object.entries(kinds)) {
    test(`${name}: W with a multiplier s trains as s V through V`, () => {
      const tensors = memory().numTensors;
      const [found, expected] = [trainWeights(options, 9), trainFactors(options, 9)];
      for (const tensor of Object.keys(start))
        found[tensor].forEach((value, i) =>
          assert.ok(
            Math.abs(value - expected[tensor][i]) < 2e-6,
            `${tensor}[${i}]: found ${value}, expected ${expected[tensor][i]}`,
          ),
        );
      assert.ok(Math.abs(found.first[0] - start.first[0]) > 0.01, 'it moved');
      assert.equal(memory().numTensors, tensors);
    });
  }

  test('the first step is s lr for Adam and s² lr times the gradient for SGD', () => {
    const gradient = gradientsAt(start).first[0];
    const adam = trainWeights({ optimizer: 'adam' }, 1).first[0] - start.first[0];
    const sgd = trainWeights({ optimizer: 'sgd' }, 1).first[0] - start.first[0];
    assert.ok(Math.abs(adam + 0.3 * 0.05 * Math.sign(gradient)) < 1e-6, `${adam}`);
    assert.ok(Math.abs(sgd + 0.3 ** 2 * 0.05 * 0.5 * gradient) < 1e-6, `${sgd}`);
  });

  test('a release takes the logarithms to 0 in a straight line; without one multipliers stay', () => {
    const scales = { a: 0.25, b: 4, c: 1 };
    assert.deepEqual(
      [...multipliersAt({ scales, releaseUpdates: 0 }, 1000)],
      [
        ['a', 0.25],
        ['b', 4],
      ],
    );
    assert.deepEqual(
      [...multipliersAt({ scales, releaseUpdates: 10 }, 0)],
      [
        ['a', 0.25],
        ['b', 4],
      ],
    );
    assert.deepEqual(
      [...multipliersAt({ scales, releaseUpdates: 10 }, 5)],
      [
        ['a', 0.5],
        ['b', 2],
      ],
    );
    assert.deepEqual([...multipliersAt({ scales, releaseUpdates: 10 }, 10)], []);
    assert.deepEqual([...multipliersAt({ scales, releaseUpdates: 10 }, 4000)], []);
  });
});
