import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryWorlds } from '../../test/memoryWorlds.js';
import { DataError, UsageError } from '../errors.js';
import { shareOut } from './sharedWork.js';

const count = 29; // more than a round of three processes, and not a multiple of it

test('every process gets all results in order, and each item is computed once', async () => {
  for (const size of [1, 2, 3, 4]) {
    const computed: number[] = [];
    const compute = (item: number): number => {
      computed.push(item);
      return item * item;
    };
    const all = await Promise.all(memoryWorlds(size).map((world) => shareOut(world, count, compute)));
    const expected = Array.from({ length: count }, (_, item) => item * item);
    assert.deepEqual(
      all,
      all.map(() => expected),
    );
    assert.deepEqual(
      computed.sort((a, b) => a - b),
      expected.map((_, item) => item),
    );
  }
});

test('all processes throw the error of the first item that failed, of its class', async () => {
  const compute = (item: number): number => {
    if (item === 20) throw new UsageError('item 20');
    if (item === 22) throw new DataError('item 22');
    return item;
  };
  const outcomes = await Promise.allSettled(memoryWorlds(3).map((world) => shareOut(world, count, compute)));
  for (const outcome of outcomes) {
    assert.equal(outcome.status, 'rejected');
    assert.ok(outcome.reason instanceof UsageError);
    assert.equal(outcome.reason.message, 'item 20');
  }
});

test('a process that is asked to stop stops all of them soon', async () => {
  const controller = new AbortController();
  let computed = 0;
  const all = await Promise.all(
    memoryWorlds(3).map((world) =>
      shareOut(
        world,
        300,
        (item) => {
          computed++;
          if (item === 4) controller.abort();
          return item;
        },
        world.rank === 1 ? controller.signal : undefined,
      ),
    ),
  );
  assert.deepEqual(all, [undefined, undefined, undefined]);
  assert.ok(computed < 15, `${computed} items were computed`);
});
