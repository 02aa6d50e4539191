import assert from 'node:assert/strict';
import { test } from 'node:test';
import { greatest, least } from './extremes.js';

test('the greatest and least of more values than a call may have arguments', () => {
  const values = Float64Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 300_007);
  assert.throws(() => Math.max(...values), RangeError);
  assert.equal(greatest(values), 300_006);
  assert.equal(least(values), 0);
  assert.equal(greatest([]), -Infinity);
  assert.equal(least([]), Infinity);
});
