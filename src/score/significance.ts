import { counted } from '../counted.js';
import { DataError, UsageError } from '../errors.js';
import { checkFields, choice, completed, integer, type Section } from '../field.js';
import { sumLines, type CorpusStatistics, type Metric } from './metric.js';
import { NumpyRandom } from '../random/numpyRandom.js';
import { weightedSums } from './weightedSums.js';

const seed = integer(12345, 'Seeds resamples and shuffles.', { min: 0, max: Number.MAX_SAFE_INTEGER });

/** sacreBLEU's seed. */
export const defaultSeed = seed.default;

/** The fields of the options of `bootstrap` and of `pairedTest` by its test; defaults are sacreBLEU's. */
export const significanceFields = {
  bs: { numSamples: integer(1000, 'Resamples.', { min: 1, max: Number.MAX_SAFE_INTEGER }), seed },
  ar: {
    numSamples: integer(10_000, 'Shuffles.', { min: 1, max: Number.MAX_SAFE_INTEGER }),
    numConfidenceSamples: integer(0, 'Resamples for confidence intervals; 0: none.', { min: 0 }),
    seed,
  },
} as const satisfies Section;

/** Mean and half the width of the 95 % confidence interval. */
export interface Confidence {
  readonly mean: number;
  readonly ci: number;
}

/**
 * Line numbers of bootstrap resamples, sample after sample.
 *
 * @returns numSamples x numLines
 */
export function drawResamples(numLines: number, numSamples: number, random: NumpyRandom): Uint32Array {
  checkFits(numLines, numSamples, 'resamples');
  return random.integers(numLines, numSamples * numLines);
}

/** @throws UsageError if draws of every line would not fit in memory */
function checkFits(numLines: number, numSamples: number, what: 'resamples' | 'shuffles'): void {
  if (numSamples * numLines > 2 ** 30)
    throw new UsageError(
      `${numSamples} ${what} of ${counted(numLines, 'line')} are more than memory holds. Ask for fewer ${what}.`,
    );
}

/** Scores of bootstrap resamples (Koehn 2004). */
export function resampledScores(metric: Metric, statistics: CorpusStatistics, resamples: Uint32Array): Float64Array {
  const { numLines } = statistics;
  const scores = new Float64Array(resamples.length / numLines);
  weightedSums(
    statistics,
    scores.length,
    (sample, weights) => {
      for (let i = sample * numLines; i < (sample + 1) * numLines; i++) weights[resamples[i]]++;
    },
    (sample, sums) => {
      scores[sample] = metric.scoreOf(sums).score;
    },
  );
  return scores;
}

/** Mean and 95 % interval of resampled scores, as sacreBLEU takes them. */
export function confidenceOf(scores: Float64Array): Confidence {
  const sorted = scores.slice().sort();
  const lower = Math.floor(sorted.length / 40);
  return {
    mean: pairwiseSum(sorted, 0, sorted.length) / sorted.length,
    ci: 0.5 * (sorted[sorted.length - 1 - lower] - sorted[lower]),
  };
}

/** Confidence of one system's score by bootstrap resampling. */
export function bootstrap(
  metric: Metric,
  statistics: CorpusStatistics,
  options: { numSamples?: number; seed?: number } = {},
): Confidence {
  const { numSamples, seed } = completed(options, significanceFields.bs, 'bootstrap: ');
  return confidenceOf(
    resampledScores(metric, statistics, drawResamples(statistics.numLines, numSamples, new NumpyRandom(seed))),
  );
}

/** Options of `pairedTest`. */
export interface PairedOptions {
  /**
   * `bs`: paired bootstrap resampling (Koehn 2004). `ar`: paired approximate randomisation (Riezler and Maxwell 2005).
   */
  readonly test: 'bs' | 'ar';
  /** Resamples or shuffles. Default: `significanceFields`. */
  readonly numSamples?: number;
  /** Resamples for confidence intervals in addition to `ar`. Default 0: none. */
  readonly numConfidenceSamples?: number;
  readonly seed?: number;
}

/** A system's score, with its p-value against the baseline and its confidence interval. */
export interface PairedResult {
  readonly score: number;
  /**
   * The probability of a difference at least this large from the baseline if both are equally good. Absent for the
   * baseline.
   */
  readonly pValue?: number;
  readonly confidence?: Confidence;
}

/**
 * Compares systems with the first, the baseline, on the same lines.
 *
 * @param metrics each with the statistics of all systems, in one order
 * @returns results[m][s] of metric m and system s
 * @throws DataError if systems have different numbers of lines
 */
