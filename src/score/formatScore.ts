import { formatFixed } from './formatFixed.js';
import type { Metric, Score } from './metric.js';
import { formatSignature, type SignatureField } from './signature.js';
import type { Confidence } from './significance.js';

/** One system's score by one metric, with signature and confidence. */
export interface MetricResult<S extends Score = Score> {
  readonly metric: Metric<S>;
  readonly score: S;
  readonly fields: readonly SignatureField[];
  readonly confidence?: Confidence;
}

export interface ScoreFormat {
  /** Decimals. Default 2. */
  readonly width?: number;
  readonly signature?: 'long' | 'short';
}

/**
 * A score line as sacreBLEU prints it: `BLEU|nrefs:1|... = 67.05 (μ = 67.03 ± 1.37) 90.0/74.5/62.1/51.5 (BP = ...)`.
 */
export function formatScore<S extends Score>(
  { metric, score, fields, confidence }: MetricResult<S>,
  { width = 2, signature = 'long' }: ScoreFormat = {},
): string {
  const details = metric.details(score);
  return (
    `${metric.name}|${formatSignature(fields, signature)} = ${formatFixed(score.score, width)}` +
    (confidence ? ` (${formatConfidence(confidence, width)})` : '') +
    (details ? ` ${details}` : '')
  );
}

/** `μ = 67.03 ± 1.37` */
export function formatConfidence({ mean, ci }: Confidence, width: number): string {
  return `μ = ${formatFixed(mean, width)} ± ${formatFixed(ci, width)}`;
}
