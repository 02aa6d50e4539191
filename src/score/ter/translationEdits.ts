import { Edit } from './edit.js';
import { BeamEditDistance } from './editDistance.js';

/** Tercom's limits: the longest block to move, and the largest distance of a move. */
const maxShiftSize = 10;
const maxShiftDistance = 50;
/** sacreBLEU's limit: moves tried for one sentence. */
const maxShiftCandidates = 1000;

/**
 * Edits that turn a hypothesis into a reference: word insertions, deletions and substitutions, and moves of blocks,
 * found greedily: repeats the move that saves most until no move saves anything.
 *
 * @param hyp words, numbered from 0 to `numWords - 1`
 * @param ref words by the same numbers; negative ones are not in the hypothesis
 */
export function translationEdits(hyp: readonly number[], ref: readonly number[], numWords: number): number {
  if (ref.length === 0) return hyp.length;
  let words: readonly number[] = hyp;
  const distances = new BeamEditDistance(hyp.length, ref, numWords);
  const refPlaces: number[][] = Array.from({ length: numWords }, () => []);
  ref.forEach((word, j) => word >= 0 && refPlaces[word].push(j));
  let numShifts = 0;
  let tried = 0;
  for (;;) {
    const distance = distances.setCurrent(words);
    if (distance === 0) return numShifts;
    const found = bestShift(words, ref, refPlaces, distances, distance, tried);
    const { best } = found;
    tried = found.tried;
    // at the limit the search ends without the move it has just found
    if (tried >= maxShiftCandidates || best.saved <= 0) return numShifts + distance;
    const moved = words.slice();
    exchangeWords(words, exchange(best.start, best.length, best.target, words.length), moved);
    words = moved;
    numShifts++;
  }
}

interface Shift {
  readonly saved: number;
  readonly start: number;
  readonly length: number;
  readonly target: number;
}

/**
 * The move of a block of words to where the reference has them that saves most edits, by tercom's rules.
 *
 * @param refPlaces of each word, ascending
 */
function bestShift(
  hyp: readonly number[],
  ref: readonly number[],
  refPlaces: readonly (readonly number[])[],
  distances: BeamEditDistance,
  distance: number,
  triedBefore: number,
): { best: Shift; tried: number } {
  const { hypErrors, refErrors, hypOf } = align(distances.path());
  let best: Shift = { saved: 0, start: 0, length: 0, target: 0 };
  let found = false;
  let tried = triedBefore;
  const saved = new Map<number, number>(); // the same move can come up for several places in the reference
  const trial = hyp.slice();
  for (let start = 0; start < hyp.length; start++) {
    for (const refStart of refPlaces[hyp[start]]) {
      if (refStart < start - maxShiftDistance || refStart > start + maxShiftDistance) continue;
      const longest = Math.min(maxShiftSize, hyp.length - start, ref.length - refStart);
      for (let length = 1; length <= longest && hyp[start + length - 1] === ref[refStart + length - 1]; length++) {
        // both the block and its place must have an error, and the place must be outside the block
        if (hypErrors[start + length] === hypErrors[start] || refErrors[refStart + length] === refErrors[refStart])
          continue;
        if (hypOf[refStart] >= start && hypOf[refStart] < start + length) continue;
        let previousTarget = -1;
        for (let offset = -1; offset < length; offset++) {
          const target = refStart + offset < 0 ? 0 : hypOf[refStart + offset] + 1;
          if (target === previousTarget) continue;
          previousTarget = target;
          const key = (start * (maxShiftSize + 1) + length) * (hyp.length + 1) + target;
          let gain = saved.get(key);
          if (gain === undefined) {
            const stretches = exchange(start, length, target, hyp.length);
            exchangeWords(hyp, stretches, trial);
            gain = distance - distances.distance(trial, stretches.first, stretches.end);
            for (let i = stretches.first; i < stretches.end; i++) trial[i] = hyp[i];
            saved.set(key, gain);
          }
          tried++;
          if (!found || isBetter(gain, start, length, target, best)) {
            found = true;
            best = { saved: gain, start, length, target };
          }
        }
        if (tried >= maxShiftCandidates) return { best, tried };
      }
    }
  }
  return { best, tried };
}

/** Tercom's ranking: most saved, longest, earliest, earliest target. */
function isBetter(saved: number, start: number, length: number, target: number, best: Shift): boolean {
  if (saved !== best.saved) return saved > best.saved;
  if (length !== best.length) return length > best.length;
  if (start !== best.start) return start < best.start;
  return target < best.target;
}

/**
 * Moving the block at `start` to before position `target` (or forward by as much, if that is inside the block)
 * exchanges two neighbouring stretches of words: those from `first` to `middle` and those from there to `end`.
 */
function exchange(
  start: number,
  length: number,
  target: number,
  numWords: number,
): { first: number; middle: number; end: number } {
  const blockEnd = start + length;
  if (target < start) return { first: target, middle: start, end: blockEnd };
  return { first: start, middle: blockEnd, end: target > blockEnd ? target : Math.min(numWords, length + target) };
}

/** Writes to `result` the words with two stretches exchanged; outside them `result` does not change. */
function exchangeWords(
  words: readonly number[],
  { first, middle, end }: { first: number; middle: number; end: number },
  result: number[],
): void {
  let at = first;
  for (let i = middle; i < end; i++) result[at++] = words[i];
  for (let i = first; i < middle; i++) result[at++] = words[i];
}

/** For each reference position the hypothesis position before or at it, and running counts of errors on both sides. */
function align(path: readonly Edit[]): { hypOf: number[]; hypErrors: number[]; refErrors: number[] } {
  const hypOf: number[] = [];
  const hypErrors = [0];
  const refErrors = [0];
  let hypAt = -1;
  for (const edit of path) {
    const error = edit === Edit.keep ? 0 : 1;
    if (edit !== Edit.refOnly) {
      hypAt++;
      hypErrors.push(hypErrors[hypAt] + error);
    }
    if (edit !== Edit.hypOnly) {
      refErrors.push(refErrors[hypOf.length] + error);
      hypOf.push(hypAt);
    }
  }
  return { hypOf, hypErrors, refErrors };
}
