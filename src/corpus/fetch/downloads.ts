import { existsSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ColdstartError, DataError } from '../../errors.js';
import { fileIdentityShape, type FileIdentity } from '../../storage/checksum.js';
import { jsonRecord, readJsonFile, writeJsonFile } from '../../storage/jsonFile.js';
import { lockFolder } from '../../storage/folderLock.js';
import { download, isDownloaded, type DownloadOptions, type ExpectedContent } from '../../storage/http/download.js';
import { archiveEntries } from '../../storage/archive/unpackArchive.js';
import { packingOf } from '../../storage/unpacked.js';
import type { RecipeFile } from './recipe.js';

/** A recipe's file and its place on this machine. */
export interface LocalFile extends FileIdentity {
  readonly name: string;
  readonly path: string;
}

export interface DownloadsOptions extends Pick<DownloadOptions, 'signal' | 'onNote' | 'patience' | 'environment'> {
  readonly onProgress?: (name: string, doneBytes: number, totalBytes: number | undefined) => void;
}

/** Checksums at the first download of files for which no recipe has a checksum. */
const lockName = 'checksums.json';

/**
 * Files that recipes download, and their checksums: given by the recipe, otherwise recorded at the first download;
 * later, a file that differs is refused.
 */
export class Downloads {
  constructor(private readonly folder: string) {}

  /**
   * The file, downloaded if it is missing. @throws ColdstartError DOWNLOAD_FAILED; DataError if the existing file
   * differs
   */
  async file(file: RecipeFile, options: DownloadsOptions = {}): Promise<LocalFile> {
    const path = this.pathOf(file);
    const recorded = this.recorded();
    const expected = expectedOf(file, recorded[file.name]);
    const present = await isDownloaded(path, expected).catch((error: unknown) => {
      throw error instanceof DataError && recorded[file.name]
        ? new DataError(
            `${error.message} ${join(this.folder, lockName)} holds what it was when it was first downloaded.`,
          )
        : error;
    });
    const identity =
      present ??
      (await download({
        ...options,
        urls: file.urls,
        path,
        expected,
        onProgress: (done, total) => options.onProgress?.(file.name, done, total),
      }));
    if (!present && expected.sha256 === undefined) {
      const fault = await faultOfKind(path);
      if (fault !== null) {
        rmSync(path);
        throw new DataError(
          `${file.name}, as it was downloaded, ${fault} It was removed. Have the addresses changed? Files from elsewhere can be used with --from-local.`,
        );
      }
    }
    if (file.sha256 === undefined && !recorded[file.name]) await this.record(file.name, identity);
    return { name: file.name, path, bytes: identity.bytes, sha256: identity.sha256 };
  }

  /**
   * The existing downloaded files, with their records.
   * @param others also recorded files that belong to none of these recipes
   */
  present(
    files: readonly RecipeFile[],
    { others }: { others: boolean },
  ): { path: string; content: ExpectedContent | string }[] {
    const recorded = this.recorded();
    const known = new Map<string, ExpectedContent | string>();
    for (const file of files) {
      const expected = expectedOf(file, recorded[file.name]);
      known.set(
        file.name,
        Object.values(expected).some((value) => value !== undefined)
          ? expected
          : `nothing is recorded of it, neither in the recipe nor in ${lockName}`,
      );
    }
    if (others)
      for (const [name, identity] of Object.entries(recorded))
        if (!known.has(name) && isOwnPath(name)) known.set(name, identity!);
    return [...known]
      .map(([name, content]) => ({ path: this.pathOf({ name }), content }))
      .filter(({ path }) => existsSync(path));
  }

  private pathOf(file: Pick<RecipeFile, 'name'>): string {
    return join(this.folder, ...file.name.split('/'));
  }

  private recorded(): Record<string, FileIdentity | undefined> {
    const path = join(this.folder, lockName);
    if (!existsSync(path)) return Object.create(null) as Record<string, undefined>;
    // names such as "constructor" are those of files here
    return Object.assign(
      Object.create(null) as object,
      readJsonFile<Record<string, FileIdentity>>(path, {
        what: 'checksums',
        shape: jsonRecord(fileIdentityShape),
        advice: 'Correct it; without it, downloads can no longer be compared with earlier ones.',
      }),
    );
  }

  /** Adds a file unless it has been recorded meanwhile; other processes may be adding files. */
  private async record(name: string, { bytes, sha256 }: FileIdentity): Promise<void> {
    const path = join(this.folder, lockName);
    const release = await whenFree(() => lockFolder(`${path}.lock`, `recording checksums in ${path}`));
    try {
      writeJsonFile(path, { [name]: { bytes, sha256 }, ...this.recorded() });
    } finally {
      release();
    }
  }
}

/** Waits at most a few seconds for a lock that is held only briefly. */
async function whenFree(lock: () => Promise<() => void>): Promise<() => void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await lock();
    } catch (error) {
      if (!(error instanceof ColdstartError && error.code === 'FOLDER_BUSY') || attempt === 200) throw error;
      await sleep(10 + 20 * Math.random());
    }
  }
}

/** Whether a name from the file of checksums stays in the folder. */
function isOwnPath(name: string): boolean {
  return !name.split('/').some((part) => part === '' || part === '.' || part === '..') && !name.includes('\\');
}

function expectedOf(file: RecipeFile, recorded: FileIdentity | undefined): ExpectedContent {
  const { bytes, sha256, md5 } = file;
  return { bytes: bytes ?? recorded?.bytes, sha256: sha256 ?? recorded?.sha256, md5 };
}

/** Why a file's content does not match its ending, e.g. an HTML error page under the name of an archive; or null. */
async function faultOfKind(path: string): Promise<string | null> {
  const name = basename(path);
  if (isArchive(name)) {
    try {
      for await (const entry of archiveEntries(path)) if (entry) return null;
    } catch (error) {
      return `is no archive that can be unpacked (${(error as Error).message})`;
    }
    return 'is an empty archive.';
  }
  if (name.endsWith('.gz') && packingOf(path) !== 'gzip') return 'is not packed by gzip.';
  return null;
}

/** Whether a file has the name of a tar or zip archive. */
export function isArchive(name: string): boolean {
  return /\.(tar|tgz|zip|tar\.(gz|xz|zst|bz2))$/i.test(name);
}