export function pairedTest(
  metrics: readonly { metric: Metric; systems: readonly CorpusStatistics[] }[],
  options: PairedOptions,
): PairedResult[][] {
  const { test } = options;
  checkFields({ test }, { test: choice(['bs', 'ar'], 'bs', 'Which test.') }, 'pairedTest: ');
  const { numSamples, seed } = completed(options, significanceFields[test], 'pairedTest: ');
  const { numConfidenceSamples } = completed(options, significanceFields.ar, 'pairedTest: ');
  const numLines = metrics[0].systems[0].numLines;
  for (const { systems } of metrics) {
    const other = systems.find((system) => system.numLines !== numLines);
    if (other)
      throw new DataError(
        `the baseline has ${counted(numLines, 'line')}, another system ${other.numLines}. All must be translations of the same lines.`,
      );
  }
  const random = new NumpyRandom(seed);
  if (test === 'ar') checkFits(numLines, numSamples, 'shuffles');
  const shuffles = test === 'ar' ? random.booleans(numSamples * numLines) : undefined;
  const numResamples = test === 'bs' ? numSamples : numConfidenceSamples;
  const resamples = numResamples > 0 ? drawResamples(numLines, numResamples, random) : undefined;
  // sacreBLEU seeds again for the baseline's interval, which therefore uses other samples when combined with shuffles
  const baselineResamples =
    shuffles && resamples ? drawResamples(numLines, numResamples, new NumpyRandom(seed)) : resamples;

  return metrics.map(({ metric, systems }) => {
    const scores = systems.map((system) => metric.scoreOf(sumLines(system)).score);
    const baselineScores = baselineResamples && resampledScores(metric, systems[0], baselineResamples);
    return systems.map((system, s) => {
      const resampled = s === 0 ? baselineScores : resamples && resampledScores(metric, system, resamples);
      const confidence = resampled && confidenceOf(resampled);
      if (s === 0) return { score: scores[0], confidence };
      const difference = Math.abs(scores[0] - scores[s]);
      const differences = shuffles
        ? shuffledDifferences(metric, systems[0], system, shuffles, numSamples)
        : centredDifferences(resampled!, baselineScores!);
      return { score: scores[s], pValue: pValue(differences, difference), confidence };
    });
  });
}

/** Per resample the absolute difference of two systems, minus its mean. */
function centredDifferences(system: Float64Array, baseline: Float64Array): Float64Array {
  const differences = system.map((score, i) => Math.abs(score - baseline[i]));
  const mean = pairwiseSum(differences, 0, differences.length) / differences.length;
  return differences.map((difference) => difference - mean);
}

/** Absolute differences of pseudo-systems that exchange lines where the mask's bit is 0. */
function shuffledDifferences(
  metric: Metric,
  baseline: CorpusStatistics,
  system: CorpusStatistics,
  shuffles: Uint32Array,
  numShuffles: number,
): Float64Array {
  const { numLines, width } = baseline;
  const baselineSums = sumLines(baseline);
  const systemSums = sumLines(system);
  // only lines in which the two differ can change a sum
  const lines: number[] = [];
  const gains: number[] = [];
  for (let i = 0; i < numLines; i++) {
    const row = Array.from({ length: width }, (_, k) => baseline.values[i * width + k] - system.values[i * width + k]);
    if (row.every((gain) => gain === 0)) continue;
    lines.push(i);
    for (const gain of row) gains.push(gain);
  }
  const first = new Float64Array(width);
  const second = new Float64Array(width);
  const differences = new Float64Array(numShuffles);
  weightedSums(
    { numLines: lines.length, width, values: Float64Array.from(gains) },
    numShuffles,
    (shuffle, weights) => {
      for (let r = 0; r < lines.length; r++) {
        const bit = shuffle * numLines + lines[r];
        weights[r] = (shuffles[Math.floor(bit / 32)] >>> (bit % 32)) & 1;
      }
    },
    (shuffle, moved) => {
      for (let k = 0; k < width; k++) {
        first[k] = systemSums[k] + moved[k];
        second[k] = baselineSums[k] - moved[k];
      }
      differences[shuffle] = Math.abs(metric.scoreOf(first).score - metric.scoreOf(second).score);
    },
  );
  return differences;
}

/** (samples beyond the real difference + 1) / (samples + 1): never 0. */
function pValue(differences: Float64Array, realDifference: number): number {
  let beyond = 0;
  for (const difference of differences) if (difference > realDifference) beyond++;
  return (beyond + 1) / (differences.length + 1);
}

/** NumPy's order of adding, so that means are equal to the last digit. */
function pairwiseSum(values: Float64Array, start: number, length: number): number {
  if (length < 8) {
    let sum = 0;
    for (let i = 0; i < length; i++) sum += values[start + i];
    return sum;
  }
  if (length <= 128) {
    const part = values.slice(start, start + 8);
    let i = 8;
    for (; i + 8 <= length; i += 8) for (let k = 0; k < 8; k++) part[k] += values[start + i + k];
    let sum = part[0] + part[1] + (part[2] + part[3]) + (part[4] + part[5] + (part[6] + part[7]));
    for (; i < length; i++) sum += values[start + i];
    return sum;
  }
  const half = Math.floor(length / 2);
  const left = half - (half % 8);
  return pairwiseSum(values, start, left) + pairwiseSum(values, start + left, length - left);
}
