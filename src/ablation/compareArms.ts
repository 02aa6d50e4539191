import { bleu, type BleuOptions } from '../score/bleu.js';
import { corpusStatistics, type CorpusStatistics } from '../score/metric.js';
import { defaultSeed, significanceFields, pairedTest } from '../score/significance.js';

/**
 * Paired bootstrap resampling of an arm's test translations against the baseline's (Koehn 2004, as sacreBLEU tests).
 */
export interface ArmComparison {
  readonly numSamples: number;
  readonly seed: number;
  /** Each seed's translations against those of the baseline with the same seed. */
  readonly perSeed: readonly SeedComparison[];
  /**
   * All seeds together: one BLEU over the translations of all seeds. A resample draws sentences, and with a sentence
   * its translations of every seed, since these are not independent.
   */
  readonly pooled?: Comparison;
}

export interface Comparison {
  readonly bleu: number;
  readonly baselineBleu: number;
  /** The probability of a difference at least this large if both are equally good. */
  readonly pValue: number;
}

export interface SeedComparison extends Comparison {
  readonly trainSeed: number;
}

/** Test translations of one run. */
export interface TestTranslations {
  readonly trainSeed: number;
  readonly hyps: readonly string[];
}

/** @param refs of the test set, the same for all runs @throws DataError if the lines do not match */
export function compareArms(
  arm: readonly TestTranslations[],
  baseline: readonly TestTranslations[],
  refs: readonly string[],
  options: BleuOptions,
  numSamples: number = significanceFields.bs.numSamples.default,
): ArmComparison {
  const metric = bleu(options);
  const statistics = ({ hyps }: TestTranslations): CorpusStatistics => corpusStatistics(metric, hyps, [refs]);
  const pairs = arm.flatMap((own) => {
    const other = baseline.find(({ trainSeed }) => trainSeed === own.trainSeed);
    return other ? [{ trainSeed: own.trainSeed, own: statistics(own), other: statistics(other) }] : [];
  });
  const compare = (own: CorpusStatistics, other: CorpusStatistics): Comparison => {
    const [[baselineResult, armResult]] = pairedTest([{ metric, systems: [other, own] }], { test: 'bs', numSamples });
    // with equal scores no resample differs, which sacreBLEU's count of larger differences would report as certainty
    const pValue = armResult.score === baselineResult.score ? 1 : armResult.pValue!;
    return { bleu: armResult.score, baselineBleu: baselineResult.score, pValue };
  };
  return {
    numSamples,
    seed: defaultSeed,
    perSeed: pairs.map(({ trainSeed, own, other }) => ({ trainSeed, ...compare(own, other) })),
    ...(pairs.length > 0 && {
      pooled: compare(summed(pairs.map(({ own }) => own)), summed(pairs.map(({ other }) => other))),
    }),
  };
}

/** Statistics of a corpus in which each line holds its translations by all seeds. */
function summed(all: readonly CorpusStatistics[]): CorpusStatistics {
  const values = new Float64Array(all[0].values.length);
  for (const { values: own } of all)
    own.forEach((value, i) => {
      values[i] += value;
    });
  return { ...all[0], values };
}
