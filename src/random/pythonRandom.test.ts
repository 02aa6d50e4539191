import { test } from 'node:test';
import assert from 'node:assert/strict';
import { MersenneTwister } from './pythonRandom.js';

test('draws the same numbers as Python 3', () => {
  // random.seed(seed); [random.random() for _ in range(3)]
  const known: [number, number[]][] = [
    [0, [0.8444218515250481, 0.7579544029403025, 0.420571580830845]],
    [1, [0.13436424411240122, 0.8474337369372327, 0.763774618976614]],
    [12345, [0.41661987254534116, 0.010169169457068361, 0.8252065092537432]],
    [2 ** 40 + 7, [0.6137037779936511, 0.8149162973309487, 0.9450115087592873]],
  ];
  for (const [seed, numbers] of known) {
    const twister = new MersenneTwister(seed);
    assert.deepEqual(
      numbers.map(() => twister.random()),
      numbers,
    );
  }
  const twister = new MersenneTwister(5);
  for (let i = 0; i < 1999; i++) twister.random();
  assert.equal(twister.random(), 0.20243881971614341);
  assert.throws(() => new MersenneTwister(-1), /integer of at least 0, found -1/);
});
