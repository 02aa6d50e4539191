import { corpusScore, sentenceScore, type Metric, type References } from '../metric.js';
import { completed } from '../../field.js';
import { terFields, tokenizeTer, type TerTokenizerOptions } from './terTokenizer.js';
import { translationEdits } from './translationEdits.js';
import { stripRight } from '../whiteSpace.js';

/** Options of `ter`, named after sacreBLEU's. */
export type TerOptions = TerTokenizerOptions;

/** A TER score with its edits and reference length. */
export interface TerScore {
  /** Percent; more than 100 if more words are edited than the reference has. */
  readonly score: number;
  readonly numEdits: number;
  /** Mean length of the references, summed over lines. */
  readonly refLength: number;
}

/** Corpus TER (Snover et al. 2006), as sacreBLEU computes it after tercom. Lower is better. */
export function corpusTer(hyps: readonly string[], refs: References, options: TerOptions = {}): TerScore {
  return corpusScore(ter(options), hyps, refs);
}

/** TER of one sentence against its references, in percent. */
export function sentenceTer(hyp: string, refs: readonly string[], options: TerOptions = {}): TerScore {
  return sentenceScore(ter(options), hyp, refs);
}

/** The metric. A line's statistics are the fewest edits over its references and the mean length of these. */
export function ter(options: TerOptions = {}): Metric<TerScore> {
  const { normalized, noPunct, asianSupport, caseSensitive } = completed(options, terFields, 'TER: ');
  const preprocess = (line: string): string => tokenizeTer(stripRight(line), options);
  const yesNo = (value: boolean): string => (value ? 'yes' : 'no');
  return {
    name: 'TER',
    higherIsBetter: false,
    width: 2,
    preprocess,
    // sacreBLEU tokenises references twice: when it caches them, and again when it takes their words. Normalisation
    // of a normalised line can part more ("neighbour's." becomes "neighbour 's ." only the second time).
    preprocessRef: (line) => preprocess(preprocess(line)),
    lineStatistics(hyp, refs, out, at) {
      const numbers = new Map<string, number>();
      const hypWords = wordsOf(hyp).map((word) => {
        const known = numbers.get(word);
        if (known !== undefined) return known;
        numbers.set(word, numbers.size);
        return numbers.size - 1;
      });
      let fewest = Infinity;
      let lengths = 0;
      for (const ref of refs) {
        const refWords = wordsOf(ref).map((word) => numbers.get(word) ?? -1);
        fewest = Math.min(fewest, translationEdits(hypWords, refWords, numbers.size));
        lengths += refWords.length;
      }
      out[at] = fewest;
      out[at + 1] = lengths / refs.length;
    },
    scoreOf: (sums) => {
      const rate = sums[1] > 0 ? sums[0] / sums[1] : sums[0] > 0 ? 1 : 0;
      return { score: 100 * rate, numEdits: sums[0], refLength: sums[1] };
    },
    details: () => '',
    signatureFields: [
      { name: 'case', short: 'c', value: caseSensitive ? 'mixed' : 'lc' },
      { name: 'tok', short: 't', value: 'tercom' },
      { name: 'norm', short: 'nr', value: yesNo(normalized) },
      { name: 'punct', short: 'pn', value: yesNo(!noPunct) },
      { name: 'asian', short: 'as', value: yesNo(asianSupport) },
    ],
  };
}

/** Words of a preprocessed line, which has single spaces between them. */
function wordsOf(line: string): string[] {
  return line === '' ? [] : line.split(' ');
}
