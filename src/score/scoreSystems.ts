import type { MetricResult } from './formatScore.js';
import { corpusStatistics, sumLines, type Metric, type References } from './metric.js';
import { signatureFields } from './signature.js';
import { bootstrap, defaultSeed, significanceFields, pairedTest } from './significance.js';

export interface System {
  readonly name: string;
  readonly lines: readonly string[];
}

/** The test of significance for the scores. */
export type Significance =
  | { readonly test: 'none' }
  /** Bootstrap confidence of each system separately. */
  | { readonly test: 'confidence'; readonly numSamples?: number; readonly seed?: number }
  /** Paired bootstrap against the first system. */
  | { readonly test: 'bs'; readonly numSamples?: number; readonly seed?: number }
  /** Paired approximate randomisation against the first system. */
  | {
      readonly test: 'ar';
      readonly numSamples?: number;
      readonly numConfidenceSamples?: number;
      readonly seed?: number;
    };

export interface ComparedResult extends MetricResult {
  /** Against the first system. */
  readonly pValue?: number;
}

export interface SystemScores {
  readonly name: string;
  /** In the order of the metrics. */
  readonly results: readonly ComparedResult[];
}

/**
 * Scores systems by several metrics, with signatures.
 *
 * @throws DataError as `corpusStatistics`
 */
export function scoreSystems(
  systems: readonly System[],
  refs: References,
  metrics: readonly Metric[],
  significance: Significance = { test: 'none' },
): SystemScores[] {
  const measured = metrics.map((metric) => ({
    metric,
    systems: systems.map(({ lines }) => corpusStatistics(metric, lines, refs)),
  }));
  const seed = significance.test === 'none' ? undefined : (significance.seed ?? defaultSeed);
  const paired =
    significance.test === 'bs' || significance.test === 'ar' ? pairedTest(measured, significance) : undefined;
  return systems.map(({ name }, s) => ({
    name,
    results: measured.map(({ metric, systems: statistics }, m) => {
      const confidence =
        significance.test === 'confidence' ? bootstrap(metric, statistics[s], significance) : paired?.[m][s].confidence;
      return {
        metric,
        score: metric.scoreOf(sumLines(statistics[s])),
        fields: signatureFields(metric.signatureFields, {
          numRefs: statistics[s].numRefs,
          ...sampleCounts(significance),
          seed,
        }),
        confidence,
        pValue: paired?.[m][s].pValue,
      };
    }),
  }));
}

function sampleCounts(significance: Significance): { numResamples?: number; numShuffles?: number } {
  switch (significance.test) {
    case 'none':
      return {};
    case 'confidence':
    case 'bs':
      return { numResamples: significance.numSamples ?? significanceFields.bs.numSamples.default };
    case 'ar':
      return {
        numResamples: significance.numConfidenceSamples || undefined,
        numShuffles: significance.numSamples ?? significanceFields.ar.numSamples.default,
      };
  }
}
