import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ColdstartError } from '../../errors.js';
import { tarArchive, zipArchive, type TestEntry } from '../../../test/archives.js';
import { unpackArchive, type UnpackOptions } from './unpackArchive.js';

let folder: string;
let inside: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coldstart-unpack-'));
  inside = join(folder, 'inside');
});
afterEach(() => rmSync(folder, { recursive: true }));

function unpack(bytes: Buffer, options?: UnpackOptions): ReturnType<typeof unpackArchive> {
  writeFileSync(join(folder, 'archive'), bytes);
  return unpackArchive(join(folder, 'archive'), inside, options);
}

const corpus: TestEntry[] = [
  { name: 'de-en/train.de', content: 'eins\nzwei\n'.repeat(200) },
  { name: './de-en/README', content: '' },
  { name: 'de-en/train.en', content: 'one\ntwo\n'.repeat(200) },
];

/** @returns all files below a folder with their text */
function contents(below: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(below, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => [
        join(entry.parentPath, entry.name).slice(below.length + 1),
        readFileSync(join(entry.parentPath, entry.name), 'utf8'),
      ])
      .sort(),
  );
}

const expected = { 'de-en/README': '', 'de-en/train.de': corpus[0].content, 'de-en/train.en': corpus[2].content };

test('tar, tgz and zip give the same files', async () => {
  for (const bytes of [tarArchive(corpus), gzipSync(tarArchive(corpus)), zipArchive(corpus)]) {
    const { files } = await unpack(bytes);
    assert.deepEqual(contents(inside), expected);
    assert.deepEqual(
      files.map(({ path, bytes: size }) => [path, size]),
      [
        ['de-en/train.de', 2000],
        ['de-en/README', 0],
        ['de-en/train.en', 1600],
      ],
    );
    rmSync(inside, { recursive: true });
  }
});

test('xz, zstd and bzip2 go through the programs of these names, where they are there', async (t) => {
  for (const command of ['xz', 'zstd', 'bzip2']) {
    const { stdout, error } = spawnSync(command, ['-c'], { input: tarArchive(corpus) });
    if (error) {
      t.diagnostic(`${command} is not installed: not tried`);
      continue;
    }
    await unpack(stdout);
    assert.deepEqual(contents(inside), expected);
    rmSync(inside, { recursive: true });
    await assert.rejects(unpack(stdout.subarray(0, stdout.length - 20)), /cannot be unpacked as|ends within an entry/);
    assert.ok(!existsSync(inside));
  }
  const path = process.env.PATH;
  process.env.PATH = folder;
  try {
    await assert.rejects(
      unpack(Buffer.from('\xfd7zXZ\0 and more', 'latin1')),
      /is packed by xz, and the program xz is not there to unpack it\. Install it \(Debian: apt install xz-utils\)/,
    );
  } finally {
    process.env.PATH = path;
  }
});

test('only selected entries are unpacked; the rest is reported', async () => {
  for (const bytes of [tarArchive(corpus), zipArchive(corpus)]) {
    const { files, others } = await unpack(bytes, { select: (path) => path.endsWith('.en') });
    assert.deepEqual(
      files.map(({ path }) => path),
      ['de-en/train.en'],
    );
    assert.deepEqual(others, ['de-en/train.de', 'de-en/README']);
    rmSync(inside, { recursive: true });
  }
});

test('paths that lead out, links, devices and doubles are refused, and nothing is left', async () => {
  const long = 'x'.repeat(256);
  const names: [string, RegExp][] = [
    ['../evil', /a path that leads out of its folder/],
    ['a/../../evil', /leads out/],
    ['/etc/evil', /an absolute path/],
    ['C:/evil', /an absolute path/],
    ['a\\..\\evil', /a name with a backslash/],
    ['a/\u0001', /characters that no text file has/],
  ];
  for (const [name, message] of names) {
    for (const make of [tarArchive, zipArchive])
      await assert.rejects(
        unpack(
          make([
            { name: 'fine', content: 'x' },
            { name, content: 'evil' },
          ]),
        ),
        message,
      );
    await assert.rejects(unpack(tarArchive([{ name, content: 'evil' }]), { select: () => false }), message);
  }
  await assert.rejects(unpack(zipArchive([{ name: long, content: '' }])), /a name that is too long/);
  for (const type of ['1', '2', '3', '4', '6'])
    await assert.rejects(
      unpack(tarArchive([{ name: 'link', type, linkName: '/etc/passwd' }])),
      /"link", a link or device/,
    );
  await assert.rejects(
    unpack(zipArchive([{ name: 'link', content: '/etc/passwd' }], { unixMode: 0o120777 })),
    /"link", a link or device/,
  );
  for (const make of [tarArchive, zipArchive]) {
    await assert.rejects(
      unpack(
        make([
          { name: 'a', content: '1' },
          { name: './a', content: '2' },
        ]),
      ),
      /twice, or as both file and folder/,
    );
    await assert.rejects(
      unpack(
        make([
          { name: 'a', content: '1' },
          { name: 'a/b', content: '2' },
        ]),
      ),
      /twice, or as both file and folder/,
    );
  }
  assert.deepEqual(readdirSync(folder), ['archive']);
});

