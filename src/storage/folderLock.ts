import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { ColdstartError } from '../errors.js';
import { isRunning } from './isRunning.js';

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
      const [owner, host = hostname()] = readFileSync(path, 'utf8').split(' ');
      const isElsewhere = host !== hostname();
      if (attempt > 0 || isElsewhere || (Number(owner) > 0 && isRunning(Number(owner)))) {
        throw new ColdstartError('FOLDER_BUSY', `process ${owner}${isElsewhere ? ` on ${host}` : ''} is ${doing} already. Wait for it; if it is gone or another program, remove ${path}.`);
      }
      rmSync(path, { force: true });
    }
  }
}
