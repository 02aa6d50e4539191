import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { DataError } from '../errors.js';

/**
 * A whole UTF-8 text file, for files that fit in memory (vocabularies, merge lists); corpora are read by lines.ts.
 *
 * @param path a name ending in .gz is unpacked
 * @param what what the file should be, for messages, e.g. "vocabulary"
 * @param maxBytes larger files (unpacked) are refused
 * @throws DataError if the file is missing, too large, a damaged gzip file or not valid UTF-8
 */
export function readTextFile(path: string, what: string, maxBytes = 256 * 2 ** 20): string {
  const bytes = readBounded(path, what, maxBytes);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new DataError(`${what} ${path} is not valid UTF-8. Convert it first, for example with iconv.`, { cause });
  }
}

function readBounded(path: string, what: string, maxBytes: number): Uint8Array {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw new DataError(`${what} ${path} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  try {
    const { size } = fstatSync(file);
    if (size > maxBytes) throw new DataError(`${what} ${path} has ${size} bytes, at most ${maxBytes} were expected. Is it the right file?`);
    const bytes = Buffer.alloc(size);
    let filled = 0;
    for (let got = 1; filled < size && got > 0; filled += got) got = readSync(file, bytes, filled, size - filled, null);
    return path.endsWith('.gz') ? unpack(bytes.subarray(0, filled), path, what, maxBytes) : bytes.subarray(0, filled);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`${what} ${path} cannot be read: ${(cause as Error).message}.`, { cause });
  } finally {
    closeSync(file);
  }
}

function unpack(bytes: Uint8Array, path: string, what: string, maxBytes: number): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw new DataError(`${what} ${path} cannot be unpacked as gzip: ${(cause as Error).message}.`, { cause });
  }
}
