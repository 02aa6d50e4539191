import { readLinePairs, type PairFiles } from '../linePairs.js';
import { HashSet } from './hashSet.js';
import { textHash } from './textHash.js';

const emptyHash = textHash('');

/** Sentences that must not be learnt from: those of the validation and test sets. */
export class HeldOutText {
  private readonly sources = new HashSet();
  private readonly targets = new HashSet();

  /** Reads the sets. */
  static async read(sets: readonly PairFiles[]): Promise<HeldOutText> {
    const text = new HeldOutText();
    for (const files of sets) {
      for await (const { src, trg } of readLinePairs(files))
        src.forEach((line, i) => text.add(line ?? '', trg[i] ?? ''));
    }
    return text;
  }

  /** Empty sides are left out: they do not identify a pair. */
  add(src: string, trg: string): void {
    if (src.trim() !== '') this.sources.add(textHash(src.trim()));
    if (trg.trim() !== '') this.targets.add(textHash(trg.trim()));
  }

  /** Like `add`, from the two sides' hashes by `pairHashes`. */
  addHashes(source: number, target: number): void {
    if (source !== emptyHash) this.sources.add(source);
    if (target !== emptyHash) this.targets.add(target);
  }

  /** The sides that occur in the held-out text. */
  sidesOf(src: string, trg: string): { readonly source: boolean; readonly target: boolean } {
    return { source: this.sources.has(textHash(src.trim())), target: this.targets.has(textHash(trg.trim())) };
  }
}
