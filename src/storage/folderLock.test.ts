import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ColdstartError } from '../errors.js';
import { lockFolder } from './folderLock.js';

test('a folder is one process\'s; what a dead one left is taken over, what another machine has is not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coldstart-lock-'));
  const path = join(folder, 'lock');
  const isBusy = (part: string) => (error: Error) => error instanceof ColdstartError && error.code === 'FOLDER_BUSY' && error.message.includes(part) && error.message.includes(path);
  try {
    const release = lockFolder(path, 'training this run');
    assert.throws(() => lockFolder(path, 'training this run'), isBusy(`process ${process.pid} is training this run already`));
    release();
    assert.equal(existsSync(path), false);
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    writeFileSync(path, `${pid} ${hostname()}`);
    lockFolder(path, 'training this run')();
    writeFileSync(path, `${pid} another-machine`);
    assert.throws(() => lockFolder(path, 'training this run'), isBusy('on another-machine'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
