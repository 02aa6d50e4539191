import { basename, join } from 'node:path';
import { DataError } from '../../errors.js';
import { unpackArchive } from '../../storage/archive/unpackArchive.js';
import { isArchive, type LocalFile } from './downloads.js';
import { wantedPaths } from './localFiles.js';
import type { RecipePair } from './recipe.js';
import { makeFolder } from '../../storage/makeFolder.js';

export interface UnpackTextOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (name: string, unpackedBytes: number) => void;
}

/**
 * The files of a pair's text, unpacked from its archives.
 *
 * @param folder to unpack into
 * @param unpacked files that are unpacked already, by the recipe's paths
 * @returns the place of each, by the recipe's path
 * @throws DataError if one is in none of the archives, naming what the archives contain
 */
export async function unpackText(
  pair: RecipePair,
  archives: readonly LocalFile[],
  folder: string,
  unpacked: ReadonlyMap<string, string>,
  { signal, onProgress }: UnpackTextOptions = {},
): Promise<Map<string, string>> {
  const found = new Map(unpacked);
  const seen: string[] = [];
  makeFolder(folder);
  for (const [i, archive] of archives.entries()) {
    const missing = new Set(wantedPaths(pair).filter((path) => !found.has(path)));
    if (!isArchive(archive.path)) {
      found.set(archive.name, archive.path);
      continue;
    }
    const inner = pair.files.find(({ name }) => name === archive.name)?.inner;
    const target = join(folder, String(i));
    const select = (path: string): boolean => path === inner || missing.has(path);
    const { files, others } = await unpackArchive(archive.path, target, {
      select,
      signal,
      onProgress: (bytes) => onProgress?.(archive.name, bytes),
    });
    for (const { path } of files) if (path !== inner) found.set(path, join(target, path));
    for (const name of others) seen.push(name);
    if (inner !== undefined && files.some(({ path }) => path === inner)) {
      const innerTarget = join(folder, `${i}-${basename(inner)}`);
      const report = await unpackArchive(join(target, inner), innerTarget, {
        select: (path) => missing.has(path),
        signal,
        onProgress: (bytes) => onProgress?.(basename(inner), bytes),
      });
      for (const { path } of report.files) found.set(path, join(innerTarget, path));
      for (const name of report.others) seen.push(name);
    }
  }
  const absent = wantedPaths(pair).filter((path) => !found.has(path));
  if (absent.length === 0) return found;
  throw new DataError(
    `${archives.map(({ path }) => path).join(', ')} lack${archives.length === 1 ? 's' : ''} ${absent.slice(0, 4).join(', ')}${absent.length > 4 ? ` and ${absent.length - 4} more files` : ''}; there ${seen.length === 0 ? 'is nothing else' : `are ${seen.slice(0, 12).join(', ')}${seen.length > 12 ? ', ...' : ''}`}. Is it the archive of ${pair.src}-${pair.trg}?`,
  );
}
