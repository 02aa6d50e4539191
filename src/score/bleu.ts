import { checkFields, choice, completed, flag, integer, optionalReal, type Section } from '../field.js';
import { bleuTokenizerNames, bleuTokenizers, type BleuTokenizer, type BleuTokenizerName } from './bleuTokenizers.js';
import { formatFixed } from './formatFixed.js';
import { corpusScore, sentenceScore, type Metric, type References } from './metric.js';
import { NgramTrie } from './ngramTrie.js';
import { splitWords, stripRight } from './whiteSpace.js';

const smoothMethods = ['exp', 'floor', 'add-k', 'none'] as const;
export type SmoothMethod = (typeof smoothMethods)[number];

/** The fields of BLEU's options; defaults are sacreBLEU's. */
export const bleuFields = {
  tokenize: choice(bleuTokenizerNames, '13a', 'Tokeniser; none for text that is tokenised already.'),
  lowercase: flag(false, 'Ignore case.'),
  smoothMethod: choice(smoothMethods, 'exp', 'What to do with an order without matches.'),
  smoothValue: optionalReal('Default: 0.1 for floor, 1 for add-k.', { min: 0 }),
  effectiveOrder: flag(false, 'Stop at the highest order that the hypothesis has n-grams for.'),
  maxNgramOrder: integer(4, 'Longest n-grams.', { min: 1, max: 100 }),
} as const satisfies Section;

/** Options of `bleu`, named after sacreBLEU's. */
export interface BleuOptions {
  /** `13a` for plain text, `none` for text that is tokenised already, or a tokeniser. Default 13a. */
  readonly tokenize?: BleuTokenizerName | BleuTokenizer;
  readonly lowercase?: boolean;
  /**
   * The treatment of an order without matches (Chen and Cherry 2014): `exp` halves its precision again and again,
   * `floor` counts `smoothValue` matches, `add-k` adds `smoothValue` to matches and n-grams of orders above 1, `none`
   * gives a score of 0. Default exp.
   */
  readonly smoothMethod?: SmoothMethod;
  /** Default 0.1 for `floor`, 1 for `add-k`. */
  readonly smoothValue?: number;
  /** Stop at the highest order the hypothesis has n-grams for; meant for single sentences. Default false. */
  readonly effectiveOrder?: boolean;
  /** Default 4. */
  readonly maxNgramOrder?: number;
}

/** A BLEU score with its precisions, brevity penalty and lengths. */
export interface BleuScore {
  /** 0 to 100. */
  readonly score: number;
  /** Percent, by order. */
  readonly precisions: readonly number[];
  /** Brevity penalty. */
  readonly bp: number;
  /** sysLen / refLen; 0 for empty references. */
  readonly ratio: number;
  readonly sysLen: number;
  readonly refLen: number;
  /** Matching and all n-grams of the hypotheses by order. */
  readonly counts: readonly number[];
  readonly totals: readonly number[];
}

/**
 * Corpus BLEU (Papineni et al. 2002), as sacreBLEU computes it.
 *
 * @param hyps one line per sentence
 * @param refs refs[k][i]: reference k of line i; null where a line has no such reference
 * @throws DataError if the numbers of lines differ, there are none, or a line has no reference
 */
export function corpusBleu(hyps: readonly string[], refs: References, options: BleuOptions = {}): BleuScore {
  return corpusScore(bleu(options), hyps, refs);
}

/** BLEU of one sentence; with effective order unless `effectiveOrder` is false. */
export function sentenceBleu(hyp: string, refs: readonly string[], options: BleuOptions = {}): BleuScore {
  return sentenceScore(bleu({ effectiveOrder: true, ...options }), hyp, refs);
}

/** `floor` and `add-k` need a number. */
const defaultSmoothValue: Readonly<Record<SmoothMethod, number | undefined>> = {
  exp: undefined,
  floor: 0.1,
  'add-k': 1,
  none: undefined,
};

function namedTokenizer(name = bleuFields.tokenize.default): BleuTokenizer {
  checkFields({ tokenize: name }, { tokenize: bleuFields.tokenize }, 'BLEU: ');
  return bleuTokenizers[name];
}

/**
 * The metric. A line's statistics are its length, the length of its closest reference (the shorter of two equally
 * close), matches by order and n-grams by order.
 */
