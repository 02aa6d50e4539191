import { existsSync, lstatSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { lockFolder } from '../folderLock.js';
import { jsonCount, jsonObject, jsonOptional, jsonText, readJsonFile, writeJsonFile } from '../jsonFile.js';
import { syncToDisk } from '../syncToDisk.js';

/** The server's description of the partly downloaded file, for requesting the rest. */
export interface PartOrigin {
  readonly url: string;
  /** A strong ETag, or else the date of the last change, as `If-Range` takes it. */
  readonly validator?: string;
  /** Bytes of the whole file. */
  readonly totalBytes?: number;
}

/**
 * A download that is not complete: `NAME.part`, with its source in `NAME.part.json`. It belongs to one process until
 * `release`.
 */
export class PartFile {
  readonly path: string;
  private readonly originPath: string;

  private constructor(
    private readonly finalPath: string,
    /** Releases the file; the part stays for the next process. */
    readonly release: () => void,
  ) {
    this.path = pathOfPart(finalPath);
    this.originPath = `${this.path}.json`;
  }

  /** @throws ColdstartError code BUSY if another process is at this download */
  static async open(finalPath: string, signal?: AbortSignal): Promise<PartFile> {
    const lock = `${pathOfPart(finalPath)}.lock`;
    const release = await lockFolder(lock, `downloading ${finalPath}`, { code: 'BUSY', signal });
    // a link planted in its place would have another file overwritten
    const found = lstatSync(pathOfPart(finalPath), { throwIfNoEntry: false });
    if (found && !found.isFile()) rmSync(pathOfPart(finalPath), { recursive: true });
    return new PartFile(finalPath, release);
  }

  get bytes(): number {
    return existsSync(this.path) ? statSync(this.path).size : 0;
  }

  /** Says where the bytes come from that are written from now on. */
  setOrigin(origin: PartOrigin): void {
    writeJsonFile(this.originPath, origin);
  }

  discard(): void {
    rmSync(this.path, { force: true });
    rmSync(this.originPath, { force: true });
  }

  /** Gives the complete file its name. */
  finish(): void {
    syncToDisk(this.path);
    renameSync(this.path, this.finalPath);
    syncToDisk(dirname(this.finalPath));
    rmSync(this.originPath, { force: true });
  }

  get origin(): PartOrigin | undefined {
    try {
      return readJsonFile<PartOrigin>(this.originPath, {
        what: 'origin of a download',
        shape: jsonObject({ url: jsonText, validator: jsonOptional(jsonText), totalBytes: jsonOptional(jsonCount) }),
        advice: 'The download starts again.',
      });
    } catch {
      return undefined; // missing or damaged: the download starts again
    }
  }
}

function pathOfPart(finalPath: string): string {
  return join(dirname(finalPath), `${basename(finalPath)}.part`);
}
