import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { DataError } from '../errors.js';
import type { IdPair } from './batch.js';
import { Dataset } from './dataset.js';
import { blockBytes, headerBytes as idsStart } from './datasetFormat.js';
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
  assert.deepEqual(dataset.header, {
    bytesPerId: 2,
    srcVocabSize: 12,
    trgVocabSize: 12,
    numPairs: 3,
    srcTokens: 6,
    trgTokens: 7,
    numShards: 1,
  });
  assert.throws(() => dataset.pairs([3]), /has pairs 0 to 2, pair 3 was asked for/);
  dataset.close();
});

test('any pairs survive writing and reading, with 2 and 4 bytes per id', () => {
  for (const vocabSize of [65536, 65537]) {
    const side = fc.array(fc.integer({ min: 3, max: vocabSize - 1 }), { maxLength: 20 }).map((ids) => [...ids, 2]);
    fc.assert(
      fc.property(fc.array(fc.record({ src: side, trg: side }), { maxLength: 20 }), (rows) => {
        const dataset = Dataset.open(write('any.bin', rows, vocabSize));
        assert.equal(dataset.header.bytesPerId, vocabSize === 65536 ? 2 : 4);
        assert.deepEqual(plain(dataset.pairs(rows.map((_, row) => row))), plain(rows));
        dataset.close();
      }),
      { numRuns: 30 },
    );
  }
});

test('more pairs and ids than one buffer, one block and the cache hold', () => {
  const rows = Array.from({ length: 3000 }, (_, row) => ({
    src: [...new Array(200).fill(4 + (row % 8)), 2],
    trg: [4, 2],
  }));
  const dataset = Dataset.open(write('large.bin', rows), { cacheBytes: 3 * blockBytes });
  assert.deepEqual(plain(dataset.pairs([2999, 1500, 2999])), [rows[2999], rows[1500], rows[2999]]);
  assert.deepEqual(plain(dataset.pairs(rows.map((_, row) => row))), rows);
  dataset.close();
});

function writeShards(name: string, rows: readonly IdPair[], sizes: readonly number[]): string[] {
  let at = 0;
  return sizes.map((size, shard) => {
    const path = join(folder, `${name}-${shard}.bin`);
    const writer = new DatasetWriter(path, 12, 12, { shard, numShards: sizes.length });
    for (const pair of rows.slice(at, (at += size))) writer.add(pair);
    writer.finish();
    return path;
  });
}

test('shards read as one dataset; some of them on request', () => {
  const rows = Array.from({ length: 10 }, (_, row) => ({ src: [...new Array(row).fill(4), 2], trg: [5, 2] }));
  const paths = writeShards('sharded', rows, [4, 0, 5, 1]);
  const whole = Dataset.open(paths);
  assert.deepEqual(
    plain(whole.pairs([9, 0, 4, 3, 8])),
    [9, 0, 4, 3, 8].map((row) => rows[row]),
  );
  assert.deepEqual([...whole.srcLengths], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual([whole.header.numPairs, whole.header.srcTokens, whole.header.trgTokens], [10, 55, 20]);
  whole.close();
  assert.throws(() => Dataset.open(paths.slice(0, 3)), /sharded-0.bin is shard 1 of 4, but was given as 1 of 3/);
  assert.throws(
    () => Dataset.open([paths[0], paths[2], paths[1], paths[3]]),
    /is shard 3 of 4, but was given as 2 of 4/,
  );
  const own = Dataset.open([paths[0], paths[2]], { someShards: true });
  assert.deepEqual(plain(own.pairs([8, 3])), [rows[8], rows[3]]);
  own.close();
});

/** The layout of version 1, written out byte by byte. */
function versionOne(rows: readonly IdPair[]): Buffer {
  const ids = rows.flatMap(({ src, trg }) => [...Array.from(src), ...Array.from(trg)]);
  const lengths = [...rows.map(({ src }) => src.length), ...rows.map(({ trg }) => trg.length)];
  const body = Buffer.concat([Buffer.from(Uint16Array.from(ids).buffer), Buffer.from(Int32Array.from(lengths).buffer)]);
  const header = Buffer.alloc(80);
  header.write('CSPAIRS\0', 'latin1');
  [1, 2, 12, 12].forEach((value, i) => header.writeUInt32LE(value, 8 + 4 * i));
  [rows.length, 6, 7].forEach((value, i) => header.writeDoubleLE(value, 24 + 8 * i));
  createHash('sha256').update(body).digest().copy(header, 48);
  return Buffer.concat([header, body]);
}

test('files of version 1 are still read, and refused when changed anywhere', () => {
  const path = join(folder, 'old.bin');
  const whole = versionOne(pairs);
  writeFileSync(path, whole);
  const dataset = Dataset.open(path);
  assert.deepEqual(plain(dataset.pairs([2, 0, 1])), [pairs[2], pairs[0], pairs[1]]);
  dataset.close();
  for (let at = 80; at < whole.length; at++) {
    const changed = Buffer.from(whole);
    changed[at] ^= 1;
    writeFileSync(path, changed);
    assert.throws(() => Dataset.open(path), /its checksum does not match/);
  }
});

test('a file that is cut short, extended or changed anywhere is refused', () => {
  const path = write('damaged.bin', pairs);
  const whole = readFileSync(path);
  const opened =
    (bytes: Uint8Array): (() => void) =>
    () => {
      writeFileSync(path, bytes);
      Dataset.open(path);
    };
  for (let length = 0; length < whole.length; length++) {
    assert.throws(
      opened(whole.subarray(0, length)),
      /(not a dataset of coldstart|it is cut short).*Re-run "coldstart corpus prepare"/,
    );
  }
  assert.throws(opened(Buffer.concat([whole, Buffer.alloc(1)])), /something was added/);
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole);
    changed[at] ^= 0x41;
    writeFileSync(path, changed);
    if (at >= idsStart && at < idsStart + 26) {
      // ids are checked when they are read
      const dataset = Dataset.open(path);
      assert.throws(
        () => dataset.pairs([0]),
        /the checksum of bytes 96 to 121 does not match. Re-run "coldstart corpus prepare"/,
      );
      dataset.close();
    } else {
      assert.throws(() => Dataset.open(path), /Re-run "coldstart corpus prepare"/, `byte ${at}`);
    }
  }
});

