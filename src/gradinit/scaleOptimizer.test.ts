import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { smallNetBatch, smallNetParams, smallNets } from '../../test/smallNets.js';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { gradInit, releasedDefaults } from './gradInit.js';
import { releasedScaleOptimizer, type Branch, type ReleasedScaleOptions, type TensorGroup } from './scaleOptimizer.js';

const groups: readonly TensorGroup[] = ['weight', 'layer_norm', 'bias'];

/** Scales after each update from 1 along given derivatives. */
function trajectory(
  options: Partial<ReleasedScaleOptions>,
  updates: readonly (readonly [Branch, readonly number[]])[],
): number[][] {
  const optimizer = releasedScaleOptimizer(groups, { ...releasedDefaults, ...options });
  const scales = new Float64Array(groups.length).fill(1);
  return updates.map(([branch, gradients]) => {
    optimizer.update(scales, gradients, branch);
    return [...scales];
  });
}

const close = (found: number, expected: number, what: string): void =>
  assert.ok(Math.abs(found - expected) < 1e-7, `${what}: found ${found}, expected ${expected}`);

describe('steps that multiply scales', () => {
  test("are Adam's on their logarithms: the derivative by log s is s times that by s, and s moves by a factor", () => {
    const [lr, beta1, beta2, eps] = [0.1, 0.9, 0.98, 1e-8];
    const derivatives = [
      [2, -3, 0.5],
      [-1, -1, 4],
      [0.25, 6, -2],
      [1, 1, 1],
    ];
    const found = trajectory(
      { lr, layerNormLr: lr, beta1, beta2, eps, scaleStep: 'multiply' },
      derivatives.map((values) => ['objective', values]),
    );
    groups.forEach((group, i) => {
      let [theta, first, second] = [0, 0, 0];
      derivatives.forEach((values, k) => {
        const gradient = Math.exp(theta) * values[i];
        first = beta1 * first + (1 - beta1) * gradient;
        second = beta2 * second + (1 - beta2) * gradient ** 2;
        theta -= (lr * (first / (1 - beta1 ** (k + 1)))) / (Math.sqrt(second / (1 - beta2 ** (k + 1))) + eps);
        close(found[k][i], Math.exp(theta), `${group} after update ${k + 1}`);
      });
    });
    close(found[0][0], Math.exp(-0.1), 'the first step, for any size of the derivative');
  });

  test('never reach zero, unlike steps that are added, and keep the bounds', () => {
    const down = Array.from({ length: 40 }, () => ['constraint', [1, 1, 1]] as const);
    const rates = { lr: 0.1, layerNormLr: 0.1, minScale: 0.3 };
    assert.deepEqual(trajectory(rates, down).at(-1), [0.3, 0.3, 0]);
    const [weight, layerNorm, bias] = trajectory({ ...rates, scaleStep: 'multiply' }, down).at(-1)!;
    assert.deepEqual([weight, layerNorm], [0.3, 0.3]);
    assert.ok(bias > 0.01 && bias < 0.1, `bias ${bias}`);
    const up = down.map(([branch]) => [branch, [-1, -1, -1]] as const);
    const bounded = trajectory({ ...rates, layerNormMaxScale: 2, scaleStep: 'multiply' }, up).at(-1)!;
    assert.equal(bounded[1], 2);
    assert.ok(bounded[0] > 10);
  });

  test("are what gradInit takes: every scale is Adam's on the logarithm along the derivatives that it records", async () => {
    await selectBackend('cpu');
    const net = smallNets['a multilayer perceptron'];
    const params = smallNetParams(net, 3);
    const options = { ...releasedDefaults, lr: 0.05, scaleStep: 'multiply' } as const;
    const { params: learned, report } = await gradInit({
      params,
      loss: net.loss,
      batches: (i) => ({ first: smallNetBatch(8, i), second: smallNetBatch(8, i + 10) }),
      options: {
        ...options,
        variant: 'released',
        normalizeGrad: false,
        algorithm: 'adam',
        eta: 1e-2,
        gamma: 1e9,
        iterations: 4,
      },
    });
    disposeParams(learned);
    disposeParams(params);
    const optimizer = releasedScaleOptimizer(
      Object.keys(report.scales).map(() => 'weight'),
      options,
    );
    const scales = new Float64Array(Object.keys(report.scales).length).fill(1);
    for (const { scaleGradients, branch, scales: recorded } of report.iterations) {
      optimizer.update(scales, scaleGradients, branch);
      assert.deepEqual([...scales], recorded);
    }
    const [first] = report.iterations;
    first.scales.forEach((scale, i) => {
      if (first.scaleGradients[i] !== null)
        close(Math.abs(Math.log(scale)), 0.05, 'size of the first step in the logarithm');
    });
  });

  test('have moments for each branch', () => {
    const options = { lr: 0.1, scaleStep: 'multiply' } as const;
    const [, second] = trajectory(options, [
      ['constraint', [1e6, 1, 1]],
      ['objective', [2, 1, 1]],
    ]);
    close(second[0], Math.exp(-0.2), 'a small derivative of the other branch steps as far');
  });
});

test('layer norms may have their own lower bound', () => {
  const down = Array.from({ length: 40 }, () => ['objective', [1, 1, 1]] as const);
  const rates = { lr: 0.1, layerNormLr: 0.1 };
  assert.deepEqual(trajectory(rates, down).at(-1), [0.01, 0.01, 0]);
  assert.deepEqual(trajectory({ ...rates, layerNormMinScale: 0.5 }, down).at(-1), [0.01, 0.5, 0]);
});
