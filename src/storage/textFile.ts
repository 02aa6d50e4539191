import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { DataError } from '../errors.js';
import { checkIsText, withoutMark } from './plainText.js';
import { checkOwnFile } from './refusePipe.js';
import { readFailure } from './systemFailure.js';
import { packingOfBytes } from './unpacked.js';

/**
 * A whole UTF-8 text file, for files that fit in memory (vocabularies, merge lists); corpora are read by lines.ts.
 *
 * @param path unpacked if it is gzip, under any name
 * @param what the expected kind of file, for messages, e.g. "vocabulary"
 * @param maxBytes larger files (unpacked) are refused
 * @returns the text without a byte order mark at its start
 * @throws DataError if the file is missing, packed in another way, in UTF-16, too large, a damaged gzip file or not
 * valid UTF-8
 */
export function readTextFile(path: string, what: string, maxBytes = 256 * 2 ** 20): string {
  const bytes = readBounded(path, what, maxBytes);
  checkIsText(bytes, `${what} ${path}`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(withoutMark(bytes));
  } catch (cause) {
    throw new DataError(`${what} ${path} is not valid UTF-8. Convert it first, for example with iconv.`, { cause });
  }
}

/**
 * The same for a file of the program in one of its folders. @throws DataError also if it is a pipe, which would be
 * waited for
 */
export function readOwnTextFile(path: string, what: string, maxBytes?: number): string {
  checkOwnFile(path, what);
  return readTextFile(path, what, maxBytes);
}

function readBounded(path: string, what: string, maxBytes: number): Buffer {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw readFailure(`${what} ${path}`, cause);
  }
  try {
    const { size } = fstatSync(file);
    if (size > maxBytes)
      throw new DataError(
        `${what} ${path} has ${size} bytes, at most ${maxBytes} were expected. Is it the right file?`,
      );
    const bytes = readToEnd(file, size, maxBytes);
    if (bytes.length > maxBytes)
      throw new DataError(`${what} ${path} has more than ${maxBytes} bytes. Is it the right file?`);
    return path.endsWith('.gz') || packingOfBytes(bytes) === 'gzip' ? unpack(bytes, path, what, maxBytes) : bytes;
  } catch (cause) {
    throw readFailure(`${what} ${path}`, cause);
  } finally {
    closeSync(file);
  }
}

/** The rest of a file, which may be a pipe of unknown size; reads not much more than `maxBytes`. */
function readToEnd(file: number, likelySize: number, maxBytes: number): Buffer {
  let bytes = Buffer.alloc(likelySize + 1); // one more: the end is known where it is not filled
  for (let filled = 0; ;) {
    const got = readSync(file, bytes, filled, bytes.length - filled, null);
    filled += got;
    if (got === 0 || filled > maxBytes) return bytes.subarray(0, filled);
    if (filled === bytes.length) bytes = Buffer.concat([bytes], Math.max(2 * filled, 1 << 16));
  }
}

function unpack(bytes: Buffer, path: string, what: string, maxBytes: number): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw new DataError(`${what} ${path} cannot be unpacked as gzip: ${(cause as Error).message}.`, { cause });
  }
}
