import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindableParts, placesOf } from './packs.js';

test('tensors begin where a binding may, and empty ones have room for the smallest binding', () =>
  assert.deepEqual(placesOf([4, 0, 256, 260, 16], 256), { places: [0, 256, 512, 768, 1280], total: 1536 }));

test('a list is cut where the next tensor could not be bound with those before it', () => {
  assert.deepEqual(bindableParts([256, 256, 8, 512, 2000, 4, 4], 256, 1024), [
    { start: 0, end: 3 },
    { start: 3, end: 4 },
    { start: 4, end: 5 },
    { start: 5, end: 7 },
  ]);
  assert.deepEqual(bindableParts([], 256, 1024), []);
});
