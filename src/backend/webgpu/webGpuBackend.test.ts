import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { withoutGpu } from '../../../test/testBackends.js';
import { ColdstartError, UsageError } from '../../errors.js';
import { checkPrecision } from '../precision.js';
import { selectBackend } from '../select.js';
import { hardwareGpu, installedVersion, loadedGpuBackend, loadWebGpu } from './loadWebGpu.js';
import type { GpuBackend } from './webGpuBackend.js';

function numbers(shape: number[], salt: number): tf.Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * salt)),
    shape,
  );
}

/** The same computation on cpu and webgpu. */
async function assertAsCpu(compute: () => tf.Tensor, tolerance = 1e-5): Promise<void> {
  const on = async (backend: string): Promise<{ shape: number[]; values: number[] }> => {
    await selectBackend(backend);
    return tf.tidy(() => {
      const y = compute();
      return { shape: y.shape, values: [...y.dataSync()] };
    });
  };
  const [expected, found] = [await on('cpu'), await on('webgpu')];
  assert.deepEqual(found.shape, expected.shape);
  found.values.forEach((value, i) =>
    assert.ok(
      Object.is(value, expected.values[i]) ||
        Math.abs(value - expected.values[i]) <= tolerance * (1 + Math.abs(expected.values[i])),
      `[${i}]: found ${value}, expected ${expected.values[i]}`,
    ),
  );
}

test('the version that doctor shows is the installed one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coldstart-version-'));
  mkdirSync(join(folder, 'node_modules/webgpu'), { recursive: true });
  writeFileSync(join(folder, 'node_modules/webgpu/package.json'), '{"name": "webgpu", "version": "9.8.7"}');
  assert.equal(installedVersion('webgpu', join(folder, 'module.js')), '9.8.7');
  rmSync(folder, { recursive: true });
});

