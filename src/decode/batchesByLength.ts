/** How much goes into one batch. */
export interface BatchLimits {
  /** Upper bound on sentences x longest sentence of a batch, in tokens, eosId included. */
  readonly maxTokens: number;
  /** Upper bound on sentences per batch. */
  readonly maxSentences: number;
}

/**
 * Batches of sentences of similar length, from long to short: a batch that does not fit in memory comes first.
 * A sentence longer than maxTokens gets its own batch.
 *
 * @param sentences their numbers, in any order
 * @param lengthOf tokens of the sentence with that number
 */
export function* batchesByLength(
  sentences: readonly number[],
  lengthOf: (sentence: number) => number,
  { maxTokens, maxSentences }: BatchLimits,
): Generator<number[]> {
  const order = sentences.toSorted((a, b) => lengthOf(b) - lengthOf(a) || a - b);
  for (let start = 0; start < order.length;) {
    const count = Math.max(1, Math.min(maxSentences, Math.floor(maxTokens / lengthOf(order[start]))));
    yield order.slice(start, start + count);
    start += count;
  }
}
