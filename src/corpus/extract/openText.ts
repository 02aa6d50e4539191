import { counted } from '../../counted.js';
import { DataError } from '../../errors.js';
import { archiveEntries, isZip } from '../../storage/archive/unpackArchive.js';
import { readLineBlocks } from '../../storage/lines.js';
import { unpackedBytes } from '../../storage/unpacked.js';

/**
 * A text file's bytes: plain, packed by gzip, xz, zstd or bzip2, or the only file of a zip archive.
 *
 * @throws DataError if it cannot be read, is damaged, or is a zip archive of several files
 */
export async function* textBytes(path: string): AsyncGenerator<Buffer> {
  if (!isZip(path)) {
    yield* unpackedBytes(path);
    return;
  }
  const names: string[] = [];
  for await (const { kind, name } of archiveEntries(path)) if (kind === 'file') names.push(name);
  if (names.length !== 1) {
    throw new DataError(
      `${path} holds ${counted(names.length, 'file')}${names.length > 0 ? ` (${names.slice(0, 8).join(', ')}${names.length > 8 ? ', ...' : ''})` : ''}, expected one. Name the archive with --archive and its files with --src and --trg.`,
    );
  }
  for await (const entry of archiveEntries(path)) if (entry.kind === 'file') yield* entry.content();
}

/** Lines of a text file, in blocks; null where a line is not valid UTF-8. */
export async function* textLines(path: string): AsyncGenerator<(string | null)[]> {
  yield* readLineBlocks(path, textBytes(path));
}

/** @throws DataError for a line that is not valid UTF-8 */
export async function* validTextLines(path: string): AsyncGenerator<string[]> {
  let lineNumber = 1;
  for await (const lines of textLines(path)) {
    const invalid = lines.indexOf(null);
    if (invalid >= 0)
      throw new DataError(
        `${path}:${lineNumber + invalid} is not valid UTF-8. Convert the text first, for example with iconv.`,
      );
    yield lines as string[];
    lineNumber += lines.length;
  }
}
