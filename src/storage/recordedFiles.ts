import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { DataError } from '../errors.js';
import { checkOwnFile } from './refusePipe.js';
import { readFailure } from './systemFailure.js';

/** What the files of a folder were when they were written. */
export interface RecordedFiles {
  /** SHA-256 by name of the file. */
  readonly sha256: Readonly<Record<string, string>>;
  /** Who wrote them, for messages. */
  readonly writer: string;
  /** What to do about a file that was changed: a sentence. */
  readonly advice: string;
}

/** The bytes of a small file. @throws DataError if it cannot be read, or has a record and differs from it */
export function readRecorded(folder: string, name: string, { sha256, writer, advice }: RecordedFiles): Buffer {
  const path = join(folder, name);
  let bytes: Buffer;
  try {
    checkOwnFile(path, 'file');
    bytes = readFileSync(path);
  } catch (cause) {
    throw readFailure(path, cause, advice);
  }
  const found = sha256Of(bytes);
  if (Object.hasOwn(sha256, name) && found !== sha256[name])
    throw new DataError(`${path} is not what ${writer} wrote: SHA-256 ${found}, expected ${sha256[name]}. ${advice}`);
  return bytes;
}

/** @throws DataError naming the first file that differs from its record */
export function checkRecorded(folder: string, recorded: RecordedFiles): void {
  for (const name of Object.keys(recorded.sha256)) readRecorded(folder, name, recorded);
}

/** SHA-256 of a file of any size, in lower-case hexadecimal. @throws DataError if it cannot be read */
export function sha256OfFile(path: string): string {
  const hash = createHash('sha256');
  let file: number | undefined;
  try {
    checkOwnFile(path, 'file');
    file = openSync(path, 'r');
    const chunk = Buffer.allocUnsafe(1 << 20);
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) hash.update(chunk.subarray(0, read));
  } catch (cause) {
    throw readFailure(path, cause);
  } finally {
    if (file !== undefined) closeSync(file);
  }
  return hash.digest('hex');
}

/** SHA-256 of bytes, in lower-case hexadecimal. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** CRC-32 of text in UTF-8, eight hexadecimal digits: for text that contains its own checksum. */
export function crc32Of(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
