import { BeamEditDistance, Edit } from './editDistance.js';
import { corpusScore, sentenceScore, type Metric, type References } from './metric.js';
import { tokenizeTer, type TerTokenizerOptions } from './terTokenizer.js';
import { splitWords, stripRight } from './whiteSpace.js';

export type TerOptions = TerTokenizerOptions;

export interface TerScore {
  /** Percent; more than 100 where more words are edited than the reference has. */
  readonly score: number;
  readonly numEdits: number;
  /** Mean length of the references, summed over lines. */
  readonly refLength: number;
}

/** Corpus TER (Snover et al. 2006), as sacreBLEU computes it after tercom. Lower is better. */
export function corpusTer(hyps: readonly string[], refs: References, options: TerOptions = {}): TerScore {
  return corpusScore(ter(options), hyps, refs);
}

export function sentenceTer(hyp: string, refs: readonly string[], options: TerOptions = {}): TerScore {
  return sentenceScore(ter(options), hyp, refs);
}

/** The metric. A line's statistics are the fewest edits over its references and the mean length of these. */
export function ter(options: TerOptions = {}): Metric<TerScore> {
  const { normalized = false, noPunct = false, asianSupport = false, caseSensitive = false } = options;
  const words = new Map<string, number>();
  const numbersOf = (line: string): Int32Array => Int32Array.from(splitWords(line), (word) => {
    const known = words.get(word);
    if (known !== undefined) return known;
    words.set(word, words.size);
    return words.size - 1;
  });
  const yesNo = (value: boolean): string => (value ? 'yes' : 'no');
  return {
    name: 'TER',
    higherIsBetter: false,
    width: 2,
    preprocess: (line) => tokenizeTer(stripRight(line), options),
    lineStatistics(hyp, refs, out, at) {
      const hypWords = numbersOf(hyp);
      let fewest = Infinity;
      let lengths = 0;
      for (const ref of refs) {
        const refWords = numbersOf(ref);
        fewest = Math.min(fewest, translationEdits(hypWords, refWords));
        lengths += refWords.length;
      }
      out[at] = fewest;
      out[at + 1] = lengths / refs.length;
    },
    scoreOf: (sums) => {
      const rate = sums[1] > 0 ? sums[0] / sums[1] : sums[0] > 0 ? 1 : 0;
      return { score: 100 * rate, numEdits: sums[0], refLength: sums[1] };
    },
    details: () => '',
    signatureFields: [
      { name: 'case', short: 'c', value: caseSensitive ? 'mixed' : 'lc' },
      { name: 'tok', short: 't', value: 'tercom' },
      { name: 'norm', short: 'nr', value: yesNo(normalized) },
      { name: 'punct', short: 'pn', value: yesNo(!noPunct) },
      { name: 'asian', short: 'as', value: yesNo(asianSupport) },
    ],
  };
}

/** Tercom's limits: longest block that is moved, how far its places may lie apart. */
const maxShiftSize = 10;
const maxShiftDistance = 50;
/** sacreBLEU's limit: moves tried for one sentence. */
const maxShiftCandidates = 1000;

/**
 * Edits that turn a hypothesis into a reference: word insertions, deletions and substitutions, and moves of blocks,
 * found greedily: the move that saves most, again and again, until none saves anything.
 *
 * @param hyp word numbers
 * @param ref word numbers
 */
export function translationEdits(hyp: Int32Array, ref: Int32Array): number {
  if (ref.length === 0) return hyp.length;
  // numbers of this sentence's own, small enough for tables
  const numbers = new Map<number, number>();
  let words: Int32Array = hyp.map((word) => {
    if (!numbers.has(word)) numbers.set(word, numbers.size);
    return numbers.get(word)!;
  });
  const target = ref.map((word) => numbers.get(word) ?? -1);
  const distances = new BeamEditDistance(hyp.length, target, numbers.size);
  let numShifts = 0;
  let tried = 0;
  for (;;) {
    const distance = distances.setCurrent(words);
    if (distance === 0) return numShifts;
    const best = bestShift(words, target, distances, distance, tried);
    tried = best.tried;
    // at the limit the search ends without the move it has just found
    if (tried >= maxShiftCandidates || best.saved <= 0) return numShifts + distance;
    words = shifted(words, best.start, best.length, best.target);
    numShifts++;
  }
}

