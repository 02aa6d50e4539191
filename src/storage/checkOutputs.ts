import { existsSync, mkdirSync, rmdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ColdstartError, UsageError } from '../errors.js';
import { refuseDeadLink } from './makeFolder.js';
import { forgetPart, partPath } from './partName.js';
import { writeFailure } from './writeFailure.js';

/**
 * Checks, before the work, that files can be written: all names differ, no file exists yet, and each folder takes
 * new files or can be made. Nothing is left behind.
 *
 * @param options.kind the kind of output at the paths
 * @param options.replace a file that is there already will be replaced
 * @throws UsageError for a name given twice, or that of a folder; ColdstartError code FILE_EXISTS naming the first file
 * that is there already; WRITE_FAILED for a place that cannot be written to
 */
export function checkOutputs(
  paths: readonly string[],
  { replace = false, kind = 'file' }: { readonly replace?: boolean; readonly kind?: 'file' | 'folder' } = {},
): void {
  const twice = paths.find((path, i) => paths.findIndex((other) => resolve(other) === resolve(path)) < i);
  if (twice !== undefined) throw new UsageError(`${twice} is to be written twice. Name different files.`);
  for (const path of paths) {
    if (kind === 'file' && (path.endsWith('/') || (existsSync(path) && statSync(path).isDirectory())))
      throw new UsageError(`${path} is the name of a folder, expected that of the file to write.`);
    if (!replace && existsSync(path))
      throw new ColdstartError(
        'FILE_EXISTS',
        `${path} exists already and would be overwritten. Choose another name, or remove it first.`,
      );
    checkPlace(path);
  }
}

/**
 * Checks, before the work, that a file or folder can be made at a path. Tries it with another name, as permissions
 * alone do not decide it (read-only disks, /proc, names that are too long).
 *
 * @throws ColdstartError code WRITE_FAILED if not
 */
export function checkPlace(path: string): void {
  let missing = resolve(path);
  while (!existsSync(dirname(missing))) missing = dirname(missing);
  refuseDeadLink(missing);
  const folder = dirname(missing);
  if (!statSync(folder).isDirectory())
    throw new ColdstartError(
      'WRITE_FAILED',
      `${path} cannot be written: ${folder} is a file, expected a folder. Choose another place.`,
    );
  try {
    const trial = partPath(missing);
    mkdirSync(trial);
    rmdirSync(trial);
    forgetPart(trial);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      throw new ColdstartError(
        'WRITE_FAILED',
        `${path} cannot be written: ${folder} takes no new files. Choose another place.`,
        { cause },
      );
    throw writeFailure(path, cause);
  }
}
