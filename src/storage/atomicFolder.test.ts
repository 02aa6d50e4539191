import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFolderAtomic } from './atomicFolder.js';

const home = mkdtempSync(join(tmpdir(), 'coldstart-folder-'));
after(() => rmSync(home, { recursive: true }));
/** No process has this number: it is above the kernel's largest. */
const gone = 4194999;

test('a folder appears with its files, and replaces an older one', async () => {
  const path = join(home, 'deep', 'out');
  const result = await writeFolderAtomic(path, (folder) => {
    writeFileSync(join(folder, 'a'), '1');
    assert.equal(existsSync(path), false);
    return 7;
  });
  assert.equal(result, 7);
  await writeFolderAtomic(path, (folder) => writeFileSync(join(folder, 'b'), '2'));
  assert.deepEqual(readdirSync(path), ['b']);
  assert.deepEqual(readdirSync(join(home, 'deep')), ['out']);
});

test('an empty name is refused: it would be the current folder', async () => {
  await assert.rejects(
    writeFolderAtomic('', () => assert.fail('nothing is written')),
    { name: 'UsageError', message: 'the name of a folder to write is empty.' },
  );
});

test('failure leaves the older folder and nothing else', async () => {
  const path = join(home, 'kept');
  await writeFolderAtomic(path, (folder) => writeFileSync(join(folder, 'a'), '1'));
  await assert.rejects(
    writeFolderAtomic(path, () => Promise.reject(new Error('stopped'))),
    /stopped/,
  );
  assert.equal(readFileSync(join(path, 'a'), 'utf8'), '1');
  assert.equal(
    readdirSync(home).some((name) => name.startsWith('.')),
    false,
  );
});

test('leftovers of killed runs are removed, and a folder they moved aside is restored', async () => {
  const path = join(home, 'late');
  mkdirSync(join(home, `.late.${gone}-0123456789abcdef.part`));
  mkdirSync(join(home, `.late.${gone}-0123456789abcdef.replaced`));
  writeFileSync(join(home, `.late.${gone}-0123456789abcdef.replaced`, 'old'), '1');
  await assert.rejects(
    writeFolderAtomic(path, () => Promise.reject(new Error('stopped'))),
    /stopped/,
  );
  assert.deepEqual(readdirSync(path), ['old']);
  assert.equal(
    readdirSync(home).some((name) => name.startsWith('.late')),
    false,
  );
});

test('a place that cannot be written to is named', async () => {
  writeFileSync(join(home, 'file'), '');
  await assert.rejects(
    writeFolderAtomic(join(home, 'file', 'out'), () => {}),
    /folder .*file cannot be made: there is a file of that name/,
  );
});
