import { DataError } from '../errors.js';
import { byteStream, readLineBlocks } from '../storage/lines.js';

/** The two text files of a corpus; line i of one is the translation of line i of the other. Plain or .gz. */
export interface PairFiles {
  readonly src: string;
  readonly trg: string;
}

/** Neighbouring lines of both sides; null for a line that is not valid UTF-8. */
export interface LinePairBlock {
  /** Line number of the first pair, from 1. */
  readonly firstLine: number;
  readonly src: readonly (string | null)[];
  readonly trg: readonly (string | null)[];
  /** How far both files have been read, in bytes as stored. */
  readonly bytesRead: number;
}

/**
 * Reads two files in step. The carriage returns of Windows line ends are removed: they belong to no word and no length.
 *
 * @param options.keepLineEnds keeps them in the lines
 * @throws DataError naming both counts and files, after the last pair, if the files have different numbers of lines
 */
export async function* readLinePairs(files: PairFiles, { keepLineEnds = false } = {}): AsyncGenerator<LinePairBlock> {
  const bytesRead = { src: 0, trg: 0 };
  const linesOf = (side: 'src' | 'trg') =>
    withoutLineEnds(
      readLineBlocks(
        files[side],
        byteStream(files[side], (bytes) => (bytesRead[side] = bytes)),
      ),
      keepLineEnds,
    );
  let firstLine = 1;
  for await (const { src, trg } of inStep(linesOf('src'), linesOf('trg'), files)) {
    yield { firstLine, src, trg, bytesRead: bytesRead.src + bytesRead.trg };
    firstLine += src.length;
  }
}

/** Blocks of lines less the carriage returns of Windows line ends. @param keep keeps them */
export async function* withoutLineEnds(
  blocks: AsyncGenerator<readonly (string | null)[]>,
  keep = false,
): AsyncGenerator<readonly (string | null)[]> {
  for await (const lines of blocks)
    yield keep ? lines : lines.map((line) => (line === null ? null : withoutLineEnd(line)));
}

/** A line less the carriage return of a Windows line end: what a model learns and translates does not depend on it. */
export function withoutLineEnd(line: string): string {
  return line.endsWith('\r') ? line.replace(/\r+$/, '') : line;
}

/**
 * Two streams of lines, or of items per line, in blocks of equal length.
 *
 * @param names of the two, for messages
 * @throws DataError naming both counts, after the last pair, if one is longer than the other
 */
export async function* inStep<Line>(
  srcBlocks: AsyncGenerator<readonly Line[]>,
  trgBlocks: AsyncGenerator<readonly Line[]>,
  names: PairFiles,
): AsyncGenerator<{ src: readonly Line[]; trg: readonly Line[] }> {
  const src = new LineQueue(srcBlocks);
  const trg = new LineQueue(trgBlocks);
  let done = 0;
  try {
    for (;;) {
      const length = Math.min(await src.ready(), await trg.ready());
      if (length === 0) break;
      yield { src: src.take(length), trg: trg.take(length) };
      done += length;
    }
    const srcLines = done + (await src.countRest());
    const trgLines = done + (await trg.countRest());
    if (srcLines !== trgLines) {
      throw new DataError(
        `the two sides have different numbers of lines: ${names.src} has ${srcLines}, ${names.trg} has ${trgLines}. Line i of one must be the translation of line i of the other.`,
      );
    }
  } finally {
    await Promise.all([srcBlocks.return(undefined), trgBlocks.return(undefined)]);
  }
}

/** Lines of one side waiting for their partners. */
class LineQueue<Line> {
  private lines: readonly Line[] = [];

  constructor(private readonly blocks: AsyncGenerator<readonly Line[]>) {}

  /** Number of lines that can be taken now; 0 only at the end of the file. */
  async ready(): Promise<number> {
    while (this.lines.length === 0) {
      const next = await this.blocks.next();
      if (next.done) return 0;
      this.lines = next.value;
    }
    return this.lines.length;
  }

  take(length: number): readonly Line[] {
    const taken = this.lines.slice(0, length);
    this.lines = this.lines.slice(length);
    return taken;
  }

  /** Reads to the end and returns the number of remaining lines. */
  async countRest(): Promise<number> {
    let count = 0;
    for (let ready = await this.ready(); ready > 0; ready = await this.ready()) {
      count += ready;
      this.lines = [];
    }
    return count;
  }
}
