import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { readSafetensors, writeSafetensors, type StoredTensor } from './safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-safetensors-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'x.safetensors');

function write(header: unknown, dataBytes: number, claimed?: number): void {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(claimed ?? json.length));
  writeFileSync(path, Buffer.concat([length, json, Buffer.alloc(dataBytes)]));
}

test('written tensors are read back, in order, with metadata', () => {
  const tensors = new Map<string, StoredTensor>([
    ['b', { dtype: 'F32', shape: [2, 2], data: new Float32Array([1.5, -2, 0, 1e-30]) }],
    ['a', { dtype: 'F64', shape: [], data: new Float64Array([Math.PI]) }],
    ['empty', { dtype: 'I32', shape: [0, 3], data: new Int32Array(0) }],
  ]);
  writeSafetensors(path, tensors, { metadata: { step: '7' } });
  const back = readSafetensors(path);
  assert.deepEqual([...back.tensors.keys()], ['b', 'a', 'empty']);
  assert.deepEqual(back.tensors, tensors);
  assert.deepEqual(back.metadata, { step: '7' });
  assert.equal(readFileSync(path).readBigUInt64LE() % 8n, 0n);
  assert.deepEqual(readdirSync(folder), ['x.safetensors'], 'no temporary file stays');
});

test('files with false headers are refused by name', () => {
  const entry = (more: object): object => ({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...more } });
  const cases: [string, () => void, RegExp][] = [
    ['short', () => writeFileSync(path, 'abc'), /3 bytes, expected at least 8/],
    ['huge header', () => write({}, 0, 2 ** 40), /claims 1099511627776 bytes/],
    ['header past the end', () => write({}, 0, 500), /claims 500 bytes, the file has 10/],
    ['not JSON', () => write('{"w":', 0), /not JSON/],
    ['array', () => write([], 0), /does not begin with a header as such files do/],
    ['text', () => writeFileSync(path, 'Ein Mann\nEine Frau'), /does not begin with a header/],
    ['dtype', () => write(entry({ dtype: 'pickle' }), 8), /"w" has dtype "pickle"/],
    ['shape', () => write(entry({ shape: [-2] }), 8), /"w" has shape \[-2\]/],
    ['size', () => write(entry({ shape: [3] }), 8), /"w" holds 8 bytes, its shape \[3\] needs 12/],
    [
      'overlap',
      () => write({ ...entry({}), v: { dtype: 'F32', shape: [2], data_offsets: [4, 12] } }, 12),
      /"v" starts at byte 4, expected 8/,
    ],
    ['truncated', () => write(entry({}), 7), /truncated/],
    ['extended', () => write(entry({}), 9), /extended/],
  ];
  for (const [name, make, expected] of cases) {
    make();
    assert.throws(
      () => readSafetensors(path),
      (error: Error) => expected.test(error.message) && error.message.includes(path),
      name,
    );
  }
});

test('no bytes crash the reader with an unnamed error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      writeFileSync(path, bytes);
      try {
        readSafetensors(path);
      } catch (error) {
        assert.equal((error as Error).name, 'DataError', String(error));
      }
    }),
    { numRuns: 200 },
  );
});
