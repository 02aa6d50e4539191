import type { PieceChecker } from './pieceRules.js';
import type { Words } from './trainingText.js';

/** Candidate pieces: places in `symbols` where they stand, lengths, and how often they are seen. */
export interface SeedPieces {
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly counts: Float64Array;
}

/**
 * Every sequence of two or more characters that is seen at least twice, may be a piece, and is not always followed by the same
 * character (its continuation then stands for it); at most `limit`, those with the greatest product of count and length.
 *
 * Source: Kudo 2018, section 3.2: frequent substrings by an enhanced suffix array. Here the suffixes of words, as far as a
 * piece reaches, are sorted; sequences are where neighbours begin to differ.
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

  const found: { start: number; length: number; count: number }[] = [];
  // sequences shared by the suffix before and this one, longest last, with what was counted of them so far
  const open: { length: number; count: number; start: number }[] = [];
  const close = (length: number): void => {
    let [below, start] = [0, -1]; // what the last closed sequence, a continuation of the next, was counted
    while (open.length > 0 && open[open.length - 1].length > length) {
      const sequence = open.pop()!;
      sequence.count += below;
      if (sequence.length >= 2 && sequence.count >= 2) found.push(sequence);
      ({ count: below, start } = sequence);
    }
    if (below === 0 || length === 0) return;
    if (open.length > 0 && open[open.length - 1].length === length) open[open.length - 1].count += below;
    else open.push({ length, count: below, start });
  };
  for (let k = 0; k < order.length; k++) {
    const suffix = order[k];
    const common = k === 0 ? 0 : sharedLength(symbols, order[k - 1], reach[order[k - 1]], suffix, reach[suffix]);
    close(common);
    // the suffix as far as it reaches is a sequence too: a word's end
    if (open.length > 0 && open[open.length - 1].length === reach[suffix]) open[open.length - 1].count += weight[suffix];
    else open.push({ length: reach[suffix], count: weight[suffix], start: suffix });
  }
  close(0);
  found.sort((a, b) => b.count * b.length - a.count * a.length || a.start - b.start || a.length - b.length);
  const kept = found.slice(0, limit);
  return {
    starts: Int32Array.from(kept, ({ start }) => start), lengths: Int32Array.from(kept, ({ length }) => length), counts: Float64Array.from(kept, ({ count }) => count),
  };
}

function sharedLength(symbols: Int32Array, a: number, reachA: number, b: number, reachB: number): number {
  const limit = Math.min(reachA, reachB);
  let length = 0;
  while (length < limit && symbols[a + length] === symbols[b + length]) length++;
  return length;
}
