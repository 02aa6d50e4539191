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

/**
 * For the program's own files, in the folders of runs, ablations, corpora and checkpoints: opening a pipe there would
 * wait for ever. A user's input that is named on the command line may be a pipe.
 *
 * @param what description of the file, for the message, e.g. "scores of a run"
 * @throws DataError if the path names a pipe, a socket or a device; the reader reports a missing file or a folder
 */
export function checkOwnFile(path: string, what: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isFile() || found.isDirectory()) return;
  const kind = found.isFIFO() ? 'a pipe' : found.isSocket() ? 'a socket' : 'a device';
  throw new DataError(`${what} ${path} is ${kind}, expected a file. Remove it, or restore the file from a copy.`);
}
