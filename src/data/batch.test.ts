import { test } from 'node:test';
import assert from 'node:assert/strict';
import { batchRow, cutBatch, gradInitParts, makeBatch, sliceBatch } from './batch.js';
import { ShapeError } from '../errors.js';

const pairs = [
  { src: [7, 8, 2], trg: [9, 2] },
  { src: [4, 2], trg: [5, 6, 7, 2] },
  { src: [11, 12, 13, 14, 2], trg: [15, 2] },
  { src: [16, 2], trg: [17, 18, 2] },
];

test('a batch pads on the right and shifts the target by one', () => {
  const batch = makeBatch(pairs.slice(0, 2), [40, 41]);
  assert.deepEqual(
    { ...batch, indices: [...batch.indices], src: [...batch.src], trgIn: [...batch.trgIn], trgOut: [...batch.trgOut] },
    {
      indices: [40, 41],
      numSentences: 2,
      srcLength: 3,
      trgLength: 4,
      srcTokens: 5,
      trgTokens: 6,
      src: [7, 8, 2, 4, 2, 1],
      trgIn: [2, 9, 1, 1, 2, 5, 6, 7],
      trgOut: [9, 2, 1, 1, 5, 6, 7, 2],
    },
  );
});

test('a slice trims the padding its rows do not need and keeps row numbers', () => {
  const slice = sliceBatch(makeBatch(pairs, [3, 1, 4, 9]), 0, 2);
  assert.deepEqual([...slice.src], [7, 8, 2, 4, 2, 1]);
  assert.deepEqual([slice.srcLength, slice.trgLength, slice.srcTokens, slice.trgTokens], [3, 4, 5, 6]);
  assert.deepEqual([...slice.indices], [3, 1]);
  assert.deepEqual([...batchRow(slice, 1).trg], [5, 6, 7, 2]);
  assert.throws(() => sliceBatch(slice, 1, 3), ShapeError);
});

test('GradInit parts of four sentences are rows 0-1 and rows 1-3', () => {
  const { first, second } = gradInitParts(makeBatch(pairs));
  assert.deepEqual([...first.indices], [0, 1]);
  assert.deepEqual([...second.indices], [1, 2, 3]);
  assert.equal(second.srcLength, 5);
  assert.throws(() => gradInitParts(makeBatch(pairs.slice(0, 2))), /at least 3 sentences, found 2/);
});

test('a side without the end mark is refused', () => {
  assert.throws(
    () => makeBatch([{ src: [5, 6], trg: [5, 2] }]),
    /source of pair 0 does not end with eosId \(2\): \[5, 6\]/,
  );
  assert.throws(() => makeBatch([]), /at least one sentence pair/);
});

test('a batch is cut into pieces of at most so many tokens, each padded only as far as it needs', () => {
  const batch = makeBatch(pairs, [3, 1, 4, 9]);
  const rows = (maxTokens: number): number[][] => cutBatch(batch, maxTokens).map(({ indices }) => [...indices]);
  assert.equal(cutBatch(batch, 20)[0], batch); // 4 sentences x 5 tokens
  assert.deepEqual(rows(19), [[3, 1, 4], [9]]); // the third row pads the first two: 3 x 5
  assert.deepEqual(rows(14), [
    [3, 1],
    [4, 9],
  ]);
  assert.deepEqual(rows(8), [[3, 1], [4], [9]]);
  assert.deepEqual(rows(1), [[3], [1], [4], [9]]);
  const [first] = cutBatch(batch, 14);
  assert.deepEqual([first.srcLength, first.trgLength, first.trgTokens], [3, 4, 6]);
});
