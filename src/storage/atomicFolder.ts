import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isRunning } from './isRunning.js';
import { makeFolder } from './makeFolder.js';
import { writeFailure } from './writeFailure.js';

/**
 * Writes a folder that appears whole or not at all: `write` fills a temporary folder beside it, which then gets the
 * name. A folder that has the name already is replaced, and removed only once the new one stands in its place.
 *
 * Whether it may be replaced is the caller's decision. What killed runs left is cleared away, or put back.
 *
 * @param path final name; its parent is made if missing
 * @param write gets the temporary folder, empty
 * @throws ColdstartError code WRITE_FAILED if the disk is full, the place may not be written to, and the like
 */
export async function writeFolderAtomic<T>(path: string, write: (folder: string) => Promise<T> | T): Promise<T> {
  const target = resolve(path);
  const folder = besides(target, process.pid, 'part');
  try {
    makeFolder(dirname(target));
    clearLeftovers(target);
    mkdirSync(folder);
    const result = await write(folder);
    if (existsSync(target)) {
      const replaced = besides(target, process.pid, 'replaced');
      renameSync(target, replaced);
      renameSync(folder, target);
      rmSync(replaced, { recursive: true });
    } else {
      renameSync(folder, target);
    }
    return result;
  } catch (error) {
    throw writeFailure(path, error);
  } finally {
    if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
  }
}

function besides(target: string, processId: number, kind: 'part' | 'replaced'): string {
  return join(dirname(target), `.${basename(target)}.${processId}.${kind}`);
}

/** Removes unfinished folders of runs that are gone; a folder that one of them had moved aside comes back. */
function clearLeftovers(target: string): void {
  for (const entry of readdirSync(dirname(target))) {
    const match = entry.startsWith(`.${basename(target)}.`)
      ? /^(\d+)\.(part|replaced)$/.exec(entry.slice(basename(target).length + 2))
      : null;
    if (!match || (Number(match[1]) !== process.pid && isRunning(Number(match[1])))) continue;
    const leftover = join(dirname(target), entry);
    if (match[2] === 'replaced' && !existsSync(target)) renameSync(leftover, target);
    else rmSync(leftover, { recursive: true, force: true });
  }
}