export function bleu(options: BleuOptions = {}): Metric<BleuScore> {
  const { tokenize: nameOrTokenizer, ...others } = options;
  const { tokenize: _, ...fields } = bleuFields;
  const {
    lowercase,
    smoothMethod,
    effectiveOrder,
    maxNgramOrder: maxOrder,
    ...given
  } = completed(others, fields, 'BLEU: ');
  const smoothValue = given.smoothValue ?? defaultSmoothValue[smoothMethod];
  const tokenizer =
    typeof nameOrTokenizer === 'object' && 'tokenize' in nameOrTokenizer
      ? nameOrTokenizer
      : namedTokenizer(nameOrTokenizer);

  const words = new Map<string, number>();
  const numbersOf = (line: string): number[] =>
    splitWords(line).map((word) => {
      const known = words.get(word);
      if (known !== undefined) return known;
      words.set(word, words.size);
      return words.size - 1;
    });
  const references = new NgramTrie();

  return {
    name: 'BLEU',
    higherIsBetter: true,
    width: 2 + 2 * maxOrder,
    preprocess: (line) => tokenizer.tokenize(stripRight(lowercase ? line.toLowerCase() : line)),
    lineStatistics(hyp, refs, out, at) {
      const hypWords = numbersOf(hyp);
      references.clear();
      let refLen = 0;
      let closest = Infinity;
      for (const ref of refs) {
        const refWords = numbersOf(ref);
        const distance = Math.abs(refWords.length - hypWords.length);
        if (distance < closest || (distance === closest && refWords.length < refLen)) {
          closest = distance;
          refLen = refWords.length;
        }
        references.add(refWords, refWords.length, maxOrder);
      }
      out[at] = hypWords.length;
      out[at + 1] = refLen;
      references.match(hypWords, hypWords.length, maxOrder, out, at + 2, 1);
      for (let n = 0; n < maxOrder; n++) out[at + 2 + maxOrder + n] = Math.max(0, hypWords.length - n);
    },
    scoreOf: (sums) => scoreOf(sums, { maxOrder, smoothMethod, smoothValue: smoothValue ?? 0, effectiveOrder }),
    details: ({ precisions, bp, ratio, sysLen, refLen }) =>
      `${precisions.map((p) => formatFixed(p, 1)).join('/')} (BP = ${formatFixed(bp, 3)} ratio = ${formatFixed(ratio, 3)} hyp_len = ${sysLen} ref_len = ${refLen})`,
    signatureFields: [
      { name: 'case', short: 'c', value: lowercase ? 'lc' : 'mixed' },
      { name: 'eff', short: 'e', value: effectiveOrder ? 'yes' : 'no' },
      { name: 'tok', short: 'tok', value: tokenizer.name },
      {
        name: 'smooth',
        short: 's',
        value:
          defaultSmoothValue[smoothMethod] === undefined
            ? smoothMethod
            : `${smoothMethod}[${formatFixed(smoothValue!, 2)}]`,
      },
    ],
  };
}

interface Scoring {
  readonly maxOrder: number;
  readonly smoothMethod: SmoothMethod;
  readonly smoothValue: number;
  readonly effectiveOrder: boolean;
}

function scoreOf(sums: ArrayLike<number>, { maxOrder, smoothMethod, smoothValue, effectiveOrder }: Scoring): BleuScore {
  const sysLen = sums[0];
  const refLen = sums[1];
  const counts: number[] = [];
  const totals: number[] = [];
  const precisions: number[] = [];
  let matches = 0;
  for (let n = 0; n < maxOrder; n++) {
    counts.push(sums[2 + n]);
    totals.push(sums[2 + maxOrder + n]);
    precisions.push(0);
    matches += counts[n];
  }
  const bp = sysLen >= refLen ? 1 : sysLen > 0 ? Math.exp(1 - refLen / sysLen) : 0;
  const ratio = refLen > 0 ? sysLen / refLen : 0;
  if (matches === 0) return { score: 0, precisions, bp, ratio, sysLen, refLen, counts, totals };

  let halving = 1;
  let orders = maxOrder;
  for (let n = 0; n < maxOrder; n++) {
    if (smoothMethod === 'add-k' && n > 0) {
      counts[n] += smoothValue;
      totals[n] += smoothValue;
    }
    if (totals[n] === 0) break;
    if (effectiveOrder) orders = n + 1;
    if (counts[n] > 0) precisions[n] = (100 * counts[n]) / totals[n];
    else if (smoothMethod === 'exp') precisions[n] = 100 / ((halving *= 2) * totals[n]);
    else if (smoothMethod === 'floor') precisions[n] = (100 * smoothValue) / totals[n];
  }
  let logSum = 0;
  for (let n = 0; n < orders; n++) logSum += precisions[n] > 0 ? Math.log(precisions[n]) : -9999999999; // sacreBLEU's log of 0
  return { score: bp * Math.exp(logSum / orders), precisions, bp, ratio, sysLen, refLen, counts, totals };
}
