import { statSync } from 'node:fs';

/**
 * Whether a path names something. Unlike existsSync, which takes whatever cannot be looked at for missing: a folder without
 * permission, a link that leads back to itself.
 *
 * @throws what the system says, other than that there is nothing
 */
export function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false; // below a file there is nothing
    throw error;
  }
}
