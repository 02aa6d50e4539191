import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Random } from './xoshiro.js';

test('xoshiro128** gives the reference sequence for state 1, 2, 3, 4', () => {
  const random = new Random(0);
  Object.assign(random, { a: 1, b: 2, c: 3, d: 4 });
  // computed by hand from the published algorithm: rotl(2*5, 7) * 9, then rotl(0 * 5, 7) * 9, ...
  assert.deepEqual([random.uint32(), random.uint32(), random.uint32()], [11520, 0, 5927040]);
});

test('equal seeds repeat, different seeds and streams do not', () => {
  const first = (...seed: number[]): number[] => {
    const r = new Random(...seed);
    return [r.uint32(), r.uint32()];
  };
  assert.deepEqual(first(1, 2), first(1, 2));
  const heads = [[1, 2], [2, 1], [1], [1, 2, 0], [0], [-1], [2 ** 40 + 1]].map((seed) => first(...seed).join());
  assert.equal(new Set(heads).size, heads.length);
  assert.throws(() => new Random(0.5), /must be an integer, found 0.5/);
});

test('below, chance and shuffle are uniform', () => {
  const random = new Random(7);
  const counts = [0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < 70_000; i++) counts[random.below(7)]++;
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 400, `${counts}`);
  let heads = 0;
  for (let i = 0; i < 10_000; i++) heads += random.chance(0.3) ? 1 : 0;
  assert.ok(Math.abs(heads - 3000) < 200, `${heads}`);
  const orders = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = random.shuffle(['a', 'b', 'c']).join('');
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  assert.equal(orders.size, 6);
  for (const count of orders.values()) assert.ok(Math.abs(count - 1000) < 130);
});
