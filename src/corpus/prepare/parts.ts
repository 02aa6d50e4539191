import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { TextOutput } from '../../storage/textOutput.js';
import { readLinePairs } from '../../text/linePairs.js';
import type { Stage, StageContext } from './stage.js';

/*
 * Between stages a corpus consists of parts: NAME.src and NAME.trg with a line per pair, and NAME.lines, the line
 * number in the user's files of each pair (uint32, little-endian, from 1). A stage that only chooses among pairs copies
 * no text: it writes NAME.fates, a byte per pair.
 */

/** A part and its number of pairs. */
export interface Part {
  readonly name: string;
  readonly pairs: number;
}

/** The report of every stage that writes text in parts. */
export interface TextReport {
  readonly pairs: number;
  readonly parts: readonly Part[];
}

/** The fate of a pair of the training set, as in NAME.fates. */
export const fates = { train: 0, valid: 1, removed: 2 } as const;

/** Pairs of each part by their fate. */
export type ChosenParts = Readonly<Record<'train' | 'valid', readonly Part[]>>;

/** The text of a split: all output of a stage, or the pairs that another stage has chosen from it. */
export interface SplitText {
  readonly stage: Stage<TextReport>;
  readonly choice?: { readonly stage: Stage<{ readonly chosen: ChosenParts }>; readonly fate: 'train' | 'valid' };
}

/** A part to be read, as plain data. */
export interface PartSource extends Part {
  readonly folder: string;
  readonly choice?: { readonly folder: string; readonly fate: 'train' | 'valid' };
}

/** The stages needed by a stage that reads the text. */
export function stagesOf({ stage, choice }: SplitText): Stage[] {
  return choice ? [stage, choice.stage] : [stage];
}

/** The parts of a text. The parts of a choice keep their names, and may be empty. */
export function partsOf({ stage, choice }: SplitText, result: StageContext['result']): PartSource[] {
  const { folder, report } = result(stage);
  if (!choice) return report.parts.map((part) => ({ ...part, folder }));
  const made = result(choice.stage);
  return made.report.chosen[choice.fate].map((part) => ({
    ...part,
    folder,
    choice: { folder: made.folder, fate: choice.fate },
  }));
}

/** The total of the parts' pairs; for one part the weight of a job, for progress. */
export function pairsOf(...parts: readonly Part[]): number {
  return parts.reduce((sum, { pairs }) => sum + pairs, 0);
}

/**
 * Options for intermediate files. They need no flush to disk, since a stage's files are compared with their checksums
 * before use.
 */
export const scratch = { durable: false } as const;

export function partName(number: number): string {
  return String(number).padStart(5, '0');
}

/** Name of the file with the fates of a part's pairs. */
export function fatesFile(name: string): string {
  return `${name}.fates`;
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

/** Reads a part, or the chosen pairs of it, block by block. */
export async function* readPart({ folder, name, choice }: PartSource): AsyncGenerator<PartBlock> {
  const lines = new Uint32Array(new Uint8Array(readFileSync(join(folder, `${name}.lines`))).buffer);
  const fate = choice && { ofRow: readFileSync(join(choice.folder, fatesFile(name))), wanted: fates[choice.fate] };
  let at = 0;
  for await (const { src, trg } of readLinePairs({
    src: join(folder, `${name}.src`),
    trg: join(folder, `${name}.trg`),
  })) {
    const block = { src: src as string[], trg: trg as string[], lines: lines.subarray(at, at + src.length) };
    const first = at;
    at += src.length;
    if (fate === undefined) yield block;
    else {
      const isWanted = (_: unknown, i: number): boolean => fate.ofRow[first + i] === fate.wanted;
      yield { src: block.src.filter(isWanted), trg: block.trg.filter(isWanted), lines: block.lines.filter(isWanted) };
    }
  }
}

/** Writes a part. Its files get their final names in `finish`. */
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

  /** Removes the unfinished files. */
  abandon(): void {
    this.src.abandon();
    this.trg.abandon();
  }
}
