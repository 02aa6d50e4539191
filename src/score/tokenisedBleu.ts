import { defaultJoiner } from '../text/subwords/joiner.js';
import { removeJoiner } from '../text/subwords/bpe.js';
import { bleu, type BleuOptions, type BleuScore } from './bleu.js';
import { formatFixed } from './formatFixed.js';
import { corpusScore, type Metric, type References } from './metric.js';

/** Options of `tokenisedBleu`. */
export interface TokenisedBleuOptions {
  readonly lowercase?: boolean;
  /** For single sentences: BLEU stops at the highest order that the sentence has n-grams for. */
  readonly effectiveOrder?: boolean;
  /** Mark of subword units in the hypothesis, removed before scoring. Default `@@`; empty for none. */
  readonly joiner?: string;
}

/** The options of BLEU for tokenised text. */
export const tokenisedBleuVariant = { tokenize: 'none', smoothMethod: 'none' } as const satisfies BleuOptions;

/** The warning to readers of the score. */
export const tokenisedBleuWarning =
  'tokenised BLEU counts the tokens of the files, like multi-bleu.perl and fairseq. It cannot be compared with BLEU of detokenised text or of other tokenisations.';

/**
 * BLEU of text that is tokenised already, as multi-bleu.perl and fairseq compute it: subword units joined, then no
 * tokenisation and no smoothing. The published IWSLT 2014 and Multi30k numbers are of this kind.
 */
export function corpusTokenisedBleu(
  hyps: readonly string[],
  refs: References,
  options: TokenisedBleuOptions = {},
): BleuScore {
  const joined = hyps.map((hyp) => joinUnits(hyp, options.joiner));
  return corpusScore(tokenisedBleu(options), joined, refs);
}

/** The metric; join hypotheses with `joinUnits` before. */
export function tokenisedBleu({
  lowercase = false,
  effectiveOrder = false,
}: Omit<TokenisedBleuOptions, 'joiner'> = {}): Metric<BleuScore> {
  return { ...bleu({ ...tokenisedBleuVariant, lowercase, effectiveOrder }), name: 'tokenised BLEU' };
}

/** A line of subword units as words. */
export function joinUnits(line: string, joiner = defaultJoiner): string {
  return joiner === '' ? line : removeJoiner(line, joiner);
}

/** The score as multi-bleu.perl prints it. */
export function formatMultiBleu({ score, precisions, bp, ratio, sysLen, refLen }: BleuScore): string {
  return `BLEU = ${formatFixed(score, 2)}, ${precisions.map((p) => formatFixed(p, 1)).join('/')} (BP=${formatFixed(bp, 3)}, ratio=${formatFixed(ratio, 3)}, hyp_len=${sysLen}, ref_len=${refLen})`;
}
