import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { writeFileAtomic } from './atomicFile.js';
import { forgetPart, partPath } from './partName.js';
import { removeStaleParts } from './staleParts.js';
import { TextOutput } from './textOutput.js';

const home = mkdtempSync(join(tmpdir(), 'coldstart-parts-'));
after(() => rmSync(home, { recursive: true }));
const gone = spawnSync(process.execPath, ['-e', '']).pid;
const random = '0123456789abcdef';

test('parts of processes that are gone are removed, everything else stays', () => {
  const folder = join(home, 'parts');
  mkdirSync(folder);
  const own = partPath(join(folder, 'own'));
  const running = `.a.bin.${process.ppid}-${random}.part`;
  for (const name of [
    `.a.bin.${gone}-${random}.part`,
    `.b.bin.${gone}-${random}.part`,
    // of an earlier process that had this one's id, as process 1 of a container that was started again
    `.a.bin.${process.pid}-${random}.part`,
    running,
    'a.bin',
    '.a.bin.part',
    '.a.bin.x.part',
  ])
    writeFileSync(join(folder, name), '');
  writeFileSync(own, '');
  mkdirSync(join(folder, `.c.${gone}-${random}.part`));
  writeFileSync(join(folder, `.c.${gone}-${random}.part`, 'inside'), '');
  const stays = ['.a.bin.part', running, '.a.bin.x.part', 'a.bin', own.slice(folder.length + 1)];
  removeStaleParts(folder, 'a.bin');
  assert.deepEqual(
    readdirSync(folder).sort(),
    [...stays, `.b.bin.${gone}-${random}.part`, `.c.${gone}-${random}.part`].sort(),
  );
  removeStaleParts(folder);
  assert.deepEqual(readdirSync(folder).sort(), [...stays].sort());
  forgetPart(own);
  removeStaleParts(folder);
  assert.deepEqual(readdirSync(folder).sort(), stays.slice(0, -1).sort());
});

test('a file moved aside without a successor gets its name back; with a successor it is removed', () => {
  const folder = join(home, 'replaced');
  for (const name of [`.lost.${gone}-${random}.replaced`, `.old.${gone}-${random}.replaced`, 'old'])
    mkdirSync(join(folder, name), { recursive: true });
  removeStaleParts(folder);
  assert.deepEqual(readdirSync(folder).sort(), ['lost', 'old']);
});

test('a link planted under a name that was used before is not followed', () => {
  const folder = join(home, 'planted');
  mkdirSync(folder);
  const secret = join(home, 'secret');
  writeFileSync(secret, 'untouched');
  for (const name of ['file', 'text']) symlinkSync(secret, join(folder, `.${name}.${process.pid}.part`));
  writeFileAtomic(join(folder, 'file'), 'new');
  const output = new TextOutput(join(folder, 'text'));
  output.line('new');
  output.finish();
  assert.equal(readFileSync(secret, 'utf8'), 'untouched');
  // the final name may be a link too: it is replaced, not followed
  symlinkSync(secret, join(folder, 'linked'));
  writeFileAtomic(join(folder, 'linked'), 'new');
  assert.ok(lstatSync(join(folder, 'linked')).isFile());
  assert.equal(readFileSync(secret, 'utf8'), 'untouched');
});

test('names of the greatest length, and in other scripts, have parts too', () => {
  for (const name of ['n'.repeat(255), '漢'.repeat(85)]) {
    writeFileAtomic(join(home, name), 'whole');
    assert.equal(readFileSync(join(home, name), 'utf8'), 'whole');
  }
});

test('a text output removes the part that a killed process left', () => {
  const folder = join(home, 'output');
  mkdirSync(folder);
  writeFileSync(join(folder, `.text.gz.${gone}-${random}.part`), '');
  new TextOutput(join(folder, 'text.gz')).finish();
  assert.deepEqual(readdirSync(folder), ['text.gz']);
});