/** Rewrites every checksum of a file, as a forger would. */
function withRightChecksums(bytes: Buffer, idBytes: number): Buffer {
  const numBlocks = Math.ceil(idBytes / blockBytes);
  for (let block = 0; block < numBlocks; block++) {
    const at = idsStart + block * blockBytes;
    bytes.writeUInt32LE(
      crc32(bytes.subarray(at, Math.min(at + blockBytes, idsStart + idBytes))),
      bytes.length - 4 * (numBlocks - block),
    );
  }
  createHash('sha256')
    .update(bytes.subarray(idsStart + idBytes))
    .digest()
    .copy(bytes, 60);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 92)), 92);
  return bytes;
}

test('a forged file with right checksums still gives no id outside the vocabulary', () => {
  const path = write('forged.bin', pairs);
  const bytes = readFileSync(path);
  bytes.writeUInt16LE(12, idsStart);
  writeFileSync(path, withRightChecksums(bytes, 26));
  const dataset = Dataset.open(path);
  assert.throws(() => dataset.pairs([0]), /pair 0: source id 12 is outside the vocabulary of 12 entries/);
  dataset.close();
});

test('forged bytes anywhere give a DataError or ids within the vocabulary', () => {
  const path = write('fuzzed.bin', pairs);
  const whole = readFileSync(path);
  fc.assert(
    fc.property(
      fc.array(fc.record({ at: fc.nat({ max: whole.length - 1 }), value: fc.nat({ max: 255 }) }), {
        minLength: 1,
        maxLength: 6,
      }),
      (changes) => {
        const bytes = Buffer.from(whole);
        for (const { at, value } of changes) bytes[at] = value;
        writeFileSync(path, withRightChecksums(bytes, 26));
        try {
          const dataset = Dataset.open(path);
          try {
            for (const { src, trg } of dataset.pairs(Array.from({ length: dataset.length }, (_, row) => row))) {
              assert.ok(
                src.every((id) => id < dataset.header.srcVocabSize) &&
                  trg.every((id) => id < dataset.header.trgVocabSize),
              );
            }
          } finally {
            dataset.close();
          }
        } catch (error) {
          assert.ok(error instanceof DataError, String(error));
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('an abandoned dataset leaves no file', () => {
  const writer = new DatasetWriter(join(folder, 'sub', 'gone.bin'), 12, 12);
  writer.add(pairs[0]);
  writer.abandon();
  assert.deepEqual(readdirSync(join(folder, 'sub')), []);
});

test('a missing dataset says what to run', () => {
  assert.throws(
    () => Dataset.open(join(folder, 'none.bin')),
    /none.bin cannot be read: it does not exist \(ENOENT\)\. Re-run "coldstart corpus prepare"/,
  );
});
