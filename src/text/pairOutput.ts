import { TextOutput } from '../storage/textOutput.js';
import type { PairFiles } from './linePairs.js';

/** Two text files written line by line together; they get their names by `finishTogether`. */
export class PairOutput {
  /** Source and target. */
  readonly outputs: readonly [TextOutput, TextOutput];

  constructor(files: PairFiles) {
    const src = new TextOutput(files.src);
    try {
      this.outputs = [src, new TextOutput(files.trg)];
    } catch (error) {
      src.abandon();
      throw error;
    }
  }

  write(src: string, trg: string): void {
    this.outputs[0].line(src);
    this.outputs[1].line(trg);
  }

  abandon(): void {
    for (const output of this.outputs) output.abandon();
  }
}
