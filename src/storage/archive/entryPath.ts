import { DataError } from '../../errors.js';

const maxPartBytes = 255;
const maxDepth = 32;

/**
 * An entry's name as a relative path with single slashes.
 *
 * @returns '' for the archive's own folder, `./`
 * @throws DataError if the name leads out of the folder that is unpacked into, or is not valid on all systems
 */
export function entryPath(name: string, archive: string): string {
  const refuse = (why: string): DataError =>
    new DataError(`${archive} holds ${JSON.stringify(name.slice(0, 200))}: ${why}. Such archives are not unpacked.`);
  if (name.startsWith('/') || /^[a-z]:/i.test(name)) throw refuse('an absolute path');
  if (name.includes('\\')) throw refuse('a name with a backslash');
  if (/[\0-\x1f\x7f\ufffd]/.test(name)) throw refuse('a name with characters that no text file has');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refuse('a path that leads out of its folder');
  if (parts.length > maxDepth || parts.some((part) => Buffer.byteLength(part) > maxPartBytes))
    throw refuse('a name that is too long');
  return parts.join('/');
}
