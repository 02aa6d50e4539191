import { DataError } from '../../errors.js';
import { maxEntries, type ArchiveEntry } from './archiveEntry.js';
import { ByteReader } from './byteReader.js';

const blockBytes = 512;
/** Long names and extended headers; real ones have a few hundred bytes. */
const maxHeaderBytes = 2 ** 20;
/** After the archive's end; tar fills up to 10 KiB, tapes had larger blocks. */
const maxPaddingBytes = 16 * 2 ** 20;

/**
 * Entries of a tar archive, one after the other: ustar, POSIX pax and GNU long names.
 *
 * @param bytes the archive, unpacked
 * @param name of the archive, for messages
 * @throws DataError if it is no tar archive, damaged or cut short
 * Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic Tar Format".
 */
export async function* tarEntries(bytes: AsyncIterable<Buffer>, name: string): AsyncGenerator<ArchiveEntry> {
  const reader = new ByteReader(bytes, name);
  let next: { path?: string; size?: number } = {};
  try {
    for (let count = 0; ; count++) {
      const header = await reader.read(blockBytes);
      if (header === null) return;
      if (header.every((byte) => byte === 0)) {
        await reader.skipToEnd(maxPaddingBytes); // only at its end does a packed archive show that it is whole
        return;
      }
      if (count >= maxEntries) throw new DataError(`${name} has more than ${maxEntries} entries. No corpus does.`);
      if (!hasValidChecksum(header))
        throw new DataError(
          count === 0
            ? `${name} is neither a tar nor a zip archive.`
            : `${name} is damaged: the header of entry ${count + 1} has a wrong checksum.`,
        );
      const type = String.fromCharCode(header[156]);
      const bytesOfEntry = 'xgLK'.includes(type)
        ? numberField(header, 124, 12, name)
        : (next.size ?? numberField(header, 124, 12, name));
      if ('xgLK'.includes(type)) {
        const text = await readExtension(reader, bytesOfEntry, name);
        if (type === 'L') next = { ...next, path: untilNul(text) };
        else if (type === 'x') next = { ...next, ...paxRecords(text, name) };
        continue;
      }
      const content = new EntryContent(reader, bytesOfEntry);
      yield {
        name: next.path ?? headerName(header),
        kind: kindOf(type),
        bytes: bytesOfEntry,
        content: () => content.stream(),
      };
      await content.skipRest();
      next = {};
    }
  } finally {
    await reader.close();
  }
}

function kindOf(type: string): ArchiveEntry['kind'] {
  if (type === '0' || type === '\0' || type === '7') return 'file';
  return type === '5' ? 'folder' : 'other';
}

/** Bytes of an entry and the padding after them; skipped if the caller does not read them. */
class EntryContent {
  private left: number;

  constructor(
    private readonly reader: ByteReader,
    private readonly bytes: number,
  ) {
    this.left = bytes;
  }

  async *stream(): AsyncGenerator<Buffer> {
    for await (const chunk of this.reader.stream(this.left)) {
      this.left -= chunk.length;
      yield chunk;
    }
  }

  async skipRest(): Promise<void> {
    const padding = (blockBytes - (this.bytes % blockBytes)) % blockBytes;
    for await (const chunk of this.reader.stream(this.left + padding)) void chunk;
  }
}

async function readExtension(reader: ByteReader, bytes: number, name: string): Promise<Buffer> {
  if (bytes > maxHeaderBytes) throw new DataError(`${name} is damaged: an extended header of ${bytes} bytes.`);
  const padded = Math.ceil(bytes / blockBytes) * blockBytes;
  const text = padded === 0 ? Buffer.alloc(0) : await reader.read(padded);
  if (text === null) throw new DataError(`${name} ends within an entry: it is damaged or not complete.`);
  return text.subarray(0, bytes);
}

/** `path` and `size` of a pax header, whose records are `LENGTH KEY=VALUE\n`. */
function paxRecords(text: Buffer, name: string): { path?: string; size?: number } {
  const found: { path?: string; size?: number } = {};
  for (let at = 0; at < text.length;) {
    const [whole, digits] = /^(\d{1,7}) /.exec(text.toString('latin1', at, at + 8)) ?? ['', ''];
    const length = Number(digits);
    const record =
      length <= whole.length || at + length > text.length ? '' : text.toString('utf8', at + whole.length, at + length);
    const equals = record.indexOf('=');
    if (equals < 0 || !record.endsWith('\n'))
      throw new DataError(`${name} is damaged: an extended header that cannot be read.`);
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1, -1)];
    if (key === 'path') found.path = value;
    if (key === 'size') found.size = checkedSize(/^\d+$/.test(value) ? Number(value) : NaN, name);
    at += length;
  }
  return found;
}

function headerName(header: Buffer): string {
  const name = untilNul(header.subarray(0, 100));
  const isUstar = header.toString('latin1', 257, 263) === 'ustar\0'; // GNU's "ustar  " has other fields there
  const prefix = isUstar ? untilNul(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function untilNul(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

/** Octal digits, or GNU's binary form for large numbers, marked by the highest bit. */
function numberField(header: Buffer, start: number, length: number, name: string): number {
  if (header[start] & 0x80) {
    let value = header[start] & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + header[start + i];
    return checkedSize(value, name);
  }
  const text = header
    .toString('latin1', start, start + length)
    .replace(/\0.*$/s, '')
    .trim();
  return checkedSize(/^[0-7]*$/.test(text) ? parseInt(text || '0', 8) : NaN, name);
}

function checkedSize(value: number, name: string): number {
  if (!Number.isSafeInteger(value))
    throw new DataError(`${name} is damaged: an entry without a size that makes sense.`);
  return value;
}

function hasValidChecksum(header: Buffer): boolean {
  const text = header.toString('latin1', 148, 156).replace(/\0.*$/s, '').trim();
  if (!/^[0-7]+$/.test(text)) return false;
  let sum = 0;
  for (let i = 0; i < blockBytes; i++) sum += i >= 148 && i < 156 ? 32 : header[i];
  return sum === parseInt(text, 8);
}
