import { DataError } from '../errors.js';
import { byteStream, readLineBlocks } from '../storage/lines.js';

/** The two text files of a corpus; line i of one is the translation of line i of the other. Plain or .gz. */
export interface PairFiles {
  readonly src: string;
  readonly trg: string;
}

/** Neighbouring lines of both sides; null stands for a line that is not valid UTF-8. */
export interface LinePairBlock {
  /** Line number of the first pair, from 1. */
  readonly firstLine: number;
  readonly src: readonly (string | null)[];
  readonly trg: readonly (string | null)[];
  /** How far both files have been read, in bytes as stored. */
  readonly bytesRead: number;
}

/**
 * Reads two files in step.
 *
 * @throws DataError naming both counts and files, after the last pair, if the files have different numbers of lines
 */
export async function* readLinePairs(files: PairFiles): AsyncGenerator<LinePairBlock> {
  const src = new LineQueue(files.src);
  const trg = new LineQueue(files.trg);
  let firstLine = 1;
  for (;;) {
    const length = Math.min(await src.ready(), await trg.ready());
    if (length === 0) break;
    yield { firstLine, src: src.take(length), trg: trg.take(length), bytesRead: src.bytesRead + trg.bytesRead };
    firstLine += length;
  }
  const srcLines = firstLine - 1 + (await src.countRest());
  const trgLines = firstLine - 1 + (await trg.countRest());
  if (srcLines !== trgLines) {
    throw new DataError(`the two sides have different numbers of lines: ${files.src} has ${srcLines}, ${files.trg} has ${trgLines}. Line i of one must be the translation of line i of the other.`);
  }
}

/** Lines of one file waiting for their partners. */
class LineQueue {
  private readonly blocks: AsyncGenerator<(string | null)[]>;
  private lines: (string | null)[] = [];
  bytesRead = 0;

  constructor(path: string) {
    this.blocks = readLineBlocks(path, byteStream(path, (bytes) => (this.bytesRead = bytes)));
  }

  /** Number of lines that can be taken now; 0 only at the end of the file. */
  async ready(): Promise<number> {
    while (this.lines.length === 0) {
      const next = await this.blocks.next();
      if (next.done) return 0;
      this.lines = next.value;
    }
    return this.lines.length;
  }

  take(length: number): (string | null)[] {
    const taken = this.lines.slice(0, length);
    this.lines = this.lines.slice(length);
    return taken;
  }

  /** Reads to the end and says how many lines were left. */
  async countRest(): Promise<number> {
    let count = 0;
    for (let ready = await this.ready(); ready > 0; ready = await this.ready()) {
      count += ready;
      this.lines = [];
    }
    return count;
  }
}
