import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ColdstartError } from '../errors.js';

/**
 * Makes a folder and the ones above it that are missing. Level by level: Node's own recursive form does not come back
 * from places such as /proc, where making a folder fails as if its parent were missing.
 *
 * @throws ColdstartError code WRITE_FAILED if one cannot be made, or if something else has the name
 */
export function makeFolder(path: string): void {
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) return;
    throw new ColdstartError(
      'WRITE_FAILED',
      `folder ${path} cannot be made: there is a file of that name. Choose another place, or remove it first.`,
    );
  }
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  try {
    mkdirSync(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') return; // another process was faster
    throw new ColdstartError('WRITE_FAILED', `folder ${path} cannot be made: ${message}. Choose another place.`, {
      cause,
    });
  }
}

/**
 * Whether a folder is missing or empty, and so free for output. @throws ColdstartError code FILE_EXISTS if a file has
 * the name
 */
export function isFreeFolder(path: string): boolean {
  if (!existsSync(path)) return true;
  if (!statSync(path).isDirectory())
    throw new ColdstartError(
      'FILE_EXISTS',
      `${path} is a file, expected a folder or nothing. Choose another folder, or remove it first.`,
    );
  return readdirSync(path).length === 0;
}