describe('webgpu on a software device', { skip: withoutGpu }, () => {
  let backend: GpuBackend;
  before(async () => {
    await selectBackend('cpu');
    await selectBackend('webgpu');
    backend = await loadedGpuBackend();
  });

  test('says what it runs on', async () =>
    assert.match(await loadWebGpu(), /^Dawn 0\.6\.2 .* on .+, a software device for tests \(auto never takes it\)$/));

  test('auto does not take it', async () => {
    assert.equal(await hardwareGpu(), false);
    assert.notEqual(await selectBackend('auto'), 'webgpu');
    await selectBackend('webgpu');
  });

  test('has no bf16, and says what to use instead', () => {
    checkPrecision('fp32');
    assert.throws(
      () => checkPrecision('bf16'),
      (error) =>
        error instanceof UsageError &&
        error.message ===
          'precision bf16 needs the native backend; this is webgpu, which has f16. Use "--backend native", or precision f16 or fp32.',
    );
  });

  test('leaves no navigator behind, by which programs would take Node for a browser', () =>
    assert.ok((globalThis as { navigator?: { gpu?: unknown } }).navigator?.gpu === undefined));

  test('reads numbers, whole numbers, truth values and nothing, at once and later', async () => {
    const computed: (() => tf.Tensor)[] = [
      () => tf.mul(numbers([30, 40], 1), 2),
      () =>
        tf.mul(
          tf.tensor(
            Int32Array.from({ length: 1200 }, (_, i) => i - 600),
            [1200],
            'int32',
          ),
          tf.scalar(2, 'int32'),
        ),
      () => tf.greater(numbers([1200], 2), 0),
      () => tf.mul(numbers([0, 3], 1), 2),
    ];
    for (const compute of computed) {
      const [now, later] = [compute().dataSync(), await compute().data()];
      assert.deepEqual(now, later);
      await selectBackend('cpu');
      const expected = compute().dataSync();
      assert.equal(now.constructor, expected.constructor);
      assert.deepEqual(now, expected);
      await selectBackend('webgpu');
    }
  });

  test('several reads that wait at the same time, with a read at once between them', async () => {
    const [a, b, c] = [1, 2, 3].map((factor) => tf.mul(numbers([1000], 4), factor));
    const waiting = Promise.all([a.data(), b.data()]);
    const now = c.dataSync()[7];
    const [first, second] = await waiting;
    assert.ok(Math.abs(now - 3 * first[7]) < 1e-6 && Math.abs(second[7] - 2 * first[7]) < 1e-6);
  });

  test('a sum of more tensors than the device binds', () =>
    assertAsCpu(() => tf.addN(Array.from({ length: 70 }, (_, i) => numbers([5], i)))));

  for (const [a, b] of [
    [
      [2, 1, 3, 4],
      [1, 5, 4, 2],
    ],
    [
      [3, 4, 5],
      [5, 2],
    ],
    [
      [2, 3, 4, 5],
      [3, 5, 2],
    ],
    [
      [1, 4, 5],
      [6, 5, 2],
    ],
    [
      [2, 1, 3, 4],
      [2, 5, 4, 2],
    ],
    [
      [0, 3, 4],
      [1, 4, 2],
    ],
    [
      [2, 3, 0],
      [2, 0, 4],
    ],
  ])
    test(`products of [${a}] and [${b}]`, () => assertAsCpu(() => tf.matMul(numbers(a, 1), numbers(b, 2))));

  test('products whose sums other programs of tfjs would add in an order that changes', async () => {
    await selectBackend('webgpu');
    const product = (): Float32Array =>
      tf.tidy(() => tf.matMul(numbers([3, 3000], 1), numbers([3000, 50], 2)).dataSync() as Float32Array);
    assert.deepEqual(product(), product());
    await assertAsCpu(() => tf.matMul(numbers([3, 3000], 1), numbers([3000, 50], 2)), 1e-4);
  });

  for (const reduce of [tf.sum, tf.max, tf.min, tf.prod, tf.mean] as ((
    x: tf.Tensor,
    axis: number,
    keep: boolean,
  ) => tf.Tensor)[])
    test(`${reduce.name}: of no rows, and of rows of no elements`, async () => {
      await assertAsCpu(() => reduce(numbers([0, 3], 1), 1, false));
      await assertAsCpu(() => reduce(numbers([2, 0], 1), 1, true));
    });

  test('a gather takes rows, along any axis, and no others', async () => {
    await assertAsCpu(() => tf.gather(numbers([4, 3], 1), tf.tensor([3, 0, 3], [3], 'int32')));
    await assertAsCpu(() =>
      tf.gather(
        numbers([2, 4, 3], 1),
        tf.tensor(
          [
            [1, 0],
            [3, 2],
          ],
          [2, 2],
          'int32',
        ),
        1,
      ),
    );
    for (const backend of ['cpu', 'webgpu']) {
      await selectBackend(backend);
      for (const index of [-1, 4])
        assert.throws(
          () => tf.gather(numbers([4, 3], 1), tf.tensor([0, index], [2], 'int32')),
          new RegExp(`the index value ${index} is not in \\[0, 3\\]`),
        );
    }
  });

  test('a gather by an index that only the device knows gives zeros where it is out of range', () => {
    // enough of them that tfjs does not compute them in JavaScript
    const from = Int32Array.from({ length: 1500 }, (_, i) => i % 6);
    const indices = tf.add(tf.tensor(from, [1500], 'int32'), tf.scalar(-1, 'int32'));
    const found = tf.gather(tf.tensor([Infinity, 2, 3]), indices).dataSync();
    assert.deepEqual([...found.slice(0, 7)], [0, Infinity, 2, 3, 0, 0, 0]);
  });

  test('sums of segments leave ids out that are negative or too large, and have the same bits every time', async () => {
    const ids = Int32Array.from({ length: 500 }, (_, i) => ((7 * i) % 13) - 2);
    const sums = (): tf.Tensor =>
      tf.unsortedSegmentSum(numbers([500, 3], 1), tf.tensor(ids, [500], 'int32') as tf.Tensor1D, 8);
    await selectBackend('webgpu');
    const [first, second] = [sums().dataSync(), sums().dataSync()];
    assert.deepEqual(first, second);
    const expected = new Float64Array(24);
    const x = numbers([500, 3], 1).dataSync();
    ids.forEach((id, row) => {
      if (id >= 0 && id < 8) for (let c = 0; c < 3; c++) expected[3 * id + c] += x[3 * row + c];
    });
    first.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-4, `[${i}]: ${value}, ${expected[i]}`));
    assert.deepEqual(
      [...tf.unsortedSegmentSum(numbers([0, 2], 1), tf.tensor([], [0], 'int32') as tf.Tensor1D, 2).dataSync()],
      [0, 0, 0, 0],
    );
  });

  test('a scatter adds slices up, with the same bits every time, and takes no index out of range', async () => {
    const indices = Int32Array.from({ length: 600 }, (_, i) => (i % 2 === 0 ? (5 * i) % 3 : (7 * i) % 4));
    const scattered = (): tf.Tensor =>
      tf.scatterND(tf.tensor(indices, [300, 2], 'int32'), numbers([300, 5], 1), [3, 4, 5]);
    await assertAsCpu(scattered, 1e-4);
    assert.deepEqual(scattered().dataSync(), scattered().dataSync());
    await assertAsCpu(() => tf.scatterND(tf.tensor([[2], [0], [2]], [3, 1], 'int32'), tf.tensor([1, 2, 4]), [4]));
    assert.throws(
      () => tf.scatterND(tf.tensor([[4]], [1, 1], 'int32'), tf.tensor([1]), [4]).dataSync(),
      /the index value 4 is not in \[0, 3\]/,
    );
  });

  test('tensors brought into one buffer keep their values, which is freed with the last of them', async () => {
    await selectBackend('webgpu');
    const made = [[3, 2], [0], [70], []].map((shape, i) => tf.mul(numbers(shape, i), i + 1));
    const expected = made.map((tensor) => tensor.dataSync().slice());
    const shared = tf.tidy(() => made.map((tensor) => tf.mul(tensor, 1)));
    const pack = backend.pack([shared[2], shared[0], shared[3], shared[1]]);
    assert.deepEqual(pack, backend.pack([shared[2], shared[0], shared[3], shared[1]])); // nothing moves again
    assert.deepEqual(backend.pack([shared[3], shared[2]]).offsets, [pack.offsets[2], 0]);
    assert.equal(backend.pack([shared[3], shared[2]]).buffer, pack.buffer);
    assert.notEqual(backend.pack([shared[3], shared[2]], true).buffer, pack.buffer);
    shared.forEach((tensor, i) => {
      assert.deepEqual(
        tf.tidy(() => tf.mul(tensor, 1).dataSync()),
        expected[i],
      );
      assert.deepEqual(tensor.dataSync(), expected[i]);
    });
    const before = backend.bufferManager.numBytesUsed;
    const pair = [1, 2].map((salt) => tf.mul(numbers([1000], salt), 1));
    const { buffer } = backend.pack(pair);
    pair[0].dispose();
    pair[1].dataSync(); // ends the commands that use it
    assert.ok(backend.bufferManager.numBytesUsed >= before + buffer.size);
    pair[1].dispose();
    tf.square(numbers([3], 1)).dataSync();
    tf.dispose([...made, ...shared]);
    tf.square(numbers([3], 1)).dataSync();
    assert.ok(backend.bufferManager.numBytesUsed < before + buffer.size);
  });

  test('counts what it starts', () => {
    const x = tf.keep(tf.concat([numbers([2000], 1), numbers([2000], 2)]));
    const before = backend.dispatches;
    tf.tidy(() => tf.square(tf.square(x)));
    assert.equal(backend.dispatches - before, 2);
    x.dispose();
  });

  test('buffers of ever new sizes are given back to the device', async () => {
    await selectBackend('webgpu');
    const { bufferManager } = backend;
    const before = bufferManager.numBytesAllocated;
    const megabytes = 2 ** 20 / 4;
    for (let i = 0; i < 30; i++) {
      tf.tidy(() => tf.fill([8 * megabytes + 64 * i], 1));
      tf.tidy(() => tf.square(numbers([3], 1)).dataSync()); // ends the commands that use it
    }
    assert.ok(
      bufferManager.numBytesAllocated - Math.max(before, bufferManager.numBytesUsed) <= 90 * 2 ** 20,
      `${bufferManager.numBytesAllocated} bytes, ${before} before, ${bufferManager.numBytesUsed} used`,
    );
  });

  test('more programs in one turn of the event loop than Dawn bears are refused, and the next turn may start them', async () => {
    await selectBackend('webgpu');
    const x = tf.concat([numbers([2000], 1), numbers([2000], 2)]);
    await new Promise((resolve) => setImmediate(resolve));
    const counting = backend as unknown as { startedInTurn: number };
    tf.square(x);
    assert.equal(counting.startedInTurn, 1);
    counting.startedInTurn = 50_001;
    assert.throws(
      () => tf.square(x),
      (error) =>
        error instanceof ColdstartError &&
        error.code === 'GPU_FAILED' &&
        /given 50000 operations within one turn of Node's event loop/.test(error.message),
    );
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(counting.startedInTurn, 0);
    assert.equal(tf.square(x).dataSync().length, 4000);
  });

  // the last one: the backend is of no use after it
  test('a fault that the device reports is thrown at once and by every later read: results would be zeros', async () => {
    const good = tf.square(numbers([2000], 1));
    const output = backend.makeTensorInfo([4], 'float32');
    assert.throws(
      () =>
        backend.compute({
          key: 'ColdstartTest faulty',
          code: () => 'this is not WGSL',
          outputs: [output],
          inputs: [],
          threads: 4,
        }),
      (error) =>
        error instanceof ColdstartError &&
        error.code === 'GPU_FAILED' &&
        /The GPU reported a fault, .* cannot be trusted: .* Use another backend/s.test(error.message),
    );
    assert.throws(() => good.dataSync(), { code: 'GPU_FAILED' });
    await assert.rejects(good.data(), { code: 'GPU_FAILED' });
  });
});
