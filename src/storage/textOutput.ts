import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { writeFileAtomic } from './atomicFile.js';
import { makeFolder } from './makeFolder.js';
import { forgetPart, partPath } from './partName.js';
import { removeStaleParts } from './staleParts.js';
import { syncToDisk } from './syncToDisk.js';
import { writeFailure } from './writeFailure.js';

/**
 * Writes a whole text file, packed if its name ends in .gz. @throws ColdstartError code FILE_EXISTS if it is there;
 * WRITE_FAILED
 */
export function writeTextFile(path: string, text: string): void {
  writeFileAtomic(path, isPacked(path) ? gzipSync(text) : text, { overwrite: false });
}

function isPacked(path: string): boolean {
  return path.endsWith('.gz');
}

/**
 * Characters gathered before they are written. Packed files hold one gzip member per gathering: large ones, or they
 * pack badly.
 */
const gather = { plain: 1 << 16, packed: 1 << 20 };

/**
 * A text file written line by line, packed if its name ends in .gz. It gets its name when `finish` is called; `abandon`
 * leaves nothing behind. Files that belong together are finished by `finishTogether`.
 */
export class TextOutput {
  private readonly temporary: string;
  private readonly file: number;
  private readonly packed: boolean;
  private waiting = '';
  private state: 'open' | 'complete' | 'done' = 'open';

  /**
   * @param path its folder is made if missing
   * @param options.durable false: not waited for until it is on the disk. Ending the process does no harm, but after a
   * power failure the file may be damaged; for files that are verified before use. Default true
   * @param options.sweep false: keeps parts of this file by killed processes, e.g. if a whole folder is swept at once
   * @throws ColdstartError code WRITE_FAILED, as all methods do, if the file cannot be made there
   */
  constructor(
    private readonly path: string,
    private readonly options: { readonly durable?: boolean; readonly sweep?: boolean } = {},
  ) {
    this.temporary = partPath(path);
    this.packed = isPacked(path);
    makeFolder(dirname(path));
    if (options.sweep ?? true) this.attempt(() => removeStaleParts(dirname(path), basename(path)));
    this.file = this.attempt(() => openSync(this.temporary, 'wx'));
  }

  /** Adds a line; the line feed is added to it. */
  line(text: string): void {
    this.waiting += `${text}\n`;
    if (this.waiting.length > (this.packed ? gather.packed : gather.plain)) this.flush();
  }

  finish(): void {
    this.complete();
    this.publish();
  }

  /** Writes the rest, without giving the file its name. */
  complete(): void {
    this.flush();
    this.attempt(() => {
      if (this.options.durable ?? true) fsyncSync(this.file);
      closeSync(this.file);
    });
    this.state = 'complete';
  }

  /** Gives the file its name, after `complete`. */
  publish(): void {
    this.attempt(() => {
      renameSync(this.temporary, this.path);
      if (this.options.durable ?? true) syncToDisk(dirname(this.path));
    });
    this.done();
  }

  /** Removes the unfinished file; does nothing after `finish`. */
  abandon(): void {
    if (this.state === 'done') return;
    if (this.state === 'open') closeSync(this.file);
    rmSync(this.temporary, { force: true });
    this.done();
  }

  private done(): void {
    this.state = 'done';
    forgetPart(this.temporary);
  }

  private flush(): void {
    const bytes = this.packed ? gzipSync(this.waiting) : Buffer.from(this.waiting);
    this.attempt(() => {
      for (let at = 0; at < bytes.length;) at += writeSync(this.file, bytes, at, bytes.length - at);
    });
    this.waiting = '';
  }

  private attempt<T>(write: () => T): T {
    try {
      return write();
    } catch (cause) {
      throw writeFailure(this.path, cause);
    }
  }
}

/** Finishes files that belong together: none gets its name before all are on the disk. */
export function finishTogether(outputs: readonly TextOutput[]): void {
  for (const output of outputs) output.complete();
  for (const output of outputs) output.publish();
}
