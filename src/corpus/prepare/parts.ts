import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { TextOutput } from '../../storage/textOutput.js';
import { readLinePairs } from '../../text/linePairs.js';

/*
 * Between stages a corpus lies in parts of equally many pairs: NAME.src and NAME.trg with a line per pair, and NAME.lines,
 * the line number in the user's files of each pair (uint32, little-endian, from 1).
 */

/** A part and how many pairs it has. */
export interface Part {
  readonly name: string;
  readonly pairs: number;
}

/** What every stage reports that leaves text in parts. */
export interface TextReport {
  readonly pairs: number;
  readonly parts: readonly Part[];
}

/** How intermediate files are written: a stage's files are compared with their checksums before they are used. */
export const scratch = { durable: false } as const;

function partName(number: number): string {
  return String(number).padStart(5, '0');
}

export function partFiles(name: string): string[] {
  return [`${name}.src`, `${name}.trg`, `${name}.lines`];
}

/** Neighbouring pairs of a part. */
export interface PartBlock {
  readonly src: readonly string[];
  readonly trg: readonly string[];
  /** Their line numbers in the user's files. */
  readonly lines: Uint32Array;
}

/** Reads a part block by block. */
export async function* readPart(folder: string, name: string): AsyncGenerator<PartBlock> {
  const bytes = readFileSync(join(folder, `${name}.lines`));
  const lines = new Uint32Array(new Uint8Array(bytes).buffer);
  let at = 0;
  for await (const { src, trg } of readLinePairs({
    src: join(folder, `${name}.src`),
    trg: join(folder, `${name}.trg`),
  })) {
    yield { src: src as string[], trg: trg as string[], lines: lines.subarray(at, at + src.length) };
    at += src.length;
  }
}

/** Writes a part. Its files get their names in `finish`. */
export class PartWriter {
  private readonly src: TextOutput;
  private readonly trg: TextOutput;
  private readonly lines: number[] = [];

  constructor(
    private readonly folder: string,
    readonly name: string,
  ) {
    this.src = new TextOutput(join(folder, `${name}.src`), { ...scratch, sweep: false });
    this.trg = new TextOutput(join(folder, `${name}.trg`), { ...scratch, sweep: false });
  }

  get pairs(): number {
    return this.lines.length;
  }

  add(src: string, trg: string, line: number): void {
    this.src.line(src);
    this.trg.line(trg);
    this.lines.push(line);
  }

  finish(): Part {
    this.src.finish();
    this.trg.finish();
    writeFileAtomic(
      join(this.folder, `${this.name}.lines`),
      new Uint8Array(Uint32Array.from(this.lines).buffer),
      scratch,
    );
    return { name: this.name, pairs: this.pairs };
  }

  /** Leaves nothing behind. */
  abandon(): void {
    this.src.abandon();
    this.trg.abandon();
  }
}

/** Writes one part after the other, each of so many pairs. */
export class PartsWriter {
  readonly parts: Part[] = [];
  private writer: PartWriter | null = null;

  constructor(
    private readonly folder: string,
    private readonly pairsPerPart: number,
  ) {}

  add(src: string, trg: string, line: number): void {
    this.writer ??= new PartWriter(this.folder, partName(this.parts.length));
    this.writer.add(src, trg, line);
    if (this.writer.pairs === this.pairsPerPart) this.close();
  }

  finish(): TextReport {
    this.close();
    return { pairs: this.parts.reduce((sum, { pairs }) => sum + pairs, 0), parts: this.parts };
  }

  abandon(): void {
    this.writer?.abandon();
  }

  private close(): void {
    if (this.writer) this.parts.push(this.writer.finish());
    this.writer = null;
  }
}
