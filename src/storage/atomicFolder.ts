import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { removeStaleParts } from './staleParts.js';

/**
 * Writes a folder that appears whole or not at all: `write` fills a temporary folder beside it, which then gets the
 * name. A folder that has the name already is replaced, and removed only once the new one stands in its place.
 *
 * Whether it may be replaced is the caller's decision. Temporary folders of killed runs are cleared away.
 *
 * @param path final name; its parent is made if missing
 * @param write gets the temporary folder, empty
 */
export async function writeFolderAtomic<T>(path: string, write: (folder: string) => Promise<T> | T): Promise<T> {
  const parent = dirname(resolve(path));
  const name = basename(resolve(path));
  mkdirSync(parent, { recursive: true });
  removeStaleParts(parent, name);
  const folder = join(parent, `.${name}.${process.pid}.part`);
  mkdirSync(folder);
  try {
    const result = await write(folder);
    if (existsSync(path)) {
      const replaced = join(parent, `.${name}.${process.pid}.replaced`);
      renameSync(path, replaced);
      renameSync(folder, path);
      rmSync(replaced, { recursive: true });
    } else {
      renameSync(folder, path);
    }
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
