import { eosId, firstOrdinaryId } from './specialIds.js';
import type { Vocabulary } from './vocabulary.js';

/** Counts tokens and numbers them by order of appearance, until their final ids are known. */
export class TokenCounter {
  private readonly provisional = new Map<string, number>();
  private readonly seen: number[] = [];

  /** Counts a sentence; gives its provisional ids (from `firstOrdinaryId`), ending with `eosId`. */
  count(tokens: readonly string[]): Int32Array {
    const ids = new Int32Array(tokens.length + 1);
    for (let i = 0; i < tokens.length; i++) {
      let number = this.provisional.get(tokens[i]);
      if (number === undefined) {
        number = this.seen.length;
        this.provisional.set(tokens[i], number);
        this.seen.push(0);
      }
      this.seen[number]++;
      ids[i] = number + firstOrdinaryId;
    }
    ids[tokens.length] = eosId;
    return ids;
  }

  /** How often each token was seen. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const [token, number] of this.provisional) counts.set(token, this.seen[number]);
    return counts;
  }

  /** Final ids by provisional id less `firstOrdinaryId`. */
  finalIds(vocabulary: Vocabulary): Int32Array {
    return Int32Array.from(this.provisional.keys(), (token) => vocabulary.idOf(token));
  }
}
