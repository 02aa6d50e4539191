import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matMul, mean, memory, square, sub, tensor2d, type Scalar, type Tensor2D } from '@tensorflow/tfjs-core';
import {
  corpusBleu,
  defaultStep,
  disposeParams,
  gradInit,
  releasedDefaults,
  selectBackend,
  type Params,
} from './index.js';

test('GradInit through the library, on a network that has nothing to do with translation', async () => {
  await selectBackend('wasm');
  const before = memory().numTensors;
  const random = (rows: number, columns: number, scale: number): Tensor2D =>
    tensor2d(
      Float32Array.from({ length: rows * columns }, (_, i) => scale * Math.sin(12.9898 * (i + 1) * (i + 3))),
      [rows, columns],
    );
  // y = x A B with A far too large: the loss falls as its scale does
  const params: Params = new Map([
    ['a', random(4, 8, 5)],
    ['b', random(8, 2, 0.5)],
  ]);
  const [x, y] = [random(16, 4, 1), random(16, 2, 1)];
  const loss = (p: Params, _batch: number): Scalar =>
    mean(square(sub(matMul(matMul(x, p.get('a') as Tensor2D), p.get('b') as Tensor2D), y)));
  const { params: learned, report } = await gradInit({
    params,
    loss,
    batches: (iteration) => ({ first: 2 * iteration, second: 2 * iteration + 1 }),
    options: {
      ...releasedDefaults,
      ...defaultStep('adam'),
      lr: 0.05,
      algorithm: 'adam',
      variant: 'released',
      normalizeGrad: false,
      iterations: 20,
    },
  });
  // settings that are left out have the variant's defaults, and are checked by the configuration's fields
  const task = {
    params,
    loss,
    batches: (iteration: number) => ({ first: 2 * iteration, second: 2 * iteration + 1 }),
    algorithm: 'adam',
    iterations: 20,
  } as const;
  const short = await gradInit({ ...task, lr: 0.05, layerNormLr: 2.5e-3 });
  assert.deepEqual(short.report.scales, report.scales);
  disposeParams(short.params);
  for (const [key, value, expected] of [
    ['algorithm', 'adagrad', 'one of adam, sgd'],
    ['variant', 'improved', 'one of robust, released, paper'],
    ['iterations', 1.5, 'an integer from 1 to 1000000000'],
    ['eta', 0, 'a number above 0'],
    ['minScale', -1, 'a number of at least 0'],
    ['beta1', 1, 'a number of at least 0 and below 1'],
  ] as const)
    await assert.rejects(gradInit({ ...task, [key]: value } as never), {
      name: 'UsageError',
      message: `gradInit: ${key} is ${JSON.stringify(value)}, expected ${expected}.`,
    });
  assert.ok(report.scales.a < 0.5, `scale ${report.scales.a}`);
  assert.ok(report.iterations[19].lossBefore < 0.2 * report.iterations[0].lossBefore);
  const scaled = params
    .get('a')!
    .dataSync()
    .map((value) => value * report.scales.a);
  learned
    .get('a')!
    .dataSync()
    .forEach((value, i) => assert.ok(Math.abs(value - scaled[i]) < 1e-6));
  for (const tensors of [params, learned]) disposeParams(tensors);
  x.dispose();
  y.dispose();
  assert.equal(memory().numTensors, before);
});

test('scores through the library', () => {
  assert.equal(corpusBleu(['the cat sat on the mat .'], [['the cat sat on the mat .']]).score.toFixed(2), '100.00');
});
