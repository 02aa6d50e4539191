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
  return { name, src: join(folder, `${name}.de`), trg: join(folder, `${name}.en`) };
};

test('a small corpus has known counts', async () => {
  const train = files('train', 'a b a@@ c\na b a@@ c\n\nd\u{1F600}\n', 'x\nx\ny\nz z z z z z z z z z z\n');
  const test = files('test', 'q a q\n', 'y\n');
  const other = files('valid', Buffer.concat([Buffer.from('a new\n'), Buffer.from([0xff, 10])]), 'x\ny\n');
  const { train: stats, heldOut } = await corpusStats(train, { heldOut: [test, other] });
  assert.deepEqual(
    { ...stats, src: undefined, trg: undefined },
    {
      pairs: 4,
      emptySides: 1,
      invalidUtf8: 0,
      duplicates: { pairs: 1, sources: 1, targets: 1 },
      leakage: { sources: 0, targets: 3, pairs: 3 },
      lengthRatio: 14 / 9,
      src: undefined,
      trg: undefined,
    },
  );
  assert.deepEqual(stats.src, {
    lines: 4,
    emptyLines: 1,
    tokens: 9,
    types: 5,
    typeTokenRatio: 5 / 9,
    singletons: 1,
    characters: 14,
    meanTokens: 9 / 4,
    lengthQuantiles: { half: 1, ninetyFive: 4, ninetyNine: 4, all: 4 },
    lengthCounts: [1, 1, 0, 0, 2],
    typesForCoverage: { half: 3, ninety: 5, ninetyFive: 5, ninetyNine: 5 },
    coverage: [{ types: 5, share: 1 }],
    mostFrequent: [
      ['a', 2],
      ['b', 2],
      ['a@@', 2],
      ['c', 2],
      ['d\u{1F600}', 1],
    ].map(([token, count]) => ({ token, count })),
    fertility: 9 / 7,
  });
  assert.equal(stats.trg.typesForCoverage.half, 1);
  assert.equal(stats.trg.lengthCounts[11], 1);
  assert.deepEqual(
    heldOut.map(({ name }) => name),
    ['test', 'valid'],
  );
  assert.deepEqual(heldOut[0].stats.src.unknown, {
    tokens: 2,
    types: 1,
    rate: 2 / 3,
    mostFrequent: [{ token: 'q', count: 2 }],
  });
  assert.deepEqual(
    [
      heldOut[1].stats.invalidUtf8,
      heldOut[1].stats.src.unknown!.rate,
      heldOut[1].stats.trg.unknown!.rate,
      heldOut[1].stats.leakage,
    ],
    [1, 0.5, 0, undefined],
  );
});

test('fertility of words split into units, and of SentencePiece pieces', async () => {
  const split = await corpusStats(files('words', 'aa aa b\n', 'ccc\n'), {
    unitsOf: { src: (word) => word.length, trg: () => 1 },
  });
  assert.deepEqual([split.train.src.fertility, split.train.trg.fertility], [5 / 3, 1]);
  const pieces = await corpusStats(files('pieces', '\u2581a b \u2581c\n', '\u2581d\n'), { joiner: '\u2581' });
  assert.equal(pieces.train.src.fertility, 1.5);
});

test('coverage is given for rising numbers of types', async () => {
  const line = Array.from({ length: 1200 }, (_, i) => `w${i}`).join(' ');
  const { train } = await corpusStats(files('many', `${line}\nw0 w0\n`, 'a\nb\n'));
  assert.deepEqual(
    train.src.coverage.map(({ types }) => types),
    [100, 200, 500, 1000, 1200],
  );
  assert.equal(train.src.coverage[0].share, 102 / 1202);
  assert.deepEqual(
    [train.src.lengthQuantiles.all, train.src.lengthCounts.length, train.src.lengthCounts[1001]],
    [1200, 1002, 1],
  );
  assert.deepEqual([train.src.lengthQuantiles.half, train.src.lengthQuantiles.ninetyNine], [2, 1200]);
});

test('an empty corpus has no divisions by zero', async () => {
  const { train } = await corpusStats(files('empty', '', ''));
  assert.deepEqual(
    [
      train.pairs,
      train.lengthRatio,
      train.src.typeTokenRatio,
      train.src.fertility,
      train.src.typesForCoverage.ninety,
      train.src.lengthQuantiles.half,
    ],
    [0, 0, 0, 0, 0, 0],
  );
});
