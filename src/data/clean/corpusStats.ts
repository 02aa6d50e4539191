import { readLinePairs, type PairFiles } from '../linePairs.js';
import { HeldOutText } from './heldOutText.js';
import { textHash } from './textHash.js';

/** One side of a parallel corpus; tokens are words between ASCII spaces. */
export interface SideStats {
  readonly tokens: number;
  readonly types: number;
  readonly typeTokenRatio: number;
  readonly characters: number;
  readonly longestTokens: number;
  readonly meanTokens: number;
  /** Types seen once. */
  readonly singletons: number;
  /** Lines by length: `lengthHistogram[k]` has lines of 10k to 10k + 9 tokens; the last entry has all longer ones. */
  readonly lengthHistogram: readonly number[];
  /** Smallest number of types that make up this share of the tokens. */
  readonly typesForCoverage: { readonly half: number; readonly ninety: number; readonly ninetyNine: number };
  /** Units per word where units are marked by `@@`; 1 for whole words. */
  readonly unitsPerWord: number;
  /** Share of tokens that do not occur in the training text's side; absent for the training text itself. */
  readonly unknownRate?: number;
}

export interface CorpusStats {
  readonly pairs: number;
  readonly emptySides: number;
  readonly invalidUtf8: number;
  /** Target tokens per source token. */
  readonly lengthRatio: number;
  /** Pairs that stood before. */
  readonly duplicatePairs: number;
  /** Pairs with a side that stands in a held-out set; absent where none was given. */
  readonly leakedPairs?: number;
  readonly src: SideStats;
  readonly trg: SideStats;
}

const histogramBins = 11;
const binTokens = 10;

/** The words of a training corpus, to measure how much of other text is unknown. */
export interface KnownWords {
  readonly src: ReadonlySet<string>;
  readonly trg: ReadonlySet<string>;
}

/**
 * Counts a parallel corpus in one pass. Memory holds the distinct words and a number per pair.
 *
 * @param options.heldOut sets that the corpus should share no sentence with
 * @param options.known words of the training text, for unknown rates
 * @returns the statistics and the corpus's own words
 */
export async function corpusStats(
  files: PairFiles,
  options: { heldOut?: readonly PairFiles[]; known?: KnownWords } = {},
): Promise<{ stats: CorpusStats; words: KnownWords }> {
  const heldOut = new HeldOutText();
  for (const set of options.heldOut ?? []) {
    for await (const { src, trg } of readLinePairs(set)) src.forEach((line, i) => heldOut.add(line ?? '', trg[i] ?? ''));
  }
  const src = new SideCounter();
  const trg = new SideCounter();
  const seen = new Set<number>();
  const counts = { pairs: 0, emptySides: 0, invalidUtf8: 0, duplicatePairs: 0, leakedPairs: 0 };
  for await (const block of readLinePairs(files)) {
    for (let i = 0; i < block.src.length; i++) {
      counts.pairs++;
      const [srcLine, trgLine] = [block.src[i], block.trg[i]];
      if (srcLine === null || trgLine === null) {
        counts.invalidUtf8++;
        continue;
      }
      const empty = [src.add(srcLine), trg.add(trgLine)].includes(0);
      if (empty) counts.emptySides++;
      const hash = textHash(`${srcLine.trim()}\n${trgLine.trim()}`);
      if (seen.has(hash)) counts.duplicatePairs++;
      seen.add(hash);
      if (heldOut.has(srcLine, trgLine)) counts.leakedPairs++;
    }
  }
  const { leakedPairs, ...others } = counts;
  const stats: CorpusStats = {
    ...others,
    ...(options.heldOut ? { leakedPairs } : {}),
    lengthRatio: src.tokens === 0 ? 0 : trg.tokens / src.tokens,
    src: src.stats(options.known?.src),
    trg: trg.stats(options.known?.trg),
  };
  return { stats, words: { src: new Set(src.counts.keys()), trg: new Set(trg.counts.keys()) } };
}

class SideCounter {
  readonly counts = new Map<string, number>();
  tokens = 0;
  private lines = 0;
  private characters = 0;
  private longest = 0;
  private joined = 0;
  private readonly histogram = new Array<number>(histogramBins).fill(0);

  /** Counts a line; gives its number of tokens. */
  add(line: string): number {
    let length = 0;
    for (const token of line.split(' ')) {
      if (token === '') continue;
      length++;
      if (token.endsWith('@@')) this.joined++;
      this.counts.set(token, (this.counts.get(token) ?? 0) + 1);
    }
    this.lines++;
    this.tokens += length;
    for (const character of line) if (character !== ' ') this.characters++;
    this.longest = Math.max(this.longest, length);
    this.histogram[Math.min(histogramBins - 1, Math.floor(length / binTokens))]++;
    return length;
  }

  stats(known?: ReadonlySet<string>): SideStats {
    const byCount = [...this.counts.values()].sort((a, b) => b - a);
    const typesFor = (share: number): number => {
      let covered = 0;
      let types = 0;
      while (covered < share * this.tokens) covered += byCount[types++];
      return types;
    };
    let unknown = 0;
    if (known) for (const [token, count] of this.counts) if (!known.has(token)) unknown += count;
    const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
    return {
      tokens: this.tokens, types: this.counts.size, typeTokenRatio: share(this.counts.size, this.tokens), characters: this.characters,
      longestTokens: this.longest, meanTokens: share(this.tokens, this.lines), singletons: byCount.filter((count) => count === 1).length,
      lengthHistogram: this.histogram, typesForCoverage: { half: typesFor(0.5), ninety: typesFor(0.9), ninetyNine: typesFor(0.99) },
      unitsPerWord: share(this.tokens, this.tokens - this.joined), ...(known ? { unknownRate: share(unknown, this.tokens) } : {}),
    };
  }
}
