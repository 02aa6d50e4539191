import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { IdPair } from './batch.js';
import { Dataset } from './dataset.js';
import { DatasetWriter } from './datasetWriter.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-dataset-'));
after(() => rmSync(folder, { recursive: true }));

const pairs: IdPair[] = [
  { src: [7, 8, 2], trg: [9, 2] },
  { src: [2], trg: [5, 6, 7, 2] },
  { src: [11, 2], trg: [2] },
];

function write(name: string, rows: readonly IdPair[], vocabSize = 12): string {
  const path = join(folder, name);
  const writer = new DatasetWriter(path, vocabSize, vocabSize);
  for (const pair of rows) writer.add(pair);
  writer.finish();
  return path;
}

function plain(rows: readonly IdPair[]): { src: number[]; trg: number[] }[] {
  return rows.map(({ src, trg }) => ({ src: Array.from(src), trg: Array.from(trg) }));
}

test('pairs are read back by row in any order', () => {
  const dataset = Dataset.open(write('three.bin', pairs));
  assert.deepEqual(plain(dataset.pairs([2, 0, 1, 2])), [pairs[2], pairs[0], pairs[1], pairs[2]]);
  assert.deepEqual([...dataset.srcLengths], [3, 1, 2]);
  assert.deepEqual([...dataset.trgLengths], [2, 4, 1]);
  assert.deepEqual(dataset.header, { bytesPerId: 2, srcVocabSize: 12, trgVocabSize: 12, numPairs: 3, srcTokens: 6, trgTokens: 7 });
  assert.throws(() => dataset.pairs([3]), /has pairs 0 to 2, pair 3 was asked for/);
  dataset.close();
});

test('any pairs survive writing and reading, with 2 and 4 bytes per id', () => {
  for (const vocabSize of [65536, 65537]) {
    const side = fc.array(fc.integer({ min: 3, max: vocabSize - 1 }), { maxLength: 20 }).map((ids) => [...ids, 2]);
    fc.assert(fc.property(fc.array(fc.record({ src: side, trg: side }), { maxLength: 20 }), (rows) => {
      const dataset = Dataset.open(write('any.bin', rows, vocabSize));
      assert.equal(dataset.header.bytesPerId, vocabSize === 65536 ? 2 : 4);
      assert.deepEqual(plain(dataset.pairs(rows.map((_, row) => row))), plain(rows));
      assert.deepEqual(plain([...dataset.inOrder()]), plain(rows));
      dataset.close();
    }), { numRuns: 30 });
  }
});

test('more pairs and ids than one buffer holds', () => {
  const rows = Array.from({ length: 3000 }, (_, row) => ({ src: [...new Array(200).fill(4 + (row % 8)), 2], trg: [4, 2] }));
  const dataset = Dataset.open(write('large.bin', rows));
  assert.deepEqual(plain(dataset.pairs([2999, 1500])), [rows[2999], rows[1500]]);
  assert.deepEqual(plain([...dataset.inOrder()]), rows);
  dataset.close();
});

test('a file that is cut short, extended or changed anywhere is refused', () => {
  const path = write('damaged.bin', pairs);
  const whole = readFileSync(path);
  const opened = (bytes: Uint8Array): (() => void) => () => {
    writeFileSync(path, bytes);
    Dataset.open(path);
  };
  for (let length = 0; length < whole.length; length++) {
    assert.throws(opened(whole.subarray(0, length)), /(not a dataset of coldstart|it is cut short).*Re-run "coldstart corpus prepare"/);
  }
  assert.throws(opened(Buffer.concat([whole, Buffer.alloc(1)])), /something was added/);
  for (let at = 0; at < whole.length; at++) {
    if (at >= 16 && at < 24) continue; // the vocabulary sizes only bound the ids
    const changed = Buffer.from(whole);
    changed[at] ^= 0x41;
    assert.throws(opened(changed), /Re-run "coldstart corpus prepare"/, `byte ${at}`);
  }
});

test('a forged file with a right checksum still gives no id outside the vocabulary', () => {
  const path = write('forged.bin', pairs);
  const bytes = readFileSync(path);
  bytes.writeUInt16LE(12, 80);
  createHash('sha256').update(bytes.subarray(80)).digest().copy(bytes, 48);
  writeFileSync(path, bytes);
  const dataset = Dataset.open(path);
  assert.throws(() => dataset.pairs([0]), /pair 0: source id 12 is outside the vocabulary of 12 entries/);
  dataset.close();
});

test('an abandoned dataset leaves no file', () => {
  const writer = new DatasetWriter(join(folder, 'sub', 'gone.bin'), 12, 12);
  writer.add(pairs[0]);
  writer.abandon();
  assert.deepEqual(readdirSync(join(folder, 'sub')), []);
});

test('a missing dataset says what to run', () => {
  assert.throws(() => Dataset.open(join(folder, 'none.bin')), /none.bin cannot be opened: ENOENT.*Re-run "coldstart corpus prepare"/);
});
