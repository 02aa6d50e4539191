import { UsageError } from '../errors.js';
import { completed, flag, integer, type Section } from '../field.js';
import { corpusScore, sentenceScore, type Metric, type References, type Score } from './metric.js';
import { NgramTrie } from './ngramTrie.js';
import { splitWords } from './whiteSpace.js';

/** The fields of chrF's options; defaults are sacreBLEU's. */
export const chrfFields = {
  charOrder: integer(6, 'Longest character n-grams.', { min: 0, max: 100 }),
  wordOrder: integer(0, 'Longest word n-grams; 2 is chrF++.', { min: 0, max: 100 }),
  beta: integer(2, 'Recall counts so many times as much as precision.', { min: 0 }),
  lowercase: flag(false, 'Ignore case.'),
  whitespace: flag(false, 'Keep white space in character n-grams.'),
  epsSmoothing: flag(false, 'Average F scores over all orders, as chrF++.py.'),
} as const satisfies Section;

/** Options of `chrf`, named after sacreBLEU's. */
export interface ChrfOptions {
  /** Longest character n-grams. Default 6. */
  readonly charOrder?: number;
  /** Longest word n-grams: 0 chrF, 1 chrF+, 2 chrF++. Default 0. */
  readonly wordOrder?: number;
  /** Recall counts beta times as much as precision. Default 2. */
  readonly beta?: number;
  readonly lowercase?: boolean;
  /** Keep white space in character n-grams. Default false. */
  readonly whitespace?: boolean;
  /**
   * Average F scores over all orders, as chrF++.py does, rather than precision and recall over the orders that both
   * sides have.
   */
  readonly epsSmoothing?: boolean;
}

/** Corpus chrF (Popović 2015), as sacreBLEU computes it. */
export function corpusChrf(hyps: readonly string[], refs: References, options: ChrfOptions = {}): Score {
  return corpusScore(chrf(options), hyps, refs);
}

/** chrF of one sentence against its references, 0 to 100. */
export function sentenceChrf(hyp: string, refs: readonly string[], options: ChrfOptions = {}): Score {
  return sentenceScore(chrf(options), hyp, refs);
}

/**
 * The metric. A line's statistics are, for each order, n-grams of the hypothesis, n-grams of the reference, and
 * matches; those of the reference with the best F score, the first of equals.
 */
export function chrf(options: ChrfOptions = {}): Metric {
  const { charOrder, wordOrder, beta, lowercase, whitespace, epsSmoothing } = completed(options, chrfFields, 'chrF: ');
  const numOrders = charOrder + wordOrder;
  if (numOrders === 0)
    throw new UsageError('chrF needs character or word n-grams: charOrder and wordOrder are both 0.');
  const width = 3 * numOrders;
  const words = new Map<string, number>();
  const characterGrams = new NgramTrie();
  const wordGrams = new NgramTrie();
  const candidate = new Float64Array(width);

  const symbolsOf = (line: string): { characters: number[]; words: number[] } => ({
    characters: Array.from(whitespace ? line : splitWords(line).join(''), (character) => character.codePointAt(0)!),
    words:
      wordOrder === 0
        ? []
        : separatePunctuation(line).map((word) => {
            const known = words.get(word);
            if (known !== undefined) return known;
            words.set(word, words.size);
            return words.size - 1;
          }),
  });
  const countOrders = (
    trie: NgramTrie,
    hyp: readonly number[],
    ref: readonly number[],
    maxOrder: number,
    at: number,
  ): void => {
    trie.clear();
    trie.add(ref, ref.length, maxOrder);
    trie.match(hyp, hyp.length, maxOrder, candidate, at + 2, 3);
    for (let n = 0; n < maxOrder; n++) {
      const numRef = Math.max(0, ref.length - n);
      candidate[at + 3 * n] = numRef > 0 ? Math.max(0, hyp.length - n) : 0; // n-grams that no reference has do not count
      candidate[at + 3 * n + 1] = numRef;
    }
  };
  const fScore = (statistics: ArrayLike<number>): number => {
    const factor = beta ** 2;
    let sumOfF = 0;
    let precision = 0;
    let recall = 0;
    let orders = 0;
    for (let n = 0; n < numOrders; n++) {
      const numHyp = statistics[3 * n];
      const numRef = statistics[3 * n + 1];
      const matches = statistics[3 * n + 2];
      const p = numHyp > 0 ? matches / numHyp : epsilon;
      const r = numRef > 0 ? matches / numRef : epsilon;
      const denominator = factor * p + r;
      sumOfF += denominator > 0 ? ((1 + factor) * p * r) / denominator : epsilon;
      if (numHyp > 0 && numRef > 0) {
        precision += p;
        recall += r;
        orders++;
      }
    }
    if (epsSmoothing) return (100 * sumOfF) / numOrders;
    if (orders === 0 || precision + recall === 0) return 0;
    precision /= orders;
    recall /= orders;
    return 100 * (((1 + factor) * precision * recall) / (factor * precision + recall));
  };

  return {
    name: `chrF${beta}${'+'.repeat(wordOrder)}`,
    higherIsBetter: true,
    width,
    preprocess: (line) => (lowercase ? line.toLowerCase() : line),
    lineStatistics(hyp, refs, out, at) {
      const hypSymbols = symbolsOf(hyp);
      let best = -1;
      for (const ref of refs) {
        const refSymbols = symbolsOf(ref);
        countOrders(characterGrams, hypSymbols.characters, refSymbols.characters, charOrder, 0);
        countOrders(wordGrams, hypSymbols.words, refSymbols.words, wordOrder, 3 * charOrder);
        const score = fScore(candidate);
        if (score > best) {
          best = score;
          out.set(candidate, at);
        }
      }
    },
    scoreOf: (sums) => ({ score: fScore(sums) }),
    details: () => '',
    signatureFields: [
      { name: 'case', short: 'c', value: lowercase ? 'lc' : 'mixed' },
      { name: 'eff', short: 'e', value: epsSmoothing ? 'no' : 'yes' },
      { name: 'nc', short: 'nc', value: charOrder },
      { name: 'nw', short: 'nw', value: wordOrder },
      { name: 'space', short: 's', value: whitespace ? 'yes' : 'no' },
    ],
  };
}

/** chrF++.py's value for precisions and scores of orders without n-grams. */
const epsilon = 1e-16;

const punctuation = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~');

/** Words of chrF++: one ASCII punctuation mark is separated from a word, at its end or else at its start. */
export function separatePunctuation(line: string): string[] {
  const separated: string[] = [];
  for (const word of splitWords(line)) {
    const single = word.length === 1 || (word.length === 2 && word.codePointAt(0)! > 0xffff);
    if (single) separated.push(word);
    else if (punctuation.has(word.at(-1)!)) separated.push(word.slice(0, -1), word.at(-1)!);
    else if (punctuation.has(word[0])) separated.push(word[0], word.slice(1));
    else separated.push(word);
  }
  return separated;
}
