import { before, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { ColdstartError } from '../../errors.js';
import { selectBackend } from '../select.js';
import { isAddonBuilt } from './addon.js';
import { nativeBackend } from './loadNative.js';

function mixed(size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7));
}

describe('the native backend', { skip: isAddonBuilt() ? false : 'the native engine is not built' }, () => {
  before(() => selectBackend('native'));
  beforeEach(() => tf.setBackend('native'));

  test('memory returns to its start when tensors are disposed', () => {
    const start = nativeBackend().addon.memory();
    const startTensors = tf.memory().numTensors;
    const x = tf.tensor(mixed(1000), [10, 100]);
    const y = tf.reshape(x, [100, 10]); // the same block
    assert.equal(nativeBackend().addon.memory().liveBlocks, start.liveBlocks + 1);
    assert.equal(tf.memory().numDataBuffers, startTensors + 1);
    x.dispose();
    assert.equal(y.dataSync()[3], Math.fround(Math.sin(3 * 1.7)));
    y.dispose();
    tf.tidy(() => tf.sum(tf.matMul(tf.tensor(mixed(64), [8, 8]), tf.tensor(mixed(64), [8, 8]))).dataSync());
    assert.equal(nativeBackend().addon.memory().liveBlocks, start.liveBlocks);
    assert.equal(nativeBackend().addon.memory().liveBytes, start.liveBytes);
    assert.equal(tf.memory().numTensors, startTensors);
  });

  test('products of many different sizes do not pile up', () => {
    const product = (inner: number): Float32Array =>
      tf.tidy(
        () =>
          tf
            .matMul(tf.tensor(mixed(3 * inner), [3, inner]), tf.tensor(mixed(inner * 2), [inner, 2]))
            .dataSync() as Float32Array,
      );
    const first = product(1);
    for (let inner = 2; inner < 700; inner++) product(inner);
    assert.equal(nativeBackend().addon.memory().primitives, 513); // the last 512 and the one of this call
    assert.deepEqual(product(1), first);
  });

  test('tensors move between backends', async () => {
    const x = tf.tensor([1, 2, 3, 4], [2, 2]);
    await tf.setBackend('cpu');
    const squared = tf.square(x);
    await tf.setBackend('native');
    assert.deepEqual([...tf.add(squared, 1).dataSync()], [2, 5, 10, 17]);
    tf.dispose([x, squared]);
  });

  test('a kernel that gets shapes that do not fit says so with its name and the shapes', () => {
    const backend = nativeBackend();
    const a = tf.tensor(mixed(6), [2, 3]);
    const live = backend.addon.memory().liveBlocks;
    assert.throws(
      () => backend.compute('MatMul', [a, a], [2, 2], 'float32', [1, 1, 2, 3, 5, 0, 0, 0]),
      (error) =>
        error instanceof ColdstartError &&
        error.message ===
          'native MatMul: tensor 1 has 6 elements, expected 15; tensors: float32 [2,3], float32 [2,3], float32 [2,2]',
    );
    assert.throws(() => backend.compute('Exp', [a], [7], 'float32'), /native Exp: tensor 1 has 7 elements, expected 6/);
    assert.throws(
      () => backend.compute('Copy', [a], [2, 3], 'float32', [0, 0, 1, 6, 2, 1]),
      /the view leaves the input/,
    );
    assert.throws(() => backend.compute('Nonsense', [a], [2, 3], 'float32'), /has no kernel "Nonsense"/);
    assert.throws(
      () => tf.gather(a, tf.tensor([0, 2], [2], 'int32') as tf.Tensor1D),
      /index value 2 is not in \[0, 1\]/,
    );
    assert.equal(backend.addon.memory().liveBlocks, live + 1); // the ids of the last line
    a.dispose();
  });

  test('sizes whose product wraps around are refused, a size of 0 among them or not', () => {
    const backend = nativeBackend();
    const ids = backend.output([1], 'int32'),
      table = backend.output([1], 'float32'),
      out = backend.output([1, 2 ** 20], 'float32');
    for (const shape of [
      [2 ** 44, 2 ** 20],
      [2 ** 32, 2 ** 32],
      [2 ** 44, 2 ** 44, 0],
      [0, 2 ** 44, 2 ** 44],
    ]) {
      assert.throws(
        () => backend.run('EmbedTokens', [ids, { ...table, shape }, out], [1, -1]),
        /EmbedTokens: a tensor has more elements than memory can hold/,
      );
    }
    for (const { dataId } of [ids, table, out]) backend.disposeData(dataId);
  });

  test('an inner size of 0 causes no division by zero, and a vast number of empty sums takes no time', () => {
    const backend = nativeBackend();
    const [x, out] = [backend.output([0], 'float32'), backend.output([3], 'float32')];
    const ids = backend.output([2], 'int32');
    assert.throws(() => backend.run('SegmentSum', [x, ids, out], [0]), /SegmentSum: the sizes do not fit/);
    for (const kernel of ['Sum', 'Prod', 'Max', 'Min']) backend.run(kernel, [x, x], [2 ** 43, 1, 0]);
    for (const { dataId } of [x, ids, out]) backend.disposeData(dataId);
  });

  test('no value that JavaScript passes to the addon ends the process', () => {
    const { addon } = nativeBackend();
    const bad: unknown[] = [undefined, null, NaN, Infinity, -1, 2 ** 40, 0.5, 'x', {}, [], new Float32Array(3)];
    for (const value of bad) {
      for (const call of [addon.run, addon.allocate, addon.release, addon.setThreads, addon.setPoison] as ((
        v: unknown,
      ) => unknown)[]) {
        if (call === addon.allocate && (value === 0.5 || value === 2 ** 40)) continue; // a fraction of a byte is rounded down; a system may promise any number of bytes
        if (call === addon.setPoison && typeof value === 'number') continue;
        assert.throws(() => call.call(addon, value), Error);
      }
    }
    assert.throws(() => addon.write(1e6, new Float32Array(1)), /is not live/);
    const handle = addon.allocate(8);
    assert.throws(() => addon.write(handle, new Float32Array(3)), /wrote 12 bytes to a tensor of 8/);
    assert.throws(() => addon.read(handle, new Float32Array(3)), /read 12 bytes from a tensor of 8/);
    addon.release(handle);
    assert.throws(() => addon.release(handle), /is not live/);
  });

  test('no call of any kernel ends the process', { timeout: 120_000 }, () => {
    const program = fileURLToPath(new URL('../../../test/callAtRandom.js', import.meta.url));
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program], {
      encoding: 'utf8',
      env: { ...process.env, OMP_NUM_THREADS: '2' },
    });
    assert.deepEqual(
      { status, signal },
      { status: 0, signal: null },
      `the last calls were ${stdout.slice(-600)}\n${stderr.slice(-600)}`,
    );
    const { calls, refused, ran, kernels, silent } = JSON.parse(stdout.trim().split('\n').pop()!) as Record<
      string,
      number
    > & { silent: string[] };
    assert.equal(calls, refused + ran);
    assert.ok(
      ran > calls / 20 && refused > calls / 20,
      `${ran} of ${calls} calls of ${kernels} kernels ran, ${refused} were refused`,
    );
    assert.deepEqual(silent, [], 'kernels that no random call reached');
  });

  test('results do not depend on what memory held before, and repeat bit for bit', () => {
    const compute = (): Float32Array =>
      tf.tidy(() => {
        const a = tf.tensor(mixed(300 * 70), [300, 70]);
        const w = tf.tensor(mixed(70 * 50), [50, 70]);
        return tf.sum(tf.softmax(tf.matMul(a, w, false, true)), 0).dataSync() as Float32Array;
      });
    const first = compute();
    const { addon } = nativeBackend();
    addon.setPoison(1);
    const junk = tf.tidy(() => tf.sum(tf.exp(tf.tensor(mixed(77_777)))).dataSync()[0]);
    assert.ok(Number.isFinite(junk));
    assert.deepEqual(compute(), first);
    addon.trimMemory();
    assert.deepEqual(compute(), first);
    addon.setPoison(0);
  });

  test('sums, products and softmax have the same bits on one thread and on two', () => {
    const { addon } = nativeBackend();
    const compute = (): number[] =>
      tf.tidy(() => {
        const x = tf.tensor(mixed(400 * 90), [400, 90]);
        return [tf.sum(x), tf.sum(x, 0), tf.sum(x, 1), tf.softmax(x), tf.logSoftmax(x)].flatMap((y) => [
          ...y.dataSync(),
        ]);
      });
    const { threads } = addon.info();
    addon.setThreads(2);
    const two = compute();
    addon.setThreads(1);
    const one = compute();
    addon.setThreads(threads);
    assert.deepEqual(one, two);
  });
});
