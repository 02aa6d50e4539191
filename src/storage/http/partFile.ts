import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ColdstartError } from '../../errors.js';
import { writeFileAtomic } from '../atomicFile.js';
import { isRunning } from '../isRunning.js';

/** What the server said of the file whose beginning is there, so that the rest can be asked for. */
export interface PartOrigin {
  readonly url: string;
  /** A strong ETag, or else the date of the last change, as `If-Range` takes it. */
  readonly validator?: string;
  /** Bytes of the whole file. */
  readonly totalBytes?: number;
}

/** A download that is not complete: `NAME.part`, with where it comes from in `NAME.part.json`. */
export class PartFile {
  readonly path: string;
  private readonly originPath: string;

  /** @throws ColdstartError code BUSY if another process is at this download */
  constructor(private readonly finalPath: string) {
    this.path = join(dirname(finalPath), `${basename(finalPath)}.part`);
    this.originPath = `${this.path}.json`;
    const owner = this.record()?.processId;
    if (owner !== undefined && owner !== process.pid && isRunning(owner)) {
      throw new ColdstartError('BUSY', `process ${owner} is downloading ${finalPath} at the moment. Wait for it; if it does something else, remove ${this.originPath}.`);
    }
  }

  get bytes(): number {
    return existsSync(this.path) ? statSync(this.path).size : 0;
  }

  get origin(): PartOrigin | undefined {
    return this.record();
  }

  /** Says where the bytes come from that are written from now on. */
  setOrigin(origin: PartOrigin): void {
    writeFileAtomic(this.originPath, JSON.stringify({ ...origin, processId: process.pid }));
  }

  /** Takes back that this process is at work; what is there stays for the next. */
  release(): void {
    const record = this.record();
    if (record?.processId === process.pid) writeFileAtomic(this.originPath, JSON.stringify({ ...record, processId: undefined }));
  }

  discard(): void {
    rmSync(this.path, { force: true });
    rmSync(this.originPath, { force: true });
  }

  /** Gives the complete file its name. */
  finish(): void {
    const file = openSync(this.path, 'r');
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(this.path, this.finalPath);
    rmSync(this.originPath, { force: true });
  }

  private record(): (PartOrigin & { processId?: number }) | undefined {
    try {
      const { url, validator, totalBytes, processId } = JSON.parse(readFileSync(this.originPath, 'utf8')) as Record<string, unknown>;
      if (typeof url !== 'string') return undefined;
      return {
        url,
        validator: typeof validator === 'string' ? validator : undefined,
        totalBytes: typeof totalBytes === 'number' ? totalBytes : undefined,
        processId: typeof processId === 'number' && Number.isInteger(processId) && processId > 0 ? processId : undefined,
      };
    } catch {
      return undefined; // none yet, or damaged: the download starts afresh
    }
  }
}
