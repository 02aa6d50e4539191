import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { memory, square, sum, tensor1d, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import { disposeParams, valueAndGradients, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { testBackends } from '../../test/testBackends.js';
import { translationLoss } from '../model/loss.js';
import {
  fixtureModelNames,
  fixtureParams,
  readFixtureModel,
  readFixtureTensors,
  readModelFixture,
} from '../../test/modelFixture.js';
import { clipScale } from './clip.js';
import { disposeOptimizerState } from './optimizer.js';
import { createOptimizer, type OptimizerOptions } from './optimizers.js';
import { rectification } from './radamOptimizer.js';
import { meanNorm, readSums } from './trainUpdate.js';

interface Entry {
  config: {
    kind: 'adam' | 'sgd';
    lr: number;
    momentum: number;
    weight_decay: number;
    clip_norm: number;
    steps: number;
    beta1: number;
    beta2: number;
    eps: number;
  };
  steps: {
    step: number;
    loss_before: number;
    grad_l2_before_clip: number;
    param_l2: Record<string, number>;
    change_l2: Record<string, number>;
  }[];
}

interface RadamRun {
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
  lr: number;
  start: number[];
  gradients: number[][];
  values: number[][];
}

function norm(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((total, value) => total + value * value, 0));
}

function within(found: number, expected: number, relative: number, what: string): void {
  assert.ok(
    Math.abs(found - expected) <= relative * Math.abs(expected),
    `${what}: found ${found}, expected ${expected}`,
  );
}

for (const backend of testBackends) {
  describe(`optimisers on ${backend}`, () => {
    before(async () => void (await selectBackend(backend)));

    test('GI-Adam: the first squared gradient is the second moment to begin with, and steps as a warmup by sqrt(1 - beta2^t)', () => {
      const beta2 = 0.9;
      const optimizer = createOptimizer({
        optimizer: 'adam',
        beta1: 0.5,
        beta2,
        eps: 1e-12,
        weightDecay: 0,
        secondMomentStart: 'first-gradient',
      });
      const start = memory().numTensors;
      let params: Params = new Map([['w', tensor1d([1, -2])]]);
      let state = optimizer.init(params);
      let [first, second] = [
        [0, 0],
        [9, 0.25],
      ]; // gradients 3 and -0.5 after scaling by a half
      const expected = [1, -2];
      [
        [6, -1],
        [2, 2],
        [6, -1],
      ].forEach((unscaled, i) => {
        const t = i + 1;
        const g = unscaled.map((value) => value / 2);
        first = first.map((m, k) => 0.5 * m + 0.5 * g[k]);
        second = second.map((v, k) => beta2 * v + (1 - beta2) * g[k] ** 2);
        first.forEach((m, k) => {
          expected[k] -= (0.1 * (m / (1 - 0.5 ** t))) / Math.sqrt(second[k] / (1 - beta2 ** t));
        });
        const gradients = new Map([['w', tensor1d(unscaled)]]);
        ({ params, state } = optimizer.update(gradients, state, params, { lr: 0.1, gradientScale: 0.5 }));
        // the first step: lr sqrt(1 - beta2) against the gradient's sign
        if (t === 1) within(params.get('w')!.dataSync()[0], 1 - 0.1 * Math.sqrt(1 - beta2), 1e-6, 'first step');
        params
          .get('w')!
          .dataSync()
          .forEach((value, k) => within(value, expected[k], 1e-6, `step ${t}, element ${k}`));
      });
      disposeParams(params);
      disposeOptimizerState(state);
      assert.equal(memory().numTensors, start);
    });

    test('GI-Adam: a gradient that stays the same moves by lr sqrt(1 - beta2^t), the warmup that its paper states, where Adam moves by lr', () => {
      for (const [secondMomentStart, rate] of [
        ['first-gradient', (t: number) => Math.sqrt(1 - 0.98 ** t)],
        ['zeros', () => 1],
      ] as const) {
        const optimizer = createOptimizer({
          optimizer: 'adam',
          beta1: 0.9,
          beta2: 0.98,
          eps: 1e-12,
          weightDecay: 0,
          secondMomentStart,
        });
        let params: Params = new Map([['w', tensor1d([0, 0, 0])]]);
        let state = optimizer.init(params);
        let moved = 0;
        for (let t = 1; t <= 40; t++) {
          ({ params, state } = optimizer.update(new Map([['w', tensor1d([4, -0.03, 700])]]), state, params, {
            lr: 0.01,
            gradientScale: 1,
          }));
          moved += 0.01 * rate(t);
          [-1, 1, -1].forEach((sign, k) =>
            within(params.get('w')!.dataSync()[k], sign * moved, 1e-4, `${secondMomentStart}, step ${t}, element ${k}`),
          );
        }
        disposeParams(params);
        disposeOptimizerState(state);
      }
    });

    for (const name of fixtureModelNames) {
      test(`every step on ${name} equals the reference numbers`, async () => {
        const { config, labelSmoothing, batch } = readFixtureModel(name);
        const entries = readModelFixture<{ optim: Record<string, Entry> }>(`${name}/expected.json`).optim;
        const whole = readFixtureTensors(`${name}/optim.safetensors`);
        const tensorsBefore = memory().numTensors;
        for (const [entryName, entry] of Object.entries(entries)) {
          const {
            kind,
            lr,
            momentum,
            weight_decay: weightDecay,
            clip_norm: clipNorm,
            beta1,
            beta2,
            eps,
          } = entry.config;
          const options: OptimizerOptions =
            kind === 'adam'
              ? { optimizer: 'adam', beta1, beta2, eps, weightDecay }
              : { optimizer: 'sgd', momentum, nesterov: false, weightDecay };
          const optimizer = createOptimizer(options);
          let params: Params = fixtureParams(name);
          const initial = new Map([...params].map(([parameter, tensor]) => [parameter, tensor.dataSync().slice()]));
          let state = optimizer.init(params);
          for (const expected of entry.steps) {
            const { value, gradients } = valueAndGradients(
              (p) => translationLoss(p, batch, { config, labelSmoothing }).lossSum,
              params,
            );
            within(
              value.dataSync()[0] / batch.trgTokens,
              expected.loss_before,
              1e-4,
              `${entryName} step ${expected.step} loss`,
            );
            const gradNormL2 = meanNorm((await readSums([], gradients)).norms, batch.trgTokens);
            within(gradNormL2, expected.grad_l2_before_clip, 1e-4, `${entryName} step ${expected.step} gradient norm`);
            const updated = optimizer.update(gradients, state, params, {
              lr,
              gradientScale: clipScale(gradNormL2, clipNorm) / batch.trgTokens,
            });
            value.dispose();
            ({ params, state } = updated);
            for (const [parameter, tensor] of params) {
              if (parameter.endsWith('k_proj.bias')) continue; // its gradient is rounding error only, which Adam magnifies
              const values = tensor.dataSync();
              const what = `${entryName} step ${expected.step} ${parameter}`;
              assert.ok(
                Math.abs(norm(values) - expected.param_l2[parameter]) <= 5e-5 * Math.sqrt(values.length),
                `norm of ${what}`,
              );
              const before = initial.get(parameter)!;
              const change = norm(values.map((v, i) => v - before[i]));
              // changes near float32 resolution (weight decay 1e-4) have their own rounding error
              assert.ok(
                Math.abs(change - expected.change_l2[parameter]) <= 2e-3 * expected.change_l2[parameter] + 1e-6,
                `change of ${what}: ${change}, expected ${expected.change_l2[parameter]}`,
              );
              const full = whole.get(`${entryName}.${expected.step}/${parameter}`);
              full?.data.forEach((v, i) =>
                assert.ok(Math.abs(values[i] - v) <= 5e-5, `${what}[${i}]: found ${values[i]}, expected ${v}`),
              );
            }
          }
          disposeParams(params);
          disposeOptimizerState(state);
        }
        assert.equal(memory().numTensors, tensorsBefore);
      });
    }

    test("RAdam takes torch.optim.RAdam's steps, without a second moment at first, then rectified", () => {
      const runs = readModelFixture<RadamRun[]>('radam.json');
      for (const { lr, start, gradients, values, ...options } of runs) {
        const optimizer = createOptimizer({ optimizer: 'radam', ...options });
        const tensorsBefore = memory().numTensors;
        let params: Params = new Map([['w', tensor1d(start)]]);
        let state = optimizer.init(params);
        gradients.forEach((gradient, i) => {
          const doubled = new Map([['w', tensor1d(gradient.map((value) => 2 * value))]]);
          ({ params, state } = optimizer.update(doubled, state, params, { lr, gradientScale: 0.5 }));
          params
            .get('w')!
            .dataSync()
            .forEach((value, k) =>
              assert.ok(
                Math.abs(value - values[i][k]) < 2e-6 * (1 + Math.abs(values[i][k])),
                `beta2 ${options.beta2}, step ${i + 1}, element ${k}: found ${value}, expected ${values[i][k]}`,
              ),
            );
        });
        assert.deepEqual([...state.slots.keys()], [...optimizer.slots]);
        disposeParams(params);
        disposeOptimizerState(state);
        assert.equal(memory().numTensors, tensorsBefore);
      }
    });

    test("Nesterov momentum takes torch's steps", () => {
      const optimizer = createOptimizer({ optimizer: 'sgd', momentum: 0.5, nesterov: true, weightDecay: 0 });
      let params: Params = new Map<string, Tensor>([['w', tensor1d([1])]]);
      let state = optimizer.init(params);
      const seen: number[] = [];
      for (let i = 0; i < 3; i++) {
        ({ params, state } = optimizer.update(new Map([['w', tensor1d([2])]]), state, params, {
          lr: 0.25,
          gradientScale: 0.5,
        }));
        seen.push(params.get('w')!.dataSync()[0]);
      }
      // g = 1: buffers 1, 1.5, 1.75; directions 1.5, 1.75, 1.875
      assert.deepEqual(seen, [1 - 0.375, 1 - 0.375 - 0.4375, 1 - 0.375 - 0.4375 - 0.46875]);
    });
  });
}

test('RAdam rectifies from the sixth update with beta2 0.98, never with beta2 0.6', () => {
  assert.deepEqual(
    [1, 4, 5, 6].map((t) => rectification(0.98, t) === undefined),
    [true, true, true, false],
  );
  // 99 - 12 0.98^6 / (1 - 0.98^6) = 5.76 long at update 6
  const length = 99 - (12 * 0.98 ** 6) / (1 - 0.98 ** 6);
  within(
    rectification(0.98, 6)!,
    Math.sqrt(((length - 4) * (length - 2) * 99) / (95 * 97 * length)),
    1e-12,
    'factor of update 6',
  );
  within(rectification(0.98, 10000)!, 1, 1e-9, 'factor of an old moment');
  assert.equal(rectification(0.6, 10000), undefined);
});

test('gradients and state are matched by name, and a missing one is named', () => {
  const optimizer = createOptimizer({ optimizer: 'adam', beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0 });
  const params = new Map([
    ['a', tensor1d([1])],
    ['b', tensor1d([2])],
  ]);
  const gradients = new Map([
    ['b', tensor1d([1])],
    ['a', tensor1d([-1])],
  ]);
  const { params: moved } = optimizer.update(gradients, optimizer.init(params), params, { lr: 0.5, gradientScale: 1 });
  assert.deepEqual(
    [...moved].map(([name, tensor]) => [name, Number(tensor.dataSync()[0].toFixed(5))]),
    [
      ['a', 1.5],
      ['b', 1.5],
    ],
  );
  gradients.delete('a');
  assert.throws(
    () => optimizer.update(gradients, optimizer.init(params), params, { lr: 0.5, gradientScale: 1 }),
    /no gradient for parameter "a"/,
  );
});

test('clipping scales only gradients above the bound', () => {
  assert.equal(clipScale(0.4, 0.5), 1);
  assert.equal(clipScale(2, 0), 1);
  assert.ok(Math.abs(clipScale(2, 0.5) - 0.25) < 1e-6);
});

test('valueAndGradients gives zeros for an unused parameter', () => {
  const params = new Map([
    ['used', tensor1d([3])],
    ['unused', tensor1d([1, 2])],
  ]);
  const { value, gradients } = valueAndGradients((p) => sum(square(p.get('used')!)) as Scalar, params);
  assert.equal(value.dataSync()[0], 9);
  assert.deepEqual([...gradients.get('used')!.dataSync()], [6]);
  assert.deepEqual([...gradients.get('unused')!.dataSync()], [0, 0]);
});
