import { statSync } from 'node:fs';

/**
 * Whether a path names something. Unlike existsSync, which reports everything that it cannot read as missing: a folder
 * without permission, a link that leads back to itself.
 *
 * @throws the system's error, unless it says that nothing exists there
 */
export function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false; // nothing can exist below a file
    throw error;
  }
}
