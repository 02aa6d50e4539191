import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ColdstartError } from '../errors.js';
import { isLocked, lockFolder } from './folderLock.js';

test("a folder is one process's; what a dead one left is taken over, what another machine has is not", () => {
  const folder = mkdtempSync(join(tmpdir(), 'coldstart-lock-'));
  const path = join(folder, 'lock');
  const isBusy = (part: string) => (error: Error) =>
    error instanceof ColdstartError &&
    error.code === 'FOLDER_BUSY' &&
    error.message.includes(part) &&
    error.message.includes(path);
  try {
    const release = lockFolder(path, 'training this run');
    assert.throws(
      () => lockFolder(path, 'training this run'),
      isBusy(`process ${process.pid} is training this run already`),
    );
    release();
    assert.equal(existsSync(path), false);
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    writeFileSync(path, `${pid} ${hostname()}`);
    lockFolder(path, 'training this run')();
    writeFileSync(path, `${pid} another-machine`);
    assert.throws(() => lockFolder(path, 'training this run'), isBusy('on another-machine'));
    writeFileSync(path, ''); // being written: nobody may take it for the lock of a process that is gone
    assert.throws(() => lockFolder(path, 'training this run'), isBusy('a process that does not give its name'));
    assert.equal(isLocked(path), true);
    rmSync(path);
    assert.equal(isLocked(path), false);

    const late = lockFolder(path, 'training this run');
    writeFileSync(path, `${process.ppid} ${hostname()}`);
    late(); // somebody else's by now
    assert.equal(readFileSync(path, 'utf8'), `${process.ppid} ${hostname()}`);
    assert.deepEqual(readdirSync(folder), ['lock']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('many processes at once: never two that hold it, whoever was killed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'coldstart-lock-'));
  const path = join(folder, 'lock');
  const script = join(folder, 'contend.mjs');
  // whoever holds the lock makes a file that must not be there, and in two cases of three leaves a lock of a process that is gone
  writeFileSync(
    script,
    `
    import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
    import { hostname } from 'node:os';
    const { lockFolder } = await import(${JSON.stringify(new URL('./folderLock.js', import.meta.url).href)});
    const [path, gone] = process.argv.slice(2);
    let held = 0;
    const end = Date.now() + 2000;
    while (Date.now() < end) {
      let release;
      try {
        release = lockFolder(path, 'trying');
      } catch (error) {
        if (error.code !== 'FOLDER_BUSY') throw error;
        continue;
      }
      closeSync(openSync(path + '.held', 'wx'));
      rmSync(path + '.held');
      if (held++ % 3 === 0) release();
      else writeFileSync(path, gone + ' ' + hostname() + ' ' + process.pid + '.' + held);
    }
    process.stdout.write(String(held));`,
  );
  const gone = spawnSync(process.execPath, ['-e', '']).pid;
  try {
    const held = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const child = spawn(process.execPath, [script, path, String(gone)], { stdio: ['ignore', 'pipe', 'pipe'] });
        let [output, complaint] = ['', ''];
        child.stdout.on('data', (text: Buffer) => (output += text));
        child.stderr.on('data', (text: Buffer) => (complaint += text));
        const [status] = (await once(child, 'close')) as [number];
        assert.equal(status, 0, complaint);
        return Number(output);
      }),
    );
    assert.ok(held.reduce((a, b) => a + b) > 50, `${held}`);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name !== 'lock'),
      ['contend.mjs'],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
