import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeStaleParts } from './staleParts.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-parts-'));
after(() => rmSync(folder, { recursive: true }));

test('parts of processes that are gone are removed, everything else stays', () => {
  const gone = spawnSync(process.execPath, ['-e', '']).pid;
  const running = process.ppid;
  for (const name of [
    `.a.bin.${gone}.part`,
    `.b.bin.${gone}.part`,
    `.a.bin.${running}.part`,
    'a.bin',
    `.a.bin.part`,
    '.a.bin.x.part',
  ])
    writeFileSync(join(folder, name), '');
  mkdirSync(join(folder, `.c.${gone}.part`));
  writeFileSync(join(folder, `.c.${gone}.part`, 'inside'), '');
  const stays = ['.a.bin.part', `.a.bin.${running}.part`, '.a.bin.x.part', 'a.bin'];
  removeStaleParts(folder, 'a.bin');
  assert.deepEqual(readdirSync(folder).sort(), [...stays, `.b.bin.${gone}.part`, `.c.${gone}.part`].sort());
  removeStaleParts(folder);
  assert.deepEqual(readdirSync(folder).sort(), [...stays].sort());
});
