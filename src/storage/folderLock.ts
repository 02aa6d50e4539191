import { copyFileSync, constants, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { ColdstartError } from '../errors.js';
import { isRunning } from './isRunning.js';

/** Whether a lock file stands and its owner runs, as far as can be seen from here. */
export function isLocked(path: string): boolean {
  const owner = readOwner(path);
  return owner !== null && !isGone(owner);
}

/**
 * Makes a folder this process's own as long as the lock file stands. The lock of a process that is gone is taken over.
 *
 * The file appears with its owner's name in it, by a hard link. Who takes a lock over holds a second one, PATH.takeover, from before
 * he reads the lock for the last time until his own stands in its place: else two could replace it one after the other.
 *
 * @param path the lock file, in a folder that exists
 * @param doing what the owner does, for the message, e.g. "preparing this corpus"
 * @returns what gives the folder back
 * @throws ColdstartError of the code, naming the process that has it
 */
export function lockFolder(path: string, doing: string, code = 'FOLDER_BUSY'): () => void {
  const text = `${process.pid} ${hostname()} ${randomUUID()}`;
  const own = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  const takeover = `${path}.takeover`;
  const release = (): void => {
    if (readOwner(path)?.text === text) rmSync(path, { force: true });
  };
  const busy = ({ processId, host }: Owner, files: string): ColdstartError =>
    new ColdstartError(
      code,
      `${processId > 0 ? `process ${processId}` : 'a process that does not give its name'}${host === hostname() ? '' : ` on ${host}`} is ${doing} already. Wait for it; if it is gone or another program, remove ${files}.`,
    );
  writeFileSync(own, text);
  try {
    while (!appears(own, path)) {
      const found = readOwner(path);
      if (found === null) continue; // given back meanwhile
      if (!isGone(found)) throw busy(found, path);
      if (!appears(own, takeover)) {
        const other = readOwner(takeover);
        if (other !== null) throw busy(other, `${takeover} and ${path}`);
        continue;
      }
      try {
        if (readOwner(path)?.text !== found.text) continue;
        renameSync(own, path);
        return release;
      } finally {
        rmSync(takeover, { force: true });
      }
    }
    return release;
  } finally {
    rmSync(own, { force: true });
  }
}

interface Owner {
  readonly text: string;
  /** 0 if the lock does not say: it is being written by what cannot make hard links. */
  readonly processId: number;
  readonly host: string;
}

/** Null if there is no lock. */
function readOwner(path: string): Owner | null {
  try {
    const text = readFileSync(path, 'utf8');
    const [processId, host = hostname()] = text.split(' ');
    return { text, processId: Number(processId) || 0, host };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function isGone({ processId, host }: Owner): boolean {
  return processId > 0 && host === hostname() && !isRunning(processId);
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
