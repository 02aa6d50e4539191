import type { PairSource } from '../data/pairSource.js';

/**
 * Entropy of a data set's target tokens by their own frequencies, in nats per token, end marks included: no model that
 * ignores context has a lower negative log-likelihood on it.
 */
export function unigramNll(pairs: PairSource): number {
  const counts = new Map<number, number>();
  for (const { trg } of pairs.pairs(Array.from({ length: pairs.length }, (_, row) => row))) {
    for (let t = 0; t < trg.length; t++) counts.set(trg[t], (counts.get(trg[t]) ?? 0) + 1);
  }
  const total = [...counts.values()].reduce((a, b) => a + b, 0);
  return [...counts.values()].reduce((entropy, count) => entropy - (count / total) * Math.log(count / total), 0);
}