test('limits of number, size and ratio', async () => {
  await assert.rejects(unpack(tarArchive(corpus), { limits: { maxFiles: 2 } }), /has more than 2 files/);
  for (const make of [tarArchive, zipArchive])
    await assert.rejects(unpack(make(corpus), { limits: { maxBytes: 3000 } }), /unpacks to more than 3000 bytes/);
  // 80 MiB of zeros pack to 80 kB: a thousandth
  const bomb = gzipSync(tarArchive([{ name: 'zeros', content: Buffer.alloc(80 * 2 ** 20) }]), { level: 1 });
  await assert.rejects(unpack(bomb), /unpacks to more than \d+ bytes, too many for a corpus of its size/);
  assert.deepEqual(readdirSync(folder), ['archive']);
});

test('zip entries that share bytes, have a wrong size or differ from their checksum are refused', async () => {
  const zip = zipArchive([
    { name: 'a', content: 'text '.repeat(100) },
    { name: 'b', content: 'more' },
  ]);
  const listAt = zip.indexOf('PK\x01\x02');
  const secondAt = zip.indexOf('PK\x01\x02', listAt + 1);
  const changed = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(zip);
    change(bytes);
    return bytes;
  };
  await assert.rejects(
    unpack(changed((bytes) => bytes.writeUInt32LE(1, secondAt + 42))),
    /"b" shares bytes with another entry/,
  );
  await assert.rejects(
    unpack(changed((bytes) => bytes.writeUInt32LE(40, listAt + 24))),
    /"a" holds more than the 40 bytes it should/,
  );
  await assert.rejects(
    unpack(changed((bytes) => bytes.writeUInt32LE(7, listAt + 16))),
    /"a" differs from its checksum/,
  );
  await assert.rejects(unpack(changed((bytes) => bytes.writeUInt16LE(12, listAt + 10))), /packed by method 12/);
  await assert.rejects(unpack(changed((bytes) => bytes.writeUInt16LE(1, listAt + 8))), /holds encrypted files/);
  await assert.rejects(
    unpack(zip.subarray(0, zip.length - 30)),
    /list of its entries is missing at the end; was it downloaded whole\?/,
  );
});

test('an archive cut short is damaged wherever it is cut', async () => {
  const tgz = gzipSync(tarArchive(corpus));
  for (const length of [10, 50, tgz.length - 9]) await assert.rejects(unpack(tgz.subarray(0, length)), ColdstartError);
  await assert.rejects(unpack(tarArchive(corpus).subarray(0, 1500)), /ends within an entry/);
  await assert.rejects(unpack(Buffer.alloc(2000, 'no archive ')), /neither a tar nor a zip archive/);
});

test('mutated archives never escape, hang or crash', async () => {
  const base = { tar: tarArchive(corpus), tgz: gzipSync(tarArchive(corpus)), zip: zipArchive(corpus) };
  const mutation = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    byte: fc.integer({ min: 0, max: 255 }),
    kind: fc.constantFrom('set', 'set', 'set', 'delete', 'insert', 'cut'),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('tar', 'tgz', 'zip'),
      fc.array(mutation, { minLength: 1, maxLength: 6 }),
      async (kind, mutations) => {
        let bytes = base[kind as keyof typeof base];
        for (const { at, byte, kind: how } of mutations) {
          const position = Math.floor(at * (bytes.length - 1));
          if (how === 'cut') bytes = bytes.subarray(0, position + 1);
          else
            bytes = Buffer.concat([
              bytes.subarray(0, position),
              how === 'delete' ? Buffer.alloc(0) : Buffer.of(byte),
              bytes.subarray(how === 'insert' ? position : position + 1),
            ]);
        }
        try {
          await unpack(bytes);
        } catch (error) {
          assert.ok(error instanceof ColdstartError, String((error as Error).stack));
        }
        assert.ok(readdirSync(folder).every((name) => name === 'archive' || name === 'inside'));
        rmSync(inside, { recursive: true, force: true });
      },
    ),
    { numRuns: 200 },
  );
});
