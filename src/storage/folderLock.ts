import { randomUUID } from 'node:crypto';
import {
  constants,
  copyFileSync,
  linkSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { ColdstartError, type ErrorCode } from '../errors.js';
import { isRunning } from './isRunning.js';
import { systemFailure } from './systemFailure.js';
import { writeFailure } from './writeFailure.js';

/** How a lock shows that its owner lives to processes that cannot see the owner's process. */
export interface LockTimes {
  /** The owner renews the file's time so often. */
  readonly beatMs: number;
  /** Who sees no renewal for so long takes the lock over. */
  readonly leaseMs: number;
}

const defaultTimes: LockTimes = { beatMs: 5_000, leaseMs: 30_000 };

export interface LockOptions {
  /** Code of the error if another process has the folder. Default FOLDER_BUSY. */
  readonly code?: ErrorCode;
  readonly times?: LockTimes;
  /** Receives a sentence when it takes up to `leaseMs` to find out whether the owner lives. Default: standard error. */
  readonly onWait?: (note: string) => void;
  readonly signal?: AbortSignal;
}

/** Whether a lock file exists and its owner lives, as far as one look shows; for displays. */
export function isLocked(path: string): boolean {
  const owner = readOwner(path);
  if (owner === null) return false;
  const life = lifeOf(owner);
  if (life !== 'unseen' || owner.boot === undefined) return life !== 'gone';
  const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return modified !== undefined && Date.now() - modified < defaultTimes.leaseMs;
}

/**
 * Makes a folder this process's own as long as the lock file exists. The lock of a process that is gone is taken over.
 *
 * On one machine and in one container the owner's process id and start time decide. The owner's container or machine
 * may be another one: a thread of the owner renews the file's time, also while its main thread computes, and the lock
 * of an owner that stopped renewing it for `leaseMs` is taken over. Times are only compared with themselves, so clocks
 * of machines may differ.
 *
 * The file appears with its owner's name in it, by a hard link. A process that takes a lock over holds a second one,
 * PATH.takeover, from before it reads the lock for the last time until its own has replaced it: else two could replace
 * it one after the other.
 *
 * @param path the lock file, in a folder that exists
 * @param doing the owner's work, for the message, e.g. "preparing this corpus"
 * @returns a function that releases the folder
 * @throws ColdstartError of the code, naming the process that has it
 */
export async function lockFolder(path: string, doing: string, options: LockOptions = {}): Promise<() => void> {
  const { code = 'FOLDER_BUSY', times = defaultTimes, signal } = options;
  const { onWait = (note) => process.stderr.write(`${note}\n`) } = options;
  const text = ownText();
  const own = join(dirname(path), `.${basename(path)}.${randomUUID()}.part`);
  const takeover = `${path}.takeover`;
  const held = (): (() => void) => holdLock(path, text, times);
  const busy = ({ processId, host }: Owner, files: string): ColdstartError =>
    new ColdstartError(
      code,
      `${processId > 0 ? `process ${processId}` : 'a process that does not give its name'}${host === hostname() ? '' : ` on ${host}`} is ${doing} already. Wait for it; if it is gone or another program, remove ${files}.`,
    );
  try {
    writeFileSync(own, text, { flag: 'wx' });
  } catch (cause) {
    rmSync(own, { force: true });
    throw writeFailure(path, cause);
  }
  try {
    while (!appears(own, path)) {
      const found = readOwner(path);
      if (found === null) continue; // given back meanwhile
      const life = lifeOf(found);
      // a lock without a name, as a power failure leaves it, has no owner unless it is renewed or filled
      if (life === 'lives' || (life === 'unseen' && found.boot === undefined && found.processId > 0))
        throw busy(found, path);
      if (life === 'unseen') {
        const owner =
          found.processId > 0
            ? `names process ${found.processId} on ${found.host}, which cannot be seen from here`
            : 'names no process';
        onWait(`${path} ${owner}: waiting up to ${times.leaseMs / 1000} s to see whether it lives.`);
        if (await isRenewed(path, found, times.leaseMs, signal)) throw busy(found, path);
      }
      if (!appears(own, takeover)) {
        const other = readOwner(takeover);
        if (other !== null) throw busy(other, `${takeover} and ${path}`);
        continue;
      }
      try {
        if (readOwner(path)?.text !== found.text) continue;
        renameSync(own, path);
        return held();
      } finally {
        rmSync(takeover, { force: true });
      }
    }
    return held();
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * Renews the lock from a thread until it is given back. A process whose lock was taken over ends: two would do the same
 * work.
 */
function holdLock(path: string, text: string, { beatMs }: LockTimes): () => void {
  const heart = new Worker(
    `
    const { readFileSync, utimesSync, writeSync } = require('node:fs');
    const { parentPort, workerData: { path, text, beatMs } } = require('node:worker_threads');
    const beat = setInterval(() => {
      try {
        if (readFileSync(path, 'utf8') === text) {
          const now = new Date();
          return utimesSync(path, now, now);
        }
      } catch {
        return; // the next beat tries again
      }
      clearInterval(beat);
      parentPort.postMessage('lost');
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), 10000); // where the main thread does not listen
    }, beatMs);`,
    { eval: true, workerData: { path, text, beatMs }, execArgv: [], env: {} },
  );
  heart.once('message', () => {
    writeSync(2, `${path} was taken over by another process while this one was stopped; ending without saving.\n`);
    process.exit(1);
  });
  heart.unref();
  return () => {
    heart.removeAllListeners('message');
    void heart.terminate();
    if (readOwner(path)?.text === text) rmSync(path, { force: true });
  };
}

/** Whether a lock is renewed, replaced or given back within the time. */
async function isRenewed(path: string, owner: Owner, leaseMs: number, signal?: AbortSignal): Promise<boolean> {
  const first = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  const end = performance.now() + leaseMs;
  while (performance.now() < end) {
    await sleep(Math.min(500, leaseMs / 10), undefined, { signal });
    if (readOwner(path)?.text !== owner.text) return false; // the caller looks again
    if (statSync(path, { throwIfNoEntry: false })?.mtimeMs !== first) return true;
  }
  return false;
}

interface Owner {
  readonly text: string;
  /** 0 if the lock has none: it is being written on a file system without hard links. */
  readonly processId: number;
  readonly host: string;
  /** When the process began, in the kernel's clock ticks; undefined where the kernel does not say. */
  readonly startTime?: string;
  /** The running kernel, and the container's process ids in it. Undefined: of a program that renews no lock. */
  readonly boot?: string;
}

/**
 * Process id, host, token, start of the process, kernel and namespace of process ids; "-" where the system does not
 * say.
 */
function ownText(): string {
  return [process.pid, hostname(), randomUUID(), startTimeOf(process.pid) ?? '-', ownBoot() ?? '-'].join(' ');
}

/** Null without a lock. */
function readOwner(path: string): Owner | null {
  try {
    const text = readFileSync(path, 'utf8');
    const [processId, host = hostname(), , startTime, boot] = text.split(' ');
    return { text, processId: Number(processId) || 0, host, startTime, boot };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw systemFailure(error, path) ?? error;
  }
}

/** What can be seen of an owner from here. */
function lifeOf({ processId, host, startTime, boot }: Owner): 'lives' | 'gone' | 'unseen' {
  if (processId === 0) return 'unseen';
  const here = ownBoot();
  if (boot !== undefined && boot !== '-' && here !== undefined) {
    if (boot !== here) return 'unseen';
    return isRunning(processId) && startTimeOf(processId) === startTime ? 'lives' : 'gone';
  }
  if (host !== hostname()) return 'unseen';
  return isRunning(processId) ? 'lives' : 'gone';
}

/** The running kernel and the namespace of process ids; undefined where the system does not say. */
function ownBoot(): string | undefined {
  try {
    const kernel = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${kernel}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
  }
}

/** When a process began: a process id that is given out again differs in it. */
function startTimeOf(processId: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'utf8');
    // the program's name, in brackets, may contain any character
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Gives a file a second name, unless something has the name already. */
function appears(file: string, name: string): boolean {
  try {
    linkSync(file, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    return copyAppears(file, name); // a file system without hard links
  }
  return true;
}

function copyAppears(file: string, name: string): boolean {
  try {
    copyFileSync(file, name, constants.COPYFILE_EXCL);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  return true;
}
