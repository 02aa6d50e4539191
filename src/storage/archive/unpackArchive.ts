import { createWriteStream, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DataError } from '../../errors.js';
import { writeFolderAtomic } from '../atomicFolder.js';
import { firstBytes, unpackedBytes } from '../unpacked.js';
import type { ArchiveEntry } from './archiveEntry.js';
import { entryPath } from './entryPath.js';
import { tarEntries } from './tar.js';
import { zipEntries } from './zip.js';

/** Target folder, selection and limits of `unpackArchive`. */
export interface UnpackOptions {
  /** Which files to unpack, by relative path. Default: all. */
  readonly select?: (path: string) => boolean;
  readonly limits?: Partial<UnpackLimits>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (unpackedBytes: number) => void;
}

export interface UnpackLimits {
  readonly maxFiles: number;
  /** Bytes of all files together. */
  readonly maxBytes: number;
  /** Times as many bytes as the archive has. Text packs to a third or tenth of its size. */
  readonly maxRatio: number;
}

const unpackLimits: UnpackLimits = { maxFiles: 20_000, maxBytes: 256 * 2 ** 30, maxRatio: 200 };
/** Up to here no ratio counts: tiny archives of repeated text pack very well. */
const ratioFreeBytes = 64 * 2 ** 20;

/** One file of an archive. */
export interface UnpackedFile {
  readonly path: string;
  readonly bytes: number;
}

/** The files that `unpackArchive` wrote and skipped. */
export interface UnpackReport {
  readonly files: readonly UnpackedFile[];
  /** Paths of files that were not selected, at most 1,000 of them, for messages. */
  readonly others: readonly string[];
}

/**
 * Unpacks a tar or zip archive, plain or packed (gzip, xz, zstd, bzip2), into a folder that appears whole or not at
 * all. Only files and folders below it are made.
 *
 * @param folder new folder; must not be there
 * @throws DataError for an archive that is damaged, holds a path out of the folder, the same file twice, or a link, a
 *   device or other special file among the selected entries, and for one beyond the limits
 */
export async function unpackArchive(
  archive: string,
  folder: string,
  options: UnpackOptions = {},
): Promise<UnpackReport> {
  const { select = () => true, signal, onProgress } = options;
  const limits = { ...unpackLimits, ...options.limits };
  const maxBytes = Math.min(limits.maxBytes, Math.max(limits.maxRatio * statSync(archive).size, ratioFreeBytes));
  return writeFolderAtomic(folder, async (target) => {
    const files: UnpackedFile[] = [];
    const others: string[] = [];
    let bytes = 0;
    for await (const entry of archiveEntries(archive)) {
      signal?.throwIfAborted();
      const path = entryPath(entry.name, archive);
      if (entry.kind === 'folder' || path === '') continue;
      if (!select(path)) {
        if (others.length < 1000) others.push(path);
        continue;
      }
      if (entry.kind !== 'file')
        throw new DataError(
          `${archive} holds ${JSON.stringify(path)}, a link or device. Only files are unpacked; unpack it yourself if you trust it.`,
        );
      if (files.length >= limits.maxFiles)
        throw new DataError(`${archive} has more than ${limits.maxFiles} files, too many for a corpus.`);
      const written = await writeEntry(entry, join(target, path), archive, (done) => {
        if (bytes + done > maxBytes)
          throw new DataError(`${archive} unpacks to more than ${maxBytes} bytes, too many for a corpus of its size.`);
        signal?.throwIfAborted();
        onProgress?.(bytes + done);
      });
      bytes += written;
      files.push({ path, bytes: written });
    }
    return { files, others };
  });
}

/** Entries of a tar or zip archive, one after the other. @throws DataError if it is neither, or damaged */
export function archiveEntries(archive: string): AsyncGenerator<ArchiveEntry> {
  return isZip(archive) ? zipEntries(archive) : tarEntries(unpackedBytes(archive), archive);
}

/** Whether a file begins as a zip archive does. @throws DataError if it cannot be read */
export function isZip(path: string): boolean {
  return /^PK(\x03\x04|\x05\x06)$/.test(firstBytes(path, 4).toString('latin1'));
}

async function writeEntry(
  entry: ArchiveEntry,
  path: string,
  archive: string,
  onBytes: (done: number) => void,
): Promise<number> {
  let done = 0;
  try {
    mkdirSync(dirname(path), { recursive: true });
    await pipeline(
      entry.content(),
      async function* (content: AsyncIterable<Buffer>) {
        for await (const chunk of content) {
          done += chunk.length;
          onBytes(done);
          yield chunk;
        }
      },
      createWriteStream(path, { flags: 'wx', mode: 0o644 }),
    );
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOTDIR' || code === 'EISDIR')
      throw new DataError(
        `${archive} holds ${JSON.stringify(entry.name.slice(0, 200))} twice, or as both file and folder.`,
        { cause },
      );
    throw cause;
  }
  return done;
}
