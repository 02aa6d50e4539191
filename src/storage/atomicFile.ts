import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { ColdstartError } from '../errors.js';
import { makeFolder } from './makeFolder.js';
import { forgetPart, partPath } from './partName.js';
import { syncToDisk } from './syncToDisk.js';
import { writeFailure } from './writeFailure.js';

/**
 * Writes a file that appears whole or not at all: a temporary file next to it, fsync, rename, fsync of the folder.
 *
 * @param path final name; its folder is made if missing
 * @param chunks written one after another
 * @param options.overwrite false refuses to replace an existing file
 * @param options.durable false leaves out both fsync: whole after the process is killed, but not after a power failure;
 * for what is checked before it is used
 * @throws ColdstartError code FILE_EXISTS when `overwrite` is false and the file is there; WRITE_FAILED if the disk is
 * full, the place is not writable, and for similar failures
 */
export function writeFileAtomic(
  path: string,
  chunks: string | Uint8Array | Iterable<Uint8Array>,
  options: { overwrite?: boolean; durable?: boolean } = {},
): void {
  if (options.overwrite === false && existsSync(path)) {
    throw new ColdstartError(
      'FILE_EXISTS',
      `${path} exists already and would be overwritten. Choose another name, or remove it first.`,
    );
  }
  const folder = dirname(path);
  makeFolder(folder);
  const temporary = partPath(path);
  const pieces: Iterable<Uint8Array> =
    typeof chunks === 'string' ? [Buffer.from(chunks, 'utf8')] : chunks instanceof Uint8Array ? [chunks] : chunks;
  const durable = options.durable ?? true;
  try {
    const file = openSync(temporary, 'wx');
    try {
      for (const piece of pieces) {
        // writeSync may write less than asked on pipes and full disks
        for (let at = 0; at < piece.length;) at += writeSync(file, piece, at, piece.length - at);
      }
      if (durable) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    if (durable) syncToDisk(folder);
  } catch (cause) {
    if (existsSync(temporary)) rmSync(temporary);
    throw writeFailure(path, cause);
  } finally {
    forgetPart(temporary);
  }
}
