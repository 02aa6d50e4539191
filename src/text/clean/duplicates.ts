import { HashSet } from './hashSet.js';
import type { Fault } from './fault.js';
import { textHash } from './textHash.js';

export const duplicateKinds = ['pair', 'source', 'target'] as const;
export type DuplicateKind = (typeof duplicateKinds)[number];

const ruleOf = { pair: 'duplicatePair', source: 'duplicateSource', target: 'duplicateTarget' } as const;

/**
 * A function that finds pairs whose pair, source or target occurred before, and remembers new ones. 16 to 32 bytes per
 * pair and kind.
 */
export function duplicateFault(kinds: readonly DuplicateKind[]): (src: string, trg: string) => Fault | null {
  const faultOf = repeatedHashes(kinds);
  return (src, trg) => faultOf(pairHashes(kinds, src, trg));
}

/** The common part of duplicates of each kind. */
export function pairHashes(kinds: readonly DuplicateKind[], srcLine: string, trgLine: string): number[] {
  const [src, trg] = [srcLine.trim(), trgLine.trim()];
  return kinds.map((kind) => textHash(kind === 'pair' ? `${src}\n${trg}` : kind === 'source' ? src : trg));
}

/** Like `duplicateFault`, from a pair's hashes. */
export function repeatedHashes(kinds: readonly DuplicateKind[]): (hashes: ArrayLike<number>) => Fault | null {
  const seen = kinds.map(() => new HashSet());
  return (hashes) => {
    const repeated = kinds.find((_, k) => seen[k].has(hashes[k]));
    if (repeated !== undefined) return { rule: ruleOf[repeated], found: `the ${repeated} was there before` };
    // only now: a pair that one kind removes must not make later pairs duplicates of the other kinds
    seen.forEach((set, k) => set.add(hashes[k]));
    return null;
  };
}
