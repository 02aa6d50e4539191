import { defaultJoiner } from '../subwords/joiner.js';
import { readLinePairs, type PairFiles } from '../linePairs.js';
import { HashSet } from './hashSet.js';
import { HeldOutText } from './heldOutText.js';
import { SideCounter, type SideStats, type UnitMarks } from './sideCounter.js';
import { textHash } from './textHash.js';

/** Statistics of a parallel corpus. */
export interface CorpusStats {
  readonly pairs: number;
  /** Pairs with an empty side. */
  readonly emptySides: number;
  readonly invalidUtf8: number;
  /** Target tokens per source token. */
  readonly lengthRatio: number;
  /** Pairs of which the whole, the source or the target occurred before. */
  readonly duplicates: { readonly pairs: number; readonly sources: number; readonly targets: number };
  /** Pairs whose source, target, or either occurs in a held-out set; absent without held-out sets. */
  readonly leakage?: { readonly sources: number; readonly targets: number; readonly pairs: number };
  readonly src: SideStats;
  readonly trg: SideStats;
}

/** A validation or test set. */
export interface HeldOutSet extends PairFiles {
  readonly name: string;
}

/** Options of `corpusStats`. */
export interface StatsOptions {
  readonly heldOut?: readonly HeldOutSet[];
  /** Mark of subword units in the text. Default `@@`. */
  readonly joiner?: string;
  /** For text of whole words: numbers of units that words are split into, for fertility. */
  readonly unitsOf?: { readonly src: (word: string) => number; readonly trg: (word: string) => number };
  readonly onProgress?: (pairs: number) => void;
  readonly signal?: AbortSignal;
}

/** A training corpus and its held-out sets. */
export interface CorpusSetStats {
  readonly train: CorpusStats;
  readonly heldOut: readonly { readonly name: string; readonly stats: CorpusStats }[];
}

/**
 * Counts a training corpus, its overlap with the held-out sets, and these sets with their unknown words. One pass over
 * each file; memory holds the distinct words and three hashes per pair.
 *
 * @throws DataError for different line counts or files that cannot be read
 */
export async function corpusStats(files: PairFiles, options: StatsOptions = {}): Promise<CorpusSetStats> {
  const { heldOut = [] } = options;
  const train = await countPairs(files, options, heldOut.length > 0 ? await HeldOutText.read(heldOut) : undefined);
  const sets: { name: string; stats: CorpusStats }[] = [];
  for (const set of heldOut)
    sets.push({
      name: set.name,
      stats: (await countPairs(set, { ...options, onProgress: undefined })).stats({
        src: train.src.counts,
        trg: train.trg.counts,
      }),
    });
  return { train: train.stats(), heldOut: sets };
}

interface PairCounts {
  readonly src: SideCounter;
  readonly trg: SideCounter;
  /** @param known words of the training text, to count unknown ones */
  stats(known?: { readonly src: ReadonlyMap<string, number>; readonly trg: ReadonlyMap<string, number> }): CorpusStats;
}

async function countPairs(
  files: PairFiles,
  { joiner = defaultJoiner, unitsOf, onProgress, signal }: StatsOptions,
  heldOut?: HeldOutText,
): Promise<PairCounts> {
  const [src, trg] = [new SideCounter(), new SideCounter()];
  const seen = { pairs: new HashSet(), sources: new HashSet(), targets: new HashSet() };
  const duplicates = { pairs: 0, sources: 0, targets: 0 };
  const leakage = { sources: 0, targets: 0, pairs: 0 };
  const counts = { pairs: 0, emptySides: 0, invalidUtf8: 0 };
  for await (const block of readLinePairs(files)) {
    signal?.throwIfAborted();
    for (let i = 0; i < block.src.length; i++) {
      counts.pairs++;
      const [srcLine, trgLine] = [block.src[i], block.trg[i]];
      if (srcLine === null || trgLine === null) {
        counts.invalidUtf8++;
        continue;
      }
      const lengths = [src.add(srcLine), trg.add(trgLine)];
      if (lengths.includes(0)) counts.emptySides++;
      const [source, target] = [srcLine.trim(), trgLine.trim()];
      if (!seen.pairs.add(textHash(`${source}\n${target}`))) duplicates.pairs++;
      if (!seen.sources.add(textHash(source))) duplicates.sources++;
      if (!seen.targets.add(textHash(target))) duplicates.targets++;
      const leaked = heldOut?.sidesOf(srcLine, trgLine);
      if (leaked?.source) leakage.sources++;
      if (leaked?.target) leakage.targets++;
      if (leaked?.source || leaked?.target) leakage.pairs++;
    }
    onProgress?.(counts.pairs);
  }
  const marks = (side: 'src' | 'trg'): UnitMarks => ({ joiner, unitsOf: unitsOf?.[side] });
  return {
    src,
    trg,
    stats: (known) => ({
      ...counts,
      duplicates,
      ...(heldOut ? { leakage } : {}),
      lengthRatio: src.numTokens === 0 ? 0 : trg.numTokens / src.numTokens,
      src: src.stats(marks('src'), known?.src),
      trg: trg.stats(marks('trg'), known?.trg),
    }),
  };
}
