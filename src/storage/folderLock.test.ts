import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ColdstartError } from '../errors.js';
import { isLocked, lockFolder, type LockOptions } from './folderLock.js';

const folders = mkdtempSync(join(tmpdir(), 'coldstart-lock-'));
after(() => rmSync(folders, { recursive: true }));
let made = 0;
function newFolder(): string {
  return mkdtempSync(join(folders, `${made++}-`));
}

/** Short times, silently. */
const quick: LockOptions = { times: { beatMs: 50, leaseMs: 400 }, onWait: () => {} };
const isBusy = (part: string) => (error: Error) =>
  error instanceof ColdstartError && error.code === 'FOLDER_BUSY' && error.message.includes(part);
/** A process id that no process has. */
const gone = spawnSync(process.execPath, ['-e', '']).pid;

test('a folder belongs to one process until it is released; the lock of a dead process is taken over', async () => {
  const folder = newFolder();
  const path = join(folder, 'lock');
  const release = await lockFolder(path, 'training this run');
  await assert.rejects(
    lockFolder(path, 'training this run'),
    isBusy(
      `process ${process.pid} is training this run already. Wait for it; if it is gone or another program, remove ${path}`,
    ),
  );
  assert.equal(isLocked(path), true);
  release();
  assert.equal(existsSync(path), false);
  writeFileSync(path, `${gone} ${hostname()}`);
  assert.equal(isLocked(path), false);
  (await lockFolder(path, 'training this run'))();

  const late = await lockFolder(path, 'training this run');
  writeFileSync(path, `${process.ppid} ${hostname()}`);
  late(); // another process's by now
  assert.equal(readFileSync(path, 'utf8'), `${process.ppid} ${hostname()}`);
  assert.deepEqual(readdirSync(folder), ['lock']);
});

test('a lock that is being written counts as one; that of a program that renews none elsewhere is nobody else’s', async () => {
  const path = join(newFolder(), 'lock');
  writeFileSync(path, '');
  assert.equal(isLocked(path), true);
  writeFileSync(path, `${gone} another-machine`);
  await assert.rejects(lockFolder(path, 'training this run', quick), isBusy('on another-machine'));
});

test('a process id that was given out again is not the owner: the start of the process differs', async () => {
  const path = join(newFolder(), 'lock');
  const release = await lockFolder(path, 'training this run');
  const text = readFileSync(path, 'utf8').split(' ');
  release();
  if (text[3] === '-') return; // no /proc here
  writeFileSync(path, [process.pid, hostname(), 'token', Number(text[3]) - 1, text[4]].join(' '));
  assert.equal(isLocked(path), false);
  (await lockFolder(path, 'training this run'))();
});

test('an owner in another container or machine keeps the lock while it renews it, and loses it when it stops', async () => {
  const path = join(newFolder(), 'lock');
  const other = `1 ${hostname()} token 5 another-kernel/pid:[1]`;
  writeFileSync(path, other);
  let beats = 0;
  const heart = setInterval(() => utimesSync(path, new Date(), new Date(1e12 + 1e6 * beats++)), 40);
  const notes: string[] = [];
  const asking = { ...quick, onWait: (note: string) => void notes.push(note) };
  await assert.rejects(lockFolder(path, 'training this run', asking), isBusy('process 1 is training this run already'));
  assert.match(notes[0], /names process 1 on .*: waiting up to 0\.4 s to see whether it lives/);
  clearInterval(heart);
  (await lockFolder(path, 'training this run', quick))();
  assert.equal(existsSync(path), false);
});

const lockModule = JSON.stringify(new URL('./folderLock.js', import.meta.url).href);

