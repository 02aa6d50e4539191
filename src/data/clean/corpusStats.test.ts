import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { corpusStats } from './corpusStats.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-stats-'));
after(() => rmSync(folder, { recursive: true }));
const files = (name: string, src: string | Uint8Array, trg: string) => {
  writeFileSync(join(folder, `${name}.de`), src);
  writeFileSync(join(folder, `${name}.en`), trg);
  return { src: join(folder, `${name}.de`), trg: join(folder, `${name}.en`) };
};

test('a small corpus has known counts', async () => {
  const train = files('train', 'a b a@@ c\na b a@@ c\n\nd\u{1F600}\n', 'x\nx\ny\nz z z z z z z z z z z\n');
  const { stats, words } = await corpusStats(train, { heldOut: [files('test', 'q\n', 'y\n')] });
  assert.deepEqual({ ...stats, src: undefined, trg: undefined }, {
    pairs: 4, emptySides: 1, invalidUtf8: 0, duplicatePairs: 1, leakedPairs: 1, lengthRatio: 14 / 9, src: undefined, trg: undefined,
  });
  assert.deepEqual(stats.src, {
    tokens: 9, types: 5, typeTokenRatio: 5 / 9, characters: 14, longestTokens: 4, meanTokens: 9 / 4, singletons: 1,
    lengthHistogram: [4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], typesForCoverage: { half: 3, ninety: 5, ninetyNine: 5 }, unitsPerWord: 9 / 7,
  });
  assert.deepEqual(stats.trg.lengthHistogram.slice(0, 2), [3, 1]);
  assert.equal(stats.trg.typesForCoverage.half, 1);

  const { stats: other } = await corpusStats(files('valid', Buffer.concat([Buffer.from('a new\n'), Buffer.from([0xff, 10])]), 'x\ny\n'), { known: words });
  assert.deepEqual([other.invalidUtf8, other.src.unknownRate, other.trg.unknownRate, other.leakedPairs], [1, 0.5, 0, undefined]);
});

test('an empty corpus has no divisions by zero', async () => {
  const { stats } = await corpusStats(files('empty', '', ''));
  assert.deepEqual([stats.pairs, stats.lengthRatio, stats.src.typeTokenRatio, stats.src.unitsPerWord, stats.src.typesForCoverage.ninety], [0, 0, 0, 0, 0]);
});
