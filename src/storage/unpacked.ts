import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { DataError } from '../errors.js';
import { refusePipe } from './refusePipe.js';
import { readFailure } from './systemFailure.js';

export type Packing = 'gzip' | 'xz' | 'zstd' | 'bzip2';

/** Programs that unpack formats which Node.js 20 cannot, with memory limits that suffice for all real files. */
const programs = {
  xz: { command: 'xz', args: ['-dc', '--memlimit-decompress=1GiB'], debianPackage: 'xz-utils' },
  zstd: { command: 'zstd', args: ['-dcq', '--memory=1024MB'], debianPackage: 'zstd' },
  bzip2: { command: 'bzip2', args: ['-dc'], debianPackage: 'bzip2' },
} as const;

/** How a file is packed, by its first bytes; null if it is not. @throws DataError if it cannot be read */
export function packingOf(path: string): Packing | null {
  return packingOfBytes(firstBytes(path, packingBytes));
}

/** The number of bytes that identify how a file is packed. */
export const packingBytes = 6;

/** As `packingOf`, from the first `packingBytes` bytes. */
export function packingOfBytes(bytes: Buffer): Packing | null {
  const head = bytes.toString('latin1', 0, packingBytes);
  if (head.startsWith('\x1f\x8b')) return 'gzip';
  if (head === '\xfd7zXZ\0') return 'xz';
  if (head.startsWith('(\xb5/\xfd')) return 'zstd';
  return /^BZh[1-9]1$/.test(head.slice(0, 5)) ? 'bzip2' : null;
}

/** The beginning of a file, shorter if the file is. @throws DataError if it cannot be read */
export function firstBytes(path: string, length: number): Buffer {
  refusePipe(path, 'file'); // these bytes are read again
  try {
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(file, bytes, 0, length, 0));
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw readFailure(path, cause);
  }
}

/**
 * A file's bytes, unpacked if it is packed by gzip, xz, zstd or bzip2, under any name. The last three need the
 * program of the name.
 *
 * @throws DataError if the file cannot be read, is damaged or cut short, or the program is not there
 */
export async function* unpackedBytes(path: string): AsyncGenerator<Buffer> {
  const packing = packingOf(path);
  if (packing === 'gzip') {
    const unpacker = createGunzip();
    const feeding = pipeline(createReadStream(path), unpacker).catch(() => {}); // the reader gets the error
    try {
      yield* unpacker as AsyncIterable<Buffer>;
    } catch (cause) {
      throw new DataError(`${path} cannot be unpacked as gzip: ${(cause as Error).message}.`, { cause });
    } finally {
      unpacker.destroy();
      await feeding;
    }
  } else if (packing !== null) {
    yield* byProgram(path, packing);
  } else {
    try {
      yield* createReadStream(path) as AsyncIterable<Buffer>;
    } catch (cause) {
      throw readFailure(path, cause);
    }
  }
}

async function* byProgram(path: string, packing: keyof typeof programs): AsyncGenerator<Buffer> {
  const { command, args, debianPackage } = programs[packing];
  const input = openSync(path, 'r');
  const child = spawn(command, args, { stdio: [input, 'pipe', 'pipe'] });
  closeSync(input);
  const complaint: Buffer[] = [];
  child.stderr!.on('data', (chunk: Buffer) => complaint.length < 16 && complaint.push(chunk));
  const ended = once(child, 'close') as Promise<[number | null]>;
  ended.catch(() => {}); // looked at below, unless reading stops before
  try {
    yield* child.stdout! as AsyncIterable<Buffer>;
    const [status] = await ended;
    if (status !== 0)
      throw new DataError(
        `${path} cannot be unpacked as ${packing}: ${Buffer.concat(complaint).toString().trim().slice(0, 300) || `${command} ended with status ${status}`}.`,
      );
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new DataError(
      `${path} is packed by ${packing}, and the program ${command} is not there to unpack it. Install it (Debian: apt install ${debianPackage}), or unpack the file yourself.`,
      { cause },
    );
  } finally {
    child.kill();
  }
}