interface Shift {
  readonly saved: number;
  readonly start: number;
  readonly length: number;
  readonly target: number;
}

/** The move of a block of words to where the reference has them that saves most edits, by tercom's rules. */
function bestShift(hyp: Int32Array, ref: Int32Array, distances: BeamEditDistance, distance: number, triedBefore: number): Shift & { tried: number } {
  const { hypErrors, refErrors, hypOf } = align(distances.path(), hyp.length, ref.length);
  let best: Shift = { saved: 0, start: 0, length: 0, target: 0 };
  let found = false;
  let tried = triedBefore;
  const saved = new Map<number, number>(); // the same move can come up for several places in the reference
  for (let start = 0; start < hyp.length; start++) {
    const refStop = Math.min(ref.length, start + maxShiftDistance + 1);
    for (let refStart = Math.max(0, start - maxShiftDistance); refStart < refStop; refStart++) {
      const longest = Math.min(maxShiftSize, hyp.length - start, ref.length - refStart);
      for (let length = 1; length <= longest && hyp[start + length - 1] === ref[refStart + length - 1]; length++) {
        // both the block and its place must have an error, and the place must lie outside the block
        if (hypErrors[start + length] === hypErrors[start] || refErrors[refStart + length] === refErrors[refStart]) continue;
        if (hypOf[refStart] >= start && hypOf[refStart] < start + length) continue;
        let previousTarget = -1;
        for (let offset = -1; offset < length; offset++) {
          const target = refStart + offset < 0 ? 0 : hypOf[refStart + offset] + 1;
          if (target === previousTarget) continue;
          previousTarget = target;
          const key = (start * (maxShiftSize + 1) + length) * (hyp.length + 1) + target;
          let gain = saved.get(key);
          if (gain === undefined) {
            const span = changedSpan(start, length, target, hyp.length);
            gain = distance - distances.distance(shifted(hyp, start, length, target), span.first, span.end);
            saved.set(key, gain);
          }
          tried++;
          if (!found || isBetter(gain, start, length, target, best)) {
            found = true;
            best = { saved: gain, start, length, target };
          }
        }
        if (tried >= maxShiftCandidates) return { ...best, tried };
      }
    }
  }
  return { ...best, tried };
}

/** Tercom's ranking: most saved, longest, earliest, earliest target. */
function isBetter(saved: number, start: number, length: number, target: number, best: Shift): boolean {
  if (saved !== best.saved) return saved > best.saved;
  if (length !== best.length) return length > best.length;
  if (start !== best.start) return start < best.start;
  return target < best.target;
}

/** Positions at which a move changes the words. */
function changedSpan(start: number, length: number, target: number, numWords: number): { first: number; end: number } {
  if (target < start) return { first: target, end: start + length };
  if (target > start + length) return { first: start, end: target };
  return { first: start, end: Math.min(numWords, length + target) };
}

/** The words after moving the block at `start` to before position `target`; a target inside the block moves it on by as much. */
function shifted(words: Int32Array, start: number, length: number, target: number): Int32Array {
  const result = words.slice();
  if (target < start) {
    result.copyWithin(target + length, target, start);
    result.set(words.subarray(start, start + length), target);
    return result;
  }
  const end = target > start + length ? target : Math.min(words.length, length + target);
  result.copyWithin(start, start + length, end);
  result.set(words.subarray(start, start + length), end - length);
  return result;
}

/** For each reference position the hypothesis position before or at it, and running counts of errors on both sides. */
function align(path: readonly Edit[], hypLength: number, refLength: number): { hypOf: Int32Array; hypErrors: Int32Array; refErrors: Int32Array } {
  const hypOf = new Int32Array(refLength);
  const hypErrors = new Int32Array(hypLength + 1);
  const refErrors = new Int32Array(refLength + 1);
  let hypAt = -1;
  let refAt = -1;
  for (const edit of path) {
    const error = edit === Edit.keep ? 0 : 1;
    if (edit !== Edit.refOnly) {
      hypAt++;
      hypErrors[hypAt + 1] = hypErrors[hypAt] + error;
    }
    if (edit !== Edit.hypOnly) {
      refAt++;
      refErrors[refAt + 1] = refErrors[refAt] + error;
      hypOf[refAt] = hypAt;
    }
  }
  return { hypOf, hypErrors, refErrors };
}
