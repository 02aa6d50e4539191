import { open, type FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw, crc32 } from 'node:zlib';
import { DataError } from '../../errors.js';
import { maxEntries, type ArchiveEntry } from './archiveEntry.js';

const endBytes = 22;
const centralBytes = 46;
const localBytes = 30;
/** The list of entries; 100,000 of them with long names have less. */
const maxListBytes = 64 * 2 ** 20;
const readBytes = 1 << 16;

interface ZipEntry {
  readonly name: string;
  readonly kind: ArchiveEntry['kind'];
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly headerAt: number;
}

/**
 * Entries of a zip archive, as its central directory lists them: stored or deflated, also zip64.
 *
 * @throws DataError if it is no zip archive, damaged, encrypted, in several parts, packed by another method, or if
 * entries share bytes (as in archives made to fill a disk)
 * Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
 */
export async function* zipEntries(path: string): AsyncGenerator<ArchiveEntry> {
  const file = await open(path);
  try {
    const entries = await readList(file, path);
    refuseOverlaps(entries, path);
    for (const entry of entries) {
      yield { name: entry.name, kind: entry.kind, bytes: entry.bytes, content: () => contentOf(file, entry, path) };
    }
  } finally {
    await file.close();
  }
}

async function readList(file: FileHandle, path: string): Promise<ZipEntry[]> {
  const { count, listBytes, listAt } = await findList(file, path);
  if (count > maxEntries || listBytes > maxListBytes)
    throw new DataError(`${path} has more than ${maxEntries} entries. No corpus does.`);
  const list = await readAt(file, listAt, listBytes, path);
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + centralBytes > list.length || list.readUInt32LE(at) !== 0x02014b50)
      throw damaged(path, 'its list of entries cannot be read');
    const [nameBytes, extraBytes, commentBytes] = [
      list.readUInt16LE(at + 28),
      list.readUInt16LE(at + 30),
      list.readUInt16LE(at + 32),
    ];
    const end = at + centralBytes + nameBytes + extraBytes + commentBytes;
    if (end > list.length) throw damaged(path, 'its list of entries cannot be read');
    const name = list.toString('utf8', at + centralBytes, at + centralBytes + nameBytes);
    const extra = list.subarray(at + centralBytes + nameBytes, at + centralBytes + nameBytes + extraBytes);
    if (list.readUInt16LE(at + 8) & 1)
      throw new DataError(
        `${path} holds encrypted files. Unpack it first, and use --from-local or the files themselves.`,
      );
    const [bytes, packedBytes, headerAt] = wideNumbers(
      extra,
      [list.readUInt32LE(at + 24), list.readUInt32LE(at + 20), list.readUInt32LE(at + 42)],
      path,
    );
    const madeByUnix = list[at + 5] === 3;
    entries.push({
      name,
      bytes,
      packedBytes,
      headerAt,
      method: list.readUInt16LE(at + 10),
      crc: list.readUInt32LE(at + 16),
      kind: name.endsWith('/') ? 'folder' : madeByUnix ? kindOfMode(list.readUInt32LE(at + 38) >>> 16) : 'file',
    });
    at = end;
  }
  return entries;
}

function kindOfMode(mode: number): ArchiveEntry['kind'] {
  const type = mode & 0o170000;
  if (type === 0 || type === 0o100000) return 'file';
  return type === 0o040000 ? 'folder' : 'other';
}

async function findList(file: FileHandle, path: string): Promise<{ count: number; listBytes: number; listAt: number }> {
  const { size } = await file.stat();
  const tailBytes = Math.min(size, endBytes + 0xffff);
  const tail = await readAt(file, size - tailBytes, tailBytes, path);
  let at = tailBytes - endBytes;
  while (at >= 0 && !(tail.readUInt32LE(at) === 0x06054b50 && at + endBytes + tail.readUInt16LE(at + 20) === tailBytes))
    at--;
  if (at < 0) throw damaged(path, 'the list of its entries is missing at the end; was it downloaded whole?');
  const found = {
    count: tail.readUInt16LE(at + 10),
    listBytes: tail.readUInt32LE(at + 12),
    listAt: tail.readUInt32LE(at + 16),
  };
  const isWide = found.count === 0xffff || found.listBytes === 0xffffffff || found.listAt === 0xffffffff;
  const locatorAt = size - tailBytes + at - 20;
  if (isWide && locatorAt >= 0) {
    const locator = await readAt(file, locatorAt, 20, path);
    if (locator.readUInt32LE(0) === 0x07064b50) {
      const record = await readAt(file, safeNumber(locator.readBigUInt64LE(8), path), 56, path);
      if (record.readUInt32LE(0) !== 0x06064b50) throw damaged(path, 'its zip64 record cannot be read');
      return {
        count: safeNumber(record.readBigUInt64LE(32), path),
        listBytes: safeNumber(record.readBigUInt64LE(40), path),
        listAt: safeNumber(record.readBigUInt64LE(48), path),
      };
    }
  }
  if (tail.readUInt16LE(at + 4) !== 0) throw new DataError(`${path} is one part of several. Put them together first.`);
  return found;
}

