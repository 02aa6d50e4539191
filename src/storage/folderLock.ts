import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { ColdstartError } from '../errors.js';
import { isRunning } from './isRunning.js';

/** Whether a lock file stands and its owner runs, as far as can be seen from here. */
export function isLocked(path: string): boolean {
  if (!existsSync(path)) return false;
  const { owner, isElsewhere } = readOwner(path);
  return isElsewhere || isAlive(owner);
}

/**
 * Makes a folder this process's own as long as the lock file stands. The lock of a process that is gone is taken over.
 *
 * @param path the lock file, in a folder that exists
 * @param doing what the owner does, for the message, e.g. "preparing this corpus"
 * @returns what gives the folder back
 * @throws ColdstartError code FOLDER_BUSY naming the process that has it
 */
export function lockFolder(path: string, doing: string): () => void {
  for (let attempt = 0; ; attempt++) {
    try {
      const file = openSync(path, 'wx');
      writeSync(file, `${process.pid} ${hostname()}`);
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const { owner, host, isElsewhere } = readOwner(path);
      if (attempt > 0 || isElsewhere || isAlive(owner)) {
        throw new ColdstartError('FOLDER_BUSY', `process ${owner}${isElsewhere ? ` on ${host}` : ''} is ${doing} already. Wait for it; if it is gone or another program, remove ${path}.`);
      }
      rmSync(path, { force: true });
    }
  }
}

function readOwner(path: string): { owner: string; host: string; isElsewhere: boolean } {
  const [owner, host = hostname()] = readFileSync(path, 'utf8').split(' ');
  return { owner, host, isElsewhere: host !== hostname() };
}

function isAlive(owner: string): boolean {
  return Number(owner) > 0 && isRunning(Number(owner));
}