/** A process that takes the lock, says "held", and does what the code says. */
function holder(path: string, code: string, command: readonly string[] = []): ChildProcess {
  const script = `
    const { lockFolder } = await import(${lockModule});
    const release = await lockFolder(${JSON.stringify(path)}, 'holding', { times: { beatMs: 50, leaseMs: 400 }, onWait() {} });
    process.stdout.write('held ' + process.pid);
    ${code}`;
  const [program, ...args] = [...command, process.execPath, '--input-type=module', '-e', script];
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

test('the lock of a process whose main thread computes is renewed all the same', async () => {
  const path = join(newFolder(), 'lock');
  const child = holder(path, 'const end = Date.now() + 1500; while (Date.now() < end); release();');
  await once(child.stdout!, 'data');
  // simulates another container, where only the lock's renewals show that its owner lives
  const text = readFileSync(path, 'utf8');
  const times = new Set<number>();
  const { statSync } = await import('node:fs');
  for (let look = 0; look < 20; look++) {
    times.add(statSync(path).mtimeMs);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(times.size > 3, `${times.size} renewals seen of ${text}`);
  await once(child, 'exit');
  assert.equal(existsSync(path), false);
});

const canMakeNamespaces =
  process.platform === 'linux' && spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0;
const skip = canMakeNamespaces ? false : 'process namespaces cannot be made here (unshare)';
const container = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

test('two containers of one host name: one holds the folder; killed, it is replaced', { skip }, async () => {
  const path = join(newFolder(), 'lock');
  const first = holder(path, 'setInterval(() => {}, 1000);', container);
  const [output] = (await once(first.stdout!, 'data')) as [Buffer];
  assert.equal(output.toString(), 'held 1');
  await assert.rejects(lockFolder(path, 'training this run', quick), isBusy('process 1 is training this run already'));
  const second = holder(path, '', container);
  assert.notEqual((await once(second, 'exit'))[0], 0);
  first.kill('SIGKILL');
  await once(first, 'exit');
  // process 1 again, of another container: not refused for ever
  const restarted = holder(path, 'release();', container);
  assert.deepEqual(await once(restarted, 'exit'), [0, null]);
});

test('a process that was stopped while its lock was taken over ends without saving', { skip }, async () => {
  const path = join(newFolder(), 'lock');
  const child = holder(path, 'setInterval(() => {}, 1000);', container);
  await once(child.stdout!, 'data');
  const heldBy = readFileSync(path, 'utf8');
  writeFileSync(path, heldBy.replace(/ \S+ \S+ \S+$/, ' taken 1 other/pid:[2]'));
  assert.equal((await once(child, 'exit'))[0], 1);
});

test('many processes at once: two never hold it, whichever was killed', async () => {
  const folder = newFolder();
  const path = join(folder, 'lock');
  const script = join(folder, 'contend.mjs');
  // the holder makes a file that must not exist already, and in one case of three leaves a dead process's lock
  writeFileSync(
    script,
    `
    import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
    import { hostname } from 'node:os';
    const { lockFolder } = await import(${lockModule});
    const [path, gone] = process.argv.slice(2);
    let held = 0;
    const end = Date.now() + 2000;
    while (Date.now() < end) {
      let release;
      try {
        release = await lockFolder(path, 'trying');
      } catch (error) {
        if (error.code !== 'FOLDER_BUSY') throw error;
        continue;
      }
      closeSync(openSync(path + '.held', 'wx'));
      rmSync(path + '.held');
      if (held++ % 3 === 0) writeFileSync(path, gone + ' ' + hostname() + ' ' + process.pid + '.' + held);
      release();
    }
    process.stdout.write(String(held));`,
  );
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
  assert.ok(held.reduce((a, b) => a + b) > 30, `${held}`);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name !== 'lock'),
    ['contend.mjs'],
  );
});

test('a lock that is empty, as a power failure leaves it, is taken over after the lease; a folder in its place is named', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'coldstart-lock-'));
  const path = join(dir, 'lock');
  const waits: string[] = [];
  try {
    for (const text of ['', '\0\0\0\0', 'NaN h t 1 b']) {
      writeFileSync(path, text);
      const release = await lockFolder(path, 'testing', {
        times: { beatMs: 20, leaseMs: 100 },
        onWait: (message) => waits.push(message),
      });
      release();
    }
    const expected = `${path} names no process: waiting up to 0.1 s to see whether it lives.`;
    assert.deepEqual(waits, [expected, expected, expected]);
    mkdirSync(path);
    await assert.rejects(lockFolder(path, 'testing'), {
      message: `${path} cannot be read: it is a folder, a file was expected (EISDIR). Name a file.`,
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
