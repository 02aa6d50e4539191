import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ColdstartError } from '../errors.js';

/** @throws ColdstartError code FILE_EXISTS naming the first of the files that is there already */
export function refuseExisting(paths: readonly string[]): void {
  const existing = paths.find((path) => existsSync(path));
  if (existing !== undefined) throw new ColdstartError('FILE_EXISTS', `${existing} exists already and would be overwritten. Choose another name, or remove it first.`);
}

/** A text file written line by line. It gets its name when `finish` is called; `abandon` leaves nothing behind. */
export class TextOutput {
  private readonly temporary: string;
  private readonly file: number;
  private waiting = '';
  private open = true;

  constructor(private readonly path: string) {
    this.temporary = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
    this.file = openSync(this.temporary, 'w');
  }

  /** Adds a line; the line feed is added to it. */
  line(text: string): void {
    this.waiting += `${text}\n`;
    if (this.waiting.length > 1 << 16) this.flush();
  }

  finish(): void {
    this.flush();
    fsyncSync(this.file);
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
    const bytes = Buffer.from(this.waiting);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.file, bytes, at, bytes.length - at);
    this.waiting = '';
  }
}
