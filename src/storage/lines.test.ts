import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readLineBlocks } from './lines.js';
import { caseLines, casePath } from '../../test/cases.js';
import { readTextFile } from './textFile.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-lines-'));
after(() => rmSync(folder, { recursive: true }));

async function linesOf(content: string | Uint8Array, name = 'text'): Promise<(string | null)[]> {
  writeFileSync(join(folder, name), content);
  const lines: (string | null)[] = [];
  for await (const block of readLineBlocks(join(folder, name))) lines.push(...block);
  return lines;
}

test('lines end only at LF', async () => {
  assert.deepEqual(await linesOf('a\n\nb\r\nc\u2028d\u0085e\ff\vg'), ['a', '', 'b\r', 'c\u2028d\u0085e\ff\vg']);
  assert.deepEqual(await linesOf(''), []);
  assert.deepEqual(await linesOf('\n'), ['']);
});

test('long files, characters across chunks, and gzip', async () => {
  const lines = Array.from({ length: 30_000 }, (_, i) => `${i} \u{1F600} \u00e4`);
  const text = `${lines.join('\n')}\n`;
  assert.deepEqual(await linesOf(text), lines);
  assert.deepEqual(await linesOf(gzipSync(text), 'text.gz'), lines);
});

test('a line of invalid UTF-8 is null, its neighbours are read', async () => {
  const bytes = Buffer.concat([
    Buffer.from('a\n'),
    Buffer.from([0xc3, 0x28, 10, 10]),
    Buffer.from('\u00e4\n'),
    Buffer.from([0xff]),
  ]);
  assert.deepEqual(await linesOf(bytes), ['a', null, '', '\u00e4', null]);
});

test('damaged files are named', async () => {
  await assert.rejects(
    linesOf(gzipSync('abc\n'.repeat(1000)).subarray(0, 30), 'cut.gz'),
    /cut.gz cannot be read as gzip: unexpected end of file/,
  );
  await assert.rejects(linesOf('plain', 'plain.gz'), /plain.gz cannot be read as gzip: incorrect header check/);
  await assert.rejects(linesOf('a\n'.concat('x'.repeat(5 * 2 ** 20))), /text:2: the line has more than 4194304 bytes/);
  await assert.rejects(async () => {
    for await (const block of readLineBlocks(join(folder, 'none.gz'))) void block;
  }, /none.gz cannot be read: it does not exist \(ENOENT\)/);
});

test('a byte order mark at the start is not text', async () => {
  const mark = '\ufeff';
  assert.deepEqual(await linesOf(`${mark}a\n${mark}b\n`), ['a', `${mark}b`]);
  assert.deepEqual(await linesOf(gzipSync(`${mark}a\n`), 'marked.gz'), ['a']);
  assert.deepEqual(await linesOf(mark), []);
  async function* bytewise(): AsyncGenerator<Buffer> {
    for (const byte of Buffer.from(`${mark}a\nb`)) yield Buffer.of(byte);
  }
  const lines: (string | null)[] = [];
  for await (const block of readLineBlocks('stream', bytewise())) lines.push(...block);
  assert.deepEqual(lines, ['a', 'b']);
  for (const kind of ['codes', 'vocabulary'])
    assert.equal(
      readTextFile(casePath(`03-byte-order-mark.${kind}`), kind),
      readTextFile(casePath(`03-plain.${kind}`), kind),
    );
});

test('gzip is read under any name, other packings and UTF-16 are named', async () => {
  const packed = casePath('13-gzip-without-gz-ending.de');
  const lines: (string | null)[] = [];
  for await (const block of readLineBlocks(packed)) lines.push(...block);
  assert.equal(lines.length, caseLines('13-text.en').length);
  assert.equal(readTextFile(packed, 'text'), `${lines.join('\n')}\n`);
  const xz = Buffer.from([0xfd, ...Buffer.from('7zXZ'), 0, 1, 2]);
  await assert.rejects(linesOf(xz), /text is packed with xz, expected text. Unpack it first: xz -dc/);
  assert.throws(() => readTextFile(join(folder, 'text'), 'list'), /list .*text is packed with xz/);
  await assert.rejects(linesOf(Buffer.from('\ufeffa\n', 'utf16le')), /text is text in UTF-16, expected UTF-8/);
});
