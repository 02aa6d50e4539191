import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { memory, tensor, zeros, type Tensor } from '@tensorflow/tfjs-core';
import { memoryWorlds } from '../../test/memoryWorlds.js';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { normBlock } from '../backend/ops/normBlocks.js';
import { selectBackend } from '../backend/select.js';
import { collectShards, shardOf, shardsOf, sumOfShard, sumOverProcesses } from './sharedTensors.js';

before(async () => void (await selectBackend('cpu')));

const tensorsOf = (...sizes: number[]): Map<string, Tensor> =>
  new Map(sizes.map((size, i) => [`t${i}`, zeros([size])]));

describe('shards', () => {
  test('cover all elements once, begin where a block begins, and are of nearly the same size', () => {
    for (const sizes of [[5], [3 * normBlock + 5, 7, 2 * normBlock, 1], [100, 200, 300], [0, 4, 0, 9]]) {
      const starts = [0];
      let first = 0;
      for (const size of sizes) {
        for (let at = 0; at < size; at += normBlock) starts.push(first + at);
        starts.push((first += size));
      }
      const tensors = tensorsOf(...sizes);
      for (const count of [1, 2, 3, 4, 7]) {
        const shards = shardsOf(tensors, count);
        assert.equal(shards.length, count);
        assert.equal(shards[0].lo, 0);
        assert.equal(shards[count - 1].hi, first);
        assert.ok(shards[0].hi > 0);
        shards.forEach(({ lo, hi }, rank) => {
          assert.ok(starts.includes(lo) && lo <= hi);
          if (rank > 0) assert.equal(lo, shards[rank - 1].hi);
          assert.ok(hi - lo < first / count + normBlock, `${count} shards of ${sizes}`);
        });
      }
      disposeParams(tensors);
    }
  });

  test('hold parts of tensors, sum them, and are put together again', async () => {
    const values = Float32Array.from({ length: normBlock + 10 }, (_, i) => Math.sin(i));
    const like = new Map([
      ['bias', tensor(values.slice(0, 4))],
      ['weight', tensor(values.slice(4), [(values.length - 4) / 2, 2])],
    ]);
    const all = [...like.values()].flatMap((one) => [...one.dataSync()]);
    for (const size of [1, 2, 3]) {
      const tensors = memory().numTensors;
      const shards = shardsOf(like, size);
      // every process has one term: all values
      const sums = await Promise.all(
        memoryWorlds(size).map((world) => sumOfShard(world, size, [Float32Array.from(all)], shards)),
      );
      assert.deepEqual(
        sums.flatMap((sum) => [...sum]),
        all.map((value) => Math.fround(Math.fround(value + (size > 1 ? value : 0)) + (size > 2 ? value : 0))),
      );
      const whole = await Promise.all(
        memoryWorlds(size).map((world) => sumOverProcesses(world, size, [Float32Array.from(all)], like)),
      );
      for (const sum of whole) {
        assert.deepEqual(
          [...sum.values()].flatMap((one) => [...one.dataSync()]),
          sums.flatMap((part) => [...part]),
        );
        assert.deepEqual(sum.get('weight')!.shape, like.get('weight')!.shape);
        disposeParams(sum);
      }
      const collected = await Promise.all(
        memoryWorlds(size).map(async (world) => {
          const own = shardOf(like, shards[world.rank]);
          const whole = await collectShards(world, own, like);
          disposeParams(own);
          if (whole === undefined) return undefined;
          const read = [...whole].map(([name, one]) => [name, one.shape, one.dataSync()]);
          disposeParams(whole);
          return read;
        }),
      );
      assert.deepEqual(
        collected,
        collected.map((_, rank) =>
          rank > 0 ? undefined : [...like].map(([name, one]) => [name, one.shape, one.dataSync()]),
        ),
      );
      assert.equal(memory().numTensors, tensors, 'leaked tensors');
    }
  });
});
