import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ColdstartError, UsageError } from '../errors.js';
import { makeFolder } from './makeFolder.js';
import { forgetPart, partPath } from './partName.js';
import { removeStaleParts } from './staleParts.js';
import { syncToDisk } from './syncToDisk.js';
import { writeFailure } from './writeFailure.js';

/**
 * Writes a folder that appears whole or not at all: `write` fills a temporary folder next to it, which then gets the
 * name. A folder that has the name already is replaced, and removed only after the new one is in its place.
 *
 * Whether it may be replaced is the caller's decision. What killed runs left is cleared away, or put back.
 *
 * @param path final name; its parent is made if missing
 * @param write gets the temporary folder, empty
 * @throws UsageError if the name is empty; ColdstartError code WRITE_FAILED if the disk is full, the place is not
 * writable, and for similar failures
 */
export async function writeFolderAtomic<T>(path: string, write: (folder: string) => Promise<T> | T): Promise<T> {
  // it would be the current folder, which no check of what is at an empty path sees
  if (path === '') throw new UsageError('the name of a folder to write is empty.');
  const target = resolve(path);
  const folder = partPath(target);
  try {
    makeFolder(dirname(target));
    removeStaleParts(dirname(target), basename(target));
    mkdirSync(folder);
    const result = await write(folder);
    syncTree(folder);
    if (existsSync(target)) {
      const replaced = partPath(target, 'replaced');
      renameSync(target, replaced);
      renameSync(folder, target);
      rmSync(replaced, { recursive: true });
      forgetPart(replaced);
    } else {
      renameSync(folder, target);
    }
    syncToDisk(dirname(target));
    return result;
  } catch (error) {
    const failure = writeFailure(path, error);
    // users know the folder by its final name
    if (failure instanceof ColdstartError && failure.message.includes(folder))
      throw new ColdstartError(failure.code, failure.message.replaceAll(folder, path), {
        exitCode: failure.exitCode,
        cause: error,
      });
    throw failure;
  } finally {
    if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
    forgetPart(folder);
  }
}

/** Waits until everything in a folder is on the disk. */
function syncTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) syncTree(path);
    else if (entry.isFile()) syncToDisk(path);
  }
  syncToDisk(folder);
}
