import { statSync } from 'node:fs';
import { DataError } from '../errors.js';

/**
 * For files that are read more than once: a pipe, as `<(command)` gives it, has its text once and would be empty then.
 *
 * @param what description of the file, for the message, e.g. "source text"
 * @throws DataError if the path names a pipe or a socket; the reader reports a missing file
 */
export function refusePipe(path: string, what: string): void {
  if (isPipe(path))
    throw new DataError(
      `${what} ${path} is a pipe, but it is read more than once. Write it to a file first, and name that.`,
    );
}

/** Whether a path names a pipe or a socket, whose text can be read only once. False for a missing file. */
export function isPipe(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && (found.isFIFO() || found.isSocket());
}
