import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { filled } from '../../../test/compareWithCpu.js';
import { testFusedKernels } from '../../../test/fusedKernels.js';
import { withoutGpu } from '../../../test/testBackends.js';
import * as kernels from '../ops/kernels.js';
import { labelSmoothedCrossEntropy } from '../ops/crossEntropy.js';
import { runFused } from '../ops/dispatch.js';
import { linears } from '../ops/linear.js';
import { selectBackend } from '../select.js';
import { loadedGpuBackend } from './loadWebGpu.js';

describe('fused webgpu kernels', { skip: withoutGpu }, () => {
  /** The most buffers that a program bound, besides its uniforms. */
  let mostBuffers = 0;
  before(async () => {
    await selectBackend('cpu');
    await selectBackend('webgpu');
    const backend = await loadedGpuBackend();
    const { compute } = backend;
    backend.compute = (program) => {
      mostBuffers = Math.max(mostBuffers, program.outputs.length + program.inputs.length);
      compute.call(backend, program);
    };
  });

  testFusedKernels('webgpu', 5);

  test('losses, their Hessian products and decoding take logits in blocks of rows', async () => {
    const backend = await loadedGpuBackend();
    const { logitsAtOnce } = backend;
    const [n, d, vocab] = [23, 5, 7];
    const compute = (): number[][] => {
      const [hidden, embedding, u] = [
        [n, d],
        [vocab, d],
        [n, d],
      ].map((shape, i) => tf.tensor(filled(shape, 3 + i).values, shape));
      const targets = tf.tensor(
        Array.from({ length: n }, (_, i) => (3 * i) % vocab),
        [n],
        'int32',
      );
      const loss = (h: tf.Tensor, e: tf.Tensor): tf.Tensor =>
        labelSmoothedCrossEntropy(h, e, targets, { labelSmoothing: 0.1, padId: 1 }).lossSum;
      const slope = (h: tf.Tensor, e: tf.Tensor): tf.Tensor => tf.sum(tf.mul(tf.grads(loss)([h, e])[0], u));
      const attrs = { count: 3, endToken: 2, excluded: [1] };
      return [
        loss(hidden, embedding),
        ...tf.grads(loss)([hidden, embedding]),
        ...tf.grads(slope)([hidden, embedding]),
        ...runFused(kernels.topLogProbsKernel, { hidden, embedding }, attrs),
      ].map((y) => [...y.dataSync()]);
    };
    await tf.setBackend('webgpu');
    const whole = tf.tidy(() => compute());
    backend.logitsAtOnce = 4 * vocab;
    const before = backend.dispatches;
    try {
      tf.tidy(() => compute()).forEach((values, which) =>
        values.forEach((value, i) =>
          assert.ok(
            Math.abs(value - whole[which][i]) < 1e-4 * (1 + Math.abs(value)),
            `output ${which}[${i}]: ${value}`,
          ),
        ),
      );
      assert.ok(backend.dispatches - before > 6 * 3 * 3);
    } finally {
      backend.logitsAtOnce = logitsAtOnce;
    }
  });

  test('bind no more buffers than every device has', () => assert.equal(mostBuffers, 8));

  test('are there for every operation', () => {
    const names = Object.values(kernels);
    assert.ok(names.length > 15);
    assert.deepEqual(
      names.filter((name) => tf.getKernel(name, 'webgpu') === undefined),
      [],
    );
  });

  test('have the same bits every time, and for linears whether their weights lie together or not', async () => {
    await tf.setBackend('webgpu');
    const [n, d, vocab] = [130, 40, 90];
    const make = (shape: number[], seed: number): tf.Tensor => tf.tensor(filled(shape, seed).values, shape);
    const targets = tf.tensor(
      Array.from({ length: n }, (_, i) => (7 * i) % vocab),
      [n],
      'int32',
    );
    const compute = (...inputs: tf.Tensor[]): tf.Tensor => {
      const [x, embedding, ...rest] = inputs;
      const [a, b] = linears(x, rest.slice(0, 2), rest.slice(2));
      return labelSmoothedCrossEntropy(tf.add(a, b), embedding, targets, { labelSmoothing: 0.1, padId: 1 }).lossSum;
    };
    const inputs = [[n, d], [vocab, d], [d, d], [d, d], [d], [d]].map(make);
    const [first, second] = [1, 2].map(() =>
      tf
        .grads(compute)(inputs)
        .map((gradient) => [...gradient.dataSync()]),
    );
    assert.deepEqual(first, second);
    const copies = inputs.map((x) => tf.mul(x, 1));
    assert.deepEqual(
      tf
        .grads(compute)(copies)
        .map((gradient) => [...gradient.dataSync()]),
      first,
    );
  });
});
