import { existsSync, mkdirSync, readdirSync, readlinkSync, statSync } from 'node:fs';
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
    if (code === 'EEXIST' && existsSync(path)) return; // another process was faster
    refuseDeadLink(path);
    throw new ColdstartError('WRITE_FAILED', `folder ${path} cannot be made: ${message}. Choose another place.`, {
      cause,
    });
  }
}

/**
 * Refuses a path that is a link to something that does not exist: nothing can be made there, and a file that replaced
 * the link would not be where the link's author wanted it.
 *
 * @throws ColdstartError code WRITE_FAILED naming the link's target
 */
export function refuseDeadLink(path: string): void {
  if (existsSync(path)) return;
  let target: string;
  try {
    target = readlinkSync(path);
  } catch {
    return; // no link, or none that can be read: making the file or folder says why
  }
  throw new ColdstartError(
    'WRITE_FAILED',
    `${path} is a link to ${target}, which does not exist. Make what it points to, or remove the link.`,
  );
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
