import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { filled } from '../../../test/compareWithCpu.js';
import { testFusedKernels } from '../../../test/fusedKernels.js';
import { withoutGpu } from '../../../test/testBackends.js';
import * as kernels from '../ops/kernels.js';
import { labelSmoothedCrossEntropy } from '../ops/crossEntropy.js';
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
