/** The languages of a corpus are learnt from this many pairs, from its beginning on. */
export const pairsToLearnFrom = 200_000;

/** Trigrams fall into this many counters per side. */
const numCounters = 2 ** 18;
/** Shorter texts say too little. */
const minTrigrams = 24;
/** How much likelier each trigram must be in the other language, in nats on average. */
const margin = 0.5;

/**
 * Tells the two languages of a corpus apart, by the letter trigrams of the corpus itself: no lists, any two languages. Finds
 * sentences that were left untranslated or stand on the wrong side, as long as most of the corpus is right.
 */
export class SideLanguages {
  private readonly counts = { src: new Uint32Array(numCounters), trg: new Uint32Array(numCounters) };
  private readonly totals = { src: 0, trg: 0 };

  /** Learns from a pair. */
  add(src: string, trg: string): void {
    for (const [side, line] of [['src', src], ['trg', trg]] as const) {
      for (const trigram of trigrams(line)) {
        this.counts[side][trigram]++;
        this.totals[side]++;
      }
    }
  }

  /** Whether a line is far likelier in the other side's language than in its own. */
  isForeign(line: string, side: 'src' | 'trg'): boolean {
    const other = side === 'src' ? 'trg' : 'src';
    let sum = 0;
    let length = 0;
    for (const trigram of trigrams(line)) {
      sum += this.logProbability(trigram, other) - this.logProbability(trigram, side);
      length++;
    }
    return length >= minTrigrams && sum > margin * length;
  }

  private logProbability(trigram: number, side: 'src' | 'trg'): number {
    return Math.log((this.counts[side][trigram] + 0.5) / (this.totals[side] + 0.5 * numCounters));
  }
}

/** Numbers of the letter trigrams of each word, with one space around it. */
function* trigrams(line: string): Generator<number> {
  let [first, second] = [0, 32];
  for (const unit of `${line.toLowerCase()} `.replace(/\P{L}+/gu, ' ')) {
    const third = unit.codePointAt(0)!;
    if (first !== 0 && second !== 32) yield ((Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca77) ^ Math.imul(third, 0xc2b2ae3d)) >>> 0) % numCounters;
    [first, second] = [second, third];
  }
}
