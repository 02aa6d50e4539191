import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ColdstartError, DataError } from '../errors.js';

/** @throws ColdstartError code FILE_EXISTS naming the first of the files that is there already */
export function refuseExisting(paths: readonly string[]): void {
  const existing = paths.find((path) => existsSync(path));
  if (existing !== undefined) throw new ColdstartError('FILE_EXISTS', `${existing} exists already and would be overwritten. Choose another name, or remove it first.`);
}

/** Characters gathered before they are written. Packed files hold one gzip member per gathering: large ones, or they pack badly. */
const gather = { plain: 1 << 16, packed: 1 << 20 };

/**
 * A text file written line by line, packed if its name ends in .gz. It gets its name when `finish` is called; `abandon`
 * leaves nothing behind.
 */
export class TextOutput {
  private readonly temporary: string;
  private readonly file: number;
  private readonly packed: boolean;
  private waiting = '';
  private open = true;

  /**
   * @param options.durable false: not waited for until it is on the disk. Ending the process does no harm, but after a power
   *   failure the file may be damaged; for what is checked before it is used. Default true
   * @throws DataError if the file cannot be made there
   */
  constructor(private readonly path: string, private readonly options: { readonly durable?: boolean } = {}) {
    this.temporary = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
    this.packed = path.endsWith('.gz');
    try {
      this.file = openSync(this.temporary, 'w');
    } catch (cause) {
      throw new DataError(`${path} cannot be written: ${(cause as Error).message.split(',')[0]}.`, { cause });
    }
  }

  /** Adds a line; the line feed is added to it. */
  line(text: string): void {
    this.waiting += `${text}\n`;
    if (this.waiting.length > (this.packed ? gather.packed : gather.plain)) this.flush();
  }

  finish(): void {
    this.flush();
    if (this.options.durable ?? true) fsyncSync(this.file);
    closeSync(this.file);
    this.open = false;
    renameSync(this.temporary, this.path);
  }

  /** Removes the unfinished file; does nothing after `finish`. */
  abandon(): void {
    if (!this.open) return;
    closeSync(this.file);
    this.open = false;
    rmSync(this.temporary, { force: true });
  }

  private flush(): void {
    const bytes = this.packed ? gzipSync(this.waiting) : Buffer.from(this.waiting);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.file, bytes, at, bytes.length - at);
    this.waiting = '';
  }
}
