import { ownText } from '../ownText.js';

/** The languages of a corpus are learnt from this many pairs, from its beginning on. */
const pairsToLearnFrom = 200_000;

/** Trigrams fall into this many counters per side. */
const numCounters = 2 ** 18;
/** Shorter texts are not conclusive. */
const minTrigrams = 24;
/** The least advantage of the other language per trigram, in nats on average. */
const margin = 0.5;
/** Words remembered with their scores; at this number the memory is cleared. */
const maxRemembered = 2 ** 18;

/**
 * How much likelier a word is as a word of the target side than of the source side, in nats, and of how many trigrams.
 */
interface WordScore {
  readonly nats: number;
  readonly trigrams: number;
}

/**
 * Distinguishes the two languages of a corpus by the letter trigrams of the corpus itself: no lists, any two languages.
 * Finds sentences that were left untranslated or are on the wrong side, as long as most of the corpus is right.
 */
export class SideLanguages {
  /** @param words how often each is on either side, as learnt by another object of this class */
  constructor(readonly words = { src: new Map<string, number>(), trg: new Map<string, number>() }) {}

  /**
   * By trigram: how much likelier it is on the target side. Computed for the first line that is checked; learning has
   * ended then.
   */
  private evidence?: Float32Array;
  private scores = new Map<string, WordScore>();

  /** Learns from the beginning of a corpus, given as neighbouring lines of both sides. */
  static async learn(
    corpus: AsyncIterable<{ readonly src: readonly (string | null)[]; readonly trg: readonly (string | null)[] }>,
  ): Promise<SideLanguages> {
    const languages = new SideLanguages();
    let pairs = 0;
    for await (const { src, trg } of corpus) {
      for (let i = 0; i < src.length && pairs < pairsToLearnFrom; i++, pairs++)
        languages.add(src[i] ?? '', trg[i] ?? '');
      if (pairs >= pairsToLearnFrom) break;
    }
    return languages;
  }

  /** Learns from a pair. */
  add(src: string, trg: string): void {
    for (const [counts, line] of [
      [this.words.src, src],
      [this.words.trg, trg],
    ] as const) {
      for (const word of wordsOf(line)) {
        const count = counts.get(word);
        counts.set(count === undefined ? ownText(word) : word, (count ?? 0) + 1);
      }
    }
  }

  /** Whether a line is far likelier in the other side's language than in its own. */
  isForeign(line: string, side: 'src' | 'trg'): boolean {
    let [nats, trigrams] = [0, 0];
    for (const word of wordsOf(line)) {
      const score = this.score(word);
      nats += score.nats;
      trigrams += score.trigrams;
    }
    return trigrams >= minTrigrams && (side === 'src' ? nats : -nats) > margin * trigrams;
  }

  private score(word: string): WordScore {
    let score = this.scores.get(word);
    if (score === undefined) {
      this.evidence ??= this.weigh();
      const numbers = trigramsOf(word);
      score = { nats: numbers.reduce((sum, trigram) => sum + this.evidence![trigram], 0), trigrams: numbers.length };
      if (this.scores.size >= maxRemembered) this.scores = new Map();
      this.scores.set(ownText(word), score);
    }
    return score;
  }

  private weigh(): Float32Array {
    const [src, trg] = [this.words.src, this.words.trg].map((words) => {
      const counts = new Float64Array(numCounters).fill(0.5);
      for (const [word, count] of words) for (const trigram of trigramsOf(word)) counts[trigram] += count;
      const total = counts.reduce((sum, count) => sum + count);
      return counts.map((count) => Math.log(count / total));
    });
    return Float32Array.from(trg, (log, trigram) => log - src[trigram]);
  }
}

function wordsOf(line: string): readonly string[] {
  return line.toLowerCase().match(/\p{L}+/gu) ?? [];
}

/** Numbers of the letter trigrams of a word, with one space around it. */
function trigramsOf(word: string): number[] {
  const numbers: number[] = [];
  const text = ` ${word} `;
  for (let i = 0; i + 2 < text.length; i++) {
    const mixed =
      Math.imul(text.charCodeAt(i), 0x9e3779b1) ^
      Math.imul(text.charCodeAt(i + 1), 0x85ebca77) ^
      Math.imul(text.charCodeAt(i + 2), 0xc2b2ae3d);
    numbers.push((mixed >>> 0) % numCounters);
  }
  return numbers;
}
