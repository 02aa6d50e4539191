import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DataError } from '../errors.js';
import type { Batch } from './batch.js';
import { createBatches, type EpochBatches } from './batches.js';
import { pairsInMemory } from './pairSource.js';
import { Random } from '../random/xoshiro.js';

const sentence = (length: number): number[] => [...new Array(length - 1).fill(5), 2];
const ofLengths = (lengths: readonly (readonly [number, number])[]) =>
  pairsInMemory(lengths.map(([src, trg]) => ({ src: sentence(src), trg: sentence(trg) })));
const all = (epoch: EpochBatches): Batch[] =>
  Array.from({ length: epoch.length }, (_, position) => epoch.batch(position));
const rows = (epoch: EpochBatches): number[][] => all(epoch).map(({ indices }) => [...indices]);

test('unshuffled batches of a known dataset', () => {
  const pairs = ofLengths([
    [4, 2],
    [2, 2],
    [3, 5],
    [2, 1],
    [3, 1],
  ]);
  // sorted: 3 (2,1), 1 (2,2), 4 (3,1), 2 (3,5), 0 (4,2)
  const epoch = createBatches(pairs, { maxTokens: 9, shuffle: false }).epochBatches(1);
  assert.deepEqual(rows(epoch), [[3, 1, 4], [2], [0]]);
  assert.deepEqual(rows(createBatches(pairs, { maxTokens: 10, shuffle: false }).epochBatches(1)), [
    [3, 1, 4],
    [2, 0],
  ]);
  assert.deepEqual(rows(createBatches(pairs, { maxTokens: 100, maxSentences: 2, shuffle: false }).epochBatches(1)), [
    [3, 1],
    [4, 2],
    [0],
  ]);
});

test('every pair once per epoch, within the limits, for any lengths', () => {
  const length = fc.integer({ min: 1, max: 30 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(length, length), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 30, max: 200 }),
      fc.integer({ min: 1, max: 10 }),
      fc.nat(5),
      (lengths, maxTokens, maxSentences, epoch) => {
        const batches = all(
          createBatches(ofLengths(lengths), { maxTokens, maxSentences, seed: 3 }).epochBatches(epoch),
        );
        const seen = batches.flatMap(({ indices }) => [...indices]).sort((a, b) => a - b);
        assert.deepEqual(
          seen,
          lengths.map((_, row) => row),
        );
        for (const { numSentences, srcLength, trgLength } of batches) {
          assert.ok(numSentences <= maxSentences);
          assert.ok(numSentences * Math.max(srcLength, trgLength) <= maxTokens);
        }
      },
    ),
  );
});

const random = new Random(11);
const many = ofLengths(Array.from({ length: 500 }, () => [1 + random.below(12), 1 + random.below(12)] as const));

test('an epoch is reproducible from its number, epochs and seeds differ, shapes repeat', () => {
  const options = { maxTokens: 100, seed: 5 };
  const batches = createBatches(many, options);
  const second = rows(batches.epochBatches(2));
  assert.deepEqual(rows(createBatches(many, options).epochBatches(2)), second);
  const third = batches.epochBatches(3);
  assert.notDeepEqual(rows(third), second);
  assert.notDeepEqual(rows(createBatches(many, { ...options, seed: 6 }).epochBatches(2)), second);
  const shapes = (epoch: EpochBatches) =>
    all(epoch)
      .map((b) => `${b.numSentences}x${b.srcLength}x${b.trgLength}`)
      .sort();
  assert.deepEqual(shapes(third), shapes(batches.epochBatches(2)));
  // members of a batch change too, not only the order of batches
  const sets = new Set(second.map((members) => [...members].sort().join()));
  assert.ok(rows(third).some((members) => !sets.has([...members].sort().join())));
});

test('reading can start in the middle of an epoch', () => {
  const unbroken = rows(createBatches(many, { maxTokens: 64, seed: 9 }).epochBatches(4));
  const resumed = createBatches(many, { maxTokens: 64, seed: 9 }).epochBatches(4);
  assert.deepEqual([...resumed.batch(7).indices], unbroken[7]);
});

test('lengths are bucketed: little padding', () => {
  let padded = 0;
  let real = 0;
  for (const batch of all(createBatches(many, { maxTokens: 100 }).epochBatches(1))) {
    padded += batch.numSentences * batch.srcLength;
    real += batch.srcTokens;
  }
  assert.ok(real / padded > 0.9, `${real / padded}`);
});

test('faults are named', () => {
  assert.throws(
    () => createBatches(() => pairsInMemory([]), { maxTokens: 10 }).epochBatches(3),
    (error) => error instanceof DataError && error.message.startsWith('epoch 3 has no sentence pairs'),
  );
  assert.throws(
    () => createBatches(many, { maxTokens: 0 }),
    /maxTokens is 0, expected an integer from 1 to 1000000000 \(tokens\)\.$/,
  );
  assert.throws(() => createBatches(ofLengths([]), { maxTokens: 5 }), /no sentence pairs/);
  assert.throws(
    () =>
      createBatches(
        ofLengths([
          [2, 3],
          [2, 9],
        ]),
        { maxTokens: 8 },
      ).epochBatches(1),
    /pair 1 has 9 tokens on its longer side, more than maxTokens 8\. Raise train\.maxTokens, or leave longer training pairs out with corpus\.maxLengthTokens\./,
  );
  assert.throws(() => createBatches(many, { maxTokens: 99 }).epochBatches(1).batch(-1), /batch -1 was asked for/);
});
