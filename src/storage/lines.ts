import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { DataError } from '../errors.js';
import { checkIsText, headBytes, withoutMark } from './plainText.js';
import { readFailure } from './systemFailure.js';
import { packingOfBytes } from './unpacked.js';

/** A longer line is taken for a file that is no text. */
const maxLineBytes = 4 * 2 ** 20;

/**
 * Lines of a text file in blocks of about 64 KiB, plain or gzip. A byte order mark at its start is dropped. Lines end
 * only at LF; a carriage return, U+2028 and similar characters are part of the line. The last line needs no LF.
 *
 * @param path file, or the name of `input` for messages
 * @param input bytes to read instead of the file, e.g. standard input
 * @param options.keepMark a byte order mark is part of the first line
 * @returns for each line its text, or null where it is not valid UTF-8
 * @throws DataError if the file cannot be read, is packed in another way or in UTF-16, a gzip file is damaged or cut
 * short, or a line exceeds 4 MiB
 */
export async function* readLineBlocks(
  path: string,
  input?: AsyncIterable<Buffer>,
  { keepMark = false } = {},
): AsyncGenerator<(string | null)[]> {
  for await (const { bytes } of readWholeLines(path, input, keepMark)) yield decodeLines(bytes);
}

/**
 * The text of a file in UTF-8, many lines at a time, with LF between them, read as `readLineBlocks` reads it.
 *
 * @throws DataError also for a line that is not valid UTF-8
 */
export async function* readUtf8Blocks(path: string, input?: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const { bytes, firstLine } of readWholeLines(path, input)) {
    if (!isUtf8(bytes)) {
      throw new DataError(
        `${path}:${firstLine + decodeLines(bytes).indexOf(null)} is not valid UTF-8. Convert the text first, for example with iconv.`,
      );
    }
    yield bytes;
  }
}

/** As `readUtf8Blocks`, without lines that are not valid UTF-8. */
export async function* readValidLines(path: string): AsyncGenerator<Buffer> {
  for await (const { bytes } of readWholeLines(path))
    yield isUtf8(bytes)
      ? bytes
      : Buffer.from(
          decodeLines(bytes)
            .filter((line) => line !== null)
            .join('\n'),
        );
}

/** Bytes of neighbouring whole lines, without the LF of the last one, and the number of the first (from 1). */
async function* readWholeLines(
  path: string,
  input: AsyncIterable<Buffer> = byteStream(path),
  keepMark = false,
): AsyncGenerator<{ bytes: Buffer; firstLine: number }> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let firstLine = 1;
  try {
    const { head, rest: all } = await readHead(gunzipped(input));
    checkIsText(head, path);
    let isFirst = true;
    for await (const whole of all) {
      const chunk = isFirst && !keepMark ? withoutMark(whole) : whole;
      isFirst = false;
      const end = chunk.lastIndexOf(10);
      if (end >= 0) {
        const bytes = Buffer.concat([...rest, chunk.subarray(0, end)]);
        rest = [chunk.subarray(end + 1)];
        restBytes = chunk.length - end - 1;
        yield { bytes, firstLine };
        firstLine += countLines(bytes);
      } else {
        rest.push(chunk);
        restBytes += chunk.length;
      }
      if (restBytes > maxLineBytes)
        throw new DataError(`${path}:${firstLine}: the line has more than ${maxLineBytes} bytes. Is it a text file?`);
    }
  } catch (cause) {
    throw readFailure(path, cause);
  }
  if (restBytes > 0) yield { bytes: Buffer.concat(rest), firstLine };
}

function countLines(bytes: Buffer): number {
  let lines = 1;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}

/**
 * Bytes of a file, unpacked if it is gzip, under any name.
 * @param onRead gets how many bytes of the file as stored have been read
 */
export async function* byteStream(path: string, onRead?: (bytes: number) => void): AsyncGenerator<Buffer> {
  const file = createReadStream(path);
  async function* stored(): AsyncGenerator<Buffer> {
    for await (const chunk of file) {
      onRead?.(file.bytesRead);
      yield chunk as Buffer;
    }
  }
  yield* gunzipped(stored(), path.endsWith('.gz'));
}

/** @param certain whether the bytes must be gzip; else their first two decide */
async function* gunzipped(source: AsyncIterable<Buffer>, certain = false): AsyncGenerator<Buffer> {
  const { head, rest } = await readHead(source);
  if (!certain && packingOfBytes(head) !== 'gzip') {
    yield* rest;
    return;
  }
  const unpacker = createGunzip();
  const feeding = pipeline(rest, unpacker).catch(() => {}); // the reader gets the error
  try {
    yield* unpacker as AsyncIterable<Buffer>;
  } finally {
    unpacker.destroy();
    await feeding;
  }
}

/**
 * The first bytes of a stream, at least `headBytes` unless it ends before, and all of it with them. A line feed ends
 * them too: a user who typed a short line waits for the answer, and no mark or packing has a line feed so early.
 */
async function readHead(source: AsyncIterable<Buffer>): Promise<{ head: Buffer; rest: AsyncGenerator<Buffer> }> {
  const chunks = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  let ended = false;
  while (head.length < headBytes && !head.includes(10) && !ended) {
    const next = await chunks.next();
    if (next.done) ended = true;
    else head = Buffer.concat([head, next.value]);
  }
  async function* all(): AsyncGenerator<Buffer> {
    try {
      if (head.length > 0) yield head;
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
    } finally {
      await chunks.return?.();
    }
  }
  return { head, rest: all() };
}

function decodeLines(block: Buffer): (string | null)[] {
  if (isUtf8(block)) return block.toString('utf8').split('\n');
  const lines: (string | null)[] = [];
  for (let start = 0; start <= block.length;) {
    const found = block.indexOf(10, start);
    const line = block.subarray(start, found < 0 ? block.length : found);
    lines.push(isUtf8(line) ? line.toString('utf8') : null);
    start += line.length + 1;
  }
  return lines;
}
