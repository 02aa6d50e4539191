import type { IdPair } from './batch.js';

/** Sentence pairs as ids, by row number; batches are cut from it. */
export interface PairSource {
  /** Number of pairs. */
  readonly length: number;
  /** Tokens of each side by row, `eosId` included. */
  readonly srcLengths: Int32Array;
  readonly trgLengths: Int32Array;
  /** The pairs in these rows, in the given order. */
  pairs(rows: ArrayLike<number>): IdPair[];
}

/** Pairs held in memory, e.g. for tests and synthetic data. */
export function pairsInMemory(pairs: readonly IdPair[]): PairSource {
  return {
    length: pairs.length,
    srcLengths: Int32Array.from(pairs, ({ src }) => src.length),
    trgLengths: Int32Array.from(pairs, ({ trg }) => trg.length),
    pairs: (rows) => Array.from(rows, (row) => pairs[row]),
  };
}