/** Numbers that do not fit into 32 bits are in the zip64 field, in the same order. */
function wideNumbers(extra: Buffer, numbers: readonly number[], path: string): number[] {
  let field: Buffer | null = null;
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) === 1) field = extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2));
  }
  let at = 0;
  return numbers.map((number) => {
    if (number !== 0xffffffff || field === null) return number;
    if (at + 8 > field.length) throw damaged(path, 'its list of entries cannot be read');
    at += 8;
    return safeNumber(field.readBigUInt64LE(at - 8), path);
  });
}

function refuseOverlaps(entries: readonly ZipEntry[], path: string): void {
  let end = 0;
  for (const entry of [...entries].sort((a, b) => a.headerAt - b.headerAt)) {
    if (entry.headerAt < end) throw damaged(path, `${JSON.stringify(entry.name)} shares bytes with another entry`);
    end = entry.headerAt + localBytes + entry.packedBytes;
  }
}

async function* contentOf(file: FileHandle, entry: ZipEntry, path: string): AsyncGenerator<Buffer> {
  const header = await readAt(file, entry.headerAt, localBytes, path);
  if (header.readUInt32LE(0) !== 0x04034b50)
    throw damaged(path, `${JSON.stringify(entry.name)} is not where the list says`);
  if (entry.method !== 0 && entry.method !== 8)
    throw new DataError(
      `${path}: ${JSON.stringify(entry.name)} is packed by method ${entry.method}; stored and deflated files can be read. Unpack it with another program.`,
    );
  const packed = bytesAt(
    file,
    entry.headerAt + localBytes + header.readUInt16LE(26) + header.readUInt16LE(28),
    entry.packedBytes,
    path,
  );
  let done = 0;
  let sum = 0;
  try {
    for await (const chunk of entry.method === 0 ? packed : inflate(packed)) {
      done += chunk.length;
      if (done > entry.bytes)
        throw damaged(path, `${JSON.stringify(entry.name)} holds more than the ${entry.bytes} bytes it should`);
      sum = crc32(chunk, sum);
      yield chunk;
    }
  } catch (cause) {
    throw cause instanceof DataError
      ? cause
      : damaged(path, `${JSON.stringify(entry.name)} cannot be unpacked (${(cause as Error).message})`);
  }
  if (done !== entry.bytes || sum !== entry.crc)
    throw damaged(path, `${JSON.stringify(entry.name)} differs from its checksum`);
}

async function* inflate(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const inflater = createInflateRaw();
  const feeding = pipeline(packed, inflater).catch(() => {}); // the reader gets the error
  try {
    yield* inflater as AsyncIterable<Buffer>;
  } finally {
    inflater.destroy();
    await feeding;
  }
}

async function* bytesAt(file: FileHandle, start: number, length: number, path: string): AsyncGenerator<Buffer> {
  for (let done = 0; done < length; done += readBytes)
    yield readAt(file, start + done, Math.min(readBytes, length - done), path);
}

async function readAt(file: FileHandle, position: number, length: number, path: string): Promise<Buffer> {
  const { size } = await file.stat();
  if (position < 0 || position + length > size) throw damaged(path, 'it is not complete');
  const buffer = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) throw damaged(path, 'it is not complete');
    done += bytesRead;
  }
  return buffer;
}

function safeNumber(value: bigint, path: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(path, 'its list of entries cannot be read');
  return Number(value);
}

function damaged(path: string, how: string): DataError {
  return new DataError(`${path} is damaged as a zip archive: ${how}.`);
}
