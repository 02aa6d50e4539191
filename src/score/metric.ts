import { counted } from '../counted.js';
import { DataError, UsageError } from '../errors.js';
import type { SignatureField } from './signature.js';

export interface Score {
  /** As sacreBLEU prints it; 0 to 100 except TER, which has no upper bound. */
  readonly score: number;
}

/** References by number, then line: refs[k][i] is reference k of line i; null where a line has no such reference. */
export type References = readonly (readonly (string | null)[])[];

/**
 * A corpus metric. Every line gives a few numbers; these are summed over a corpus, or over a resample of it, and the
 * sums are scored.
 */
export interface Metric<S extends Score = Score> {
  /** E.g. `BLEU`, `chrF2++`, `TER`. */
  readonly name: string;
  readonly higherIsBetter: boolean;
  /** How many numbers a line gives. */
  readonly width: number;
  /** Text before the comparison: stripped, cased and tokenised by the metric's rules. */
  preprocess(line: string): string;
  /** The same for a reference, if the metric treats it differently; default: `preprocess`. */
  preprocessRef?(line: string): string;
  /**
   * Numbers of one line, written to `out` from `at`.
   *
   * @param hyp preprocessed
   * @param refs preprocessed, at least one
   */
  lineStatistics(hyp: string, refs: readonly string[], out: Float64Array, at: number): void;
  /** The score of summed statistics. */
  scoreOf(sums: ArrayLike<number>): S;
  /** The text after the name and the signature in a score line: `67.0 90.0/74.5/...`; without the score itself. */
  details(score: S): string;
  readonly signatureFields: readonly SignatureField[];
}

/** The numbers of every line of a corpus, row by row. */
export interface CorpusStatistics {
  readonly numLines: number;
  readonly width: number;
  readonly values: Float64Array;
  /** References of each line, or `var` if not all lines have equally many. */
  readonly numRefs: number | 'var';
}

/**
 * Statistics of every line.
 *
 * @throws DataError if the numbers of lines differ, there are none, or a line has no reference
 */
export function corpusStatistics(metric: Metric, hyps: readonly string[], refs: References): CorpusStatistics {
  checkLengths(hyps, refs);
  const values = new Float64Array(hyps.length * metric.width);
  let numRefs: number | 'var' | undefined;
  for (let i = 0; i < hyps.length; i++) {
    const lineRefs: string[] = [];
    for (const ref of refs)
      if (ref[i] !== null)
        lineRefs.push(metric.preprocessRef ? metric.preprocessRef(ref[i]!) : metric.preprocess(ref[i]!));
    if (lineRefs.length === 0) throw new DataError(`line ${i + 1} has no reference. Every line needs at least one.`);
    numRefs = numRefs === undefined || numRefs === lineRefs.length ? lineRefs.length : 'var';
    metric.lineStatistics(metric.preprocess(hyps[i]), lineRefs, values, i * metric.width);
  }
  return { numLines: hyps.length, width: metric.width, values, numRefs: numRefs! };
}

function checkLengths(hyps: readonly string[], refs: References): void {
  if (refs.length === 0) throw new UsageError('scoring needs at least one reference.');
  refs.forEach((ref, k) => {
    if (ref.length !== hyps.length)
      throw new DataError(
        `the hypothesis has ${counted(hyps.length, 'line')}, reference ${k + 1} has ${ref.length}. Both must be translations of the same lines.`,
      );
  });
  if (hyps.length === 0) throw new DataError('there are no lines to score.');
}

/** Sums over all lines, in their order. */
export function sumLines({ numLines, width, values }: CorpusStatistics): Float64Array {
  const sums = new Float64Array(width);
  for (let i = 0; i < numLines; i++) for (let k = 0; k < width; k++) sums[k] += values[i * width + k];
  return sums;
}

/** The score of a corpus. */
export function corpusScore<S extends Score>(metric: Metric<S>, hyps: readonly string[], refs: References): S {
  return metric.scoreOf(sumLines(corpusStatistics(metric, hyps, refs)));
}

/** The score of each line by itself. */
export function lineScores<S extends Score>(metric: Metric<S>, { numLines, width, values }: CorpusStatistics): S[] {
  return Array.from({ length: numLines }, (_, i) => metric.scoreOf(values.subarray(i * width, (i + 1) * width)));
}

/** The score of one sentence against its references. */
export function sentenceScore<S extends Score>(metric: Metric<S>, hyp: string, refs: readonly string[]): S {
  return corpusScore(
    metric,
    [hyp],
    refs.map((ref) => [ref]),
  );
}
