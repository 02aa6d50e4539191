import type { PieceChecker } from './pieceRules.js';
import type { Words } from './trainingText.js';

/** Candidate pieces: places in `symbols`, lengths, and counts. */
export interface SeedPieces {
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly counts: Float64Array;
}

/**
 * Every sequence of two or more characters that occurs in at least two places of the list of different words, may be a
 * piece, and is not always followed by the same character (otherwise its continuation represents it); at most `limit`,
 * those with the greatest product of count and length.
 *
 * Source: Kudo 2018, section 3.2: frequent substrings by an enhanced suffix array. Here the suffixes of words, as far
 * as a piece reaches, are sorted; sequences are where neighbours begin to differ.
 */
export function seedPieces({ symbols, starts, counts }: Words, checker: PieceChecker, limit: number): SeedPieces {
  const reach = new Uint8Array(symbols.length);
  const weight = new Float64Array(symbols.length);
  const suffixes: number[] = [];
  for (let w = 0; w + 1 < starts.length; w++) {
    for (let i = starts[w]; i < starts[w + 1]; i++) {
      reach[i] = checker.longestPiece(symbols, i, starts[w + 1] - i);
      weight[i] = counts[w];
      if (reach[i] > 1) suffixes.push(i);
    }
  }
  const order = Int32Array.from(suffixes).sort((a, b) => {
    const shorter = Math.min(reach[a], reach[b]);
    for (let k = 0; k < shorter; k++) if (symbols[a + k] !== symbols[b + k]) return symbols[a + k] - symbols[b + k];
    return reach[a] - reach[b];
  });

  const found: Sequence[] = [];
  // sequences shared by the suffix before and this one, longest last, with what was counted of them so far
  const open: Sequence[] = [];
  const close = (length: number): void => {
    let below: Sequence | undefined; // the sequence closed last, a continuation of the next
    while (open.length > 0 && open[open.length - 1].length > length) {
      const sequence = open.pop()!;
      if (below) addCounts(sequence, below);
      if (isCandidate(sequence)) found.push(sequence);
      below = sequence;
    }
    if (below === undefined || length === 0) return;
    if (open.length > 0 && open[open.length - 1].length === length) addCounts(open[open.length - 1], below);
    else open.push({ ...below, length });
  };
  // a sequence in only one word does not help other words, however often the text is repeated
  const isCandidate = ({ length, places }: Sequence): boolean => length >= 2 && places >= 2;
  for (let k = 0; k < order.length; k++) {
    const suffix = order[k];
    const common = k === 0 ? 0 : sharedLength(symbols, order[k - 1], reach[order[k - 1]], suffix, reach[suffix]);
    close(common);
    // the suffix as far as it reaches is a sequence too: a word's end
    const whole: Sequence = { start: suffix, length: reach[suffix], count: weight[suffix], places: 1 };
    if (open.length > 0 && open[open.length - 1].length === whole.length) addCounts(open[open.length - 1], whole);
    else open.push(whole);
  }
  close(0);
  found.sort((a, b) => b.count * b.length - a.count * a.length || a.start - b.start || a.length - b.length);
  const kept = found.slice(0, limit);
  return {
    starts: Int32Array.from(kept, ({ start }) => start),
    lengths: Int32Array.from(kept, ({ length }) => length),
    counts: Float64Array.from(kept, ({ count }) => count),
  };
}

interface Sequence {
  readonly start: number;
  readonly length: number;
  /** In the text. */
  count: number;
  /** In the list of different words. */
  places: number;
}

function addCounts(sequence: Sequence, { count, places }: Sequence): void {
  sequence.count += count;
  sequence.places += places;
}

function sharedLength(symbols: Int32Array, a: number, reachA: number, b: number, reachB: number): number {
  const limit = Math.min(reachA, reachB);
  let length = 0;
  while (length < limit && symbols[a + length] === symbols[b + length]) length++;
  return length;
}
