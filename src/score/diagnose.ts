import { bleu, type BleuScore } from './bleu.js';
import { corpusStatistics, lineScores, sumLines, type CorpusStatistics, type Metric } from './metric.js';
import type { System } from './scoreSystems.js';
import { formatSignature, signatureFields } from './signature.js';
import { pairedTest } from './significance.js';
import { splitWords } from './whiteSpace.js';

export interface DiagnosisInput {
  /** The baseline and the system compared with it. */
  readonly systems: readonly [System, System];
  /** refs[k][i]: reference k of line i. */
  readonly refs: readonly (readonly string[])[];
  /** BLEU of four orders, plain or tokenised. */
  readonly metric: Metric<BleuScore>;
  readonly sources?: readonly string[];
  /** Text whose words are counted; the sources themselves if absent. */
  readonly trainingSources?: readonly string[];
  /** Of the paired bootstrap; defaults as {@link pairedTest}. */
  readonly numSamples?: number;
  readonly seed?: number;
}

/** A group of lines, and both systems' BLEU on them. */
export interface LineGroup {
  readonly label: string;
  readonly numLines: number;
  readonly bleu: readonly [number, number];
}

export interface NgramChange {
  readonly ngram: string;
  /** Matches with the references, by system. */
  readonly matches: readonly [number, number];
}

export interface LineDifference {
  /** From 1. */
  readonly line: number;
  readonly source?: string;
  readonly references: readonly string[];
  readonly hypotheses: readonly [string, string];
  /** Sentence BLEU, effective order. */
  readonly bleu: readonly [number, number];
}

/** The differences between two systems. */
export interface Diagnosis {
  readonly names: readonly [string, string];
  readonly signature: string;
  readonly overall: readonly [BleuScore, BleuScore];
  /** Of the difference, by paired bootstrap. */
  readonly pValue: number;
  /** Lines on which each system is better by sentence BLEU, and those on which both are equal. */
  readonly better: readonly [number, number];
  readonly equal: number;
  /** By length of the first reference, in tokens. */
  readonly byLength: readonly LineGroup[];
  /**
   * By how often the rarest source word of a line, as 13a separates words, occurs in `countedText`. Present if sources
   * were given.
   */
  readonly byRarestWord?: readonly LineGroup[];
  readonly countedText?: 'training text' | 'source text';
  /** By order from 1: n-grams that the second system matches more, and less, often. */
  readonly ngrams: readonly { readonly gains: readonly NgramChange[]; readonly losses: readonly NgramChange[] }[];
  /** Largest differences of sentence BLEU: better lines of the second system, and worse ones. */
  readonly gains: readonly LineDifference[];
  readonly losses: readonly LineDifference[];
}

const lengthLimits = [10, 20, 30, 40, 50, 60];
const frequencyLimits = [1, 2, 5, 10, 100, 1000];
const maxOrder = 4;
const numNgrams = 10;
const numLinesShown = 20;

/**
 * Compares two systems line by line.
 *
 * @throws DataError as `corpusStatistics`
 */
export function diagnose({
  systems,
  refs,
  metric,
  sources,
  trainingSources,
  numSamples,
  seed,
}: DiagnosisInput): Diagnosis {
  const statistics = systems.map(({ lines }) => corpusStatistics(metric, lines, refs)) as [
    CorpusStatistics,
    CorpusStatistics,
  ];
  const sentence = bleu({ effectiveOrder: true });
  const scores = statistics.map((system) => lineScores(sentence, system).map(({ score }) => score)) as [
    number[],
    number[],
  ];
  const numLines = refs[0].length;
  const tokens = (line: string): string[] => splitWords(metric.preprocess(line));
  // the metric's own tokenisation is the target language's
  const thirteenA = bleu({ tokenize: '13a' });
  const sourceWords = (line: string): string[] => splitWords(thirteenA.preprocess(line));

  const groupsOf = (
    keys: readonly number[],
    limits: readonly number[],
    label: (from: number, to: number | undefined) => string,
  ): LineGroup[] =>
    [0, ...limits].flatMap((from, g) => {
      const to = limits[g];
      const lines = keys.flatMap((key, i) => (key >= from && (to === undefined || key < to) ? [i] : []));
      if (lines.length === 0) return [];
      return [
        {
          label: label(from, to),
          numLines: lines.length,
          bleu: both(statistics, (system) => metric.scoreOf(sumLines(subset(system, lines))).score),
        },
      ];
    });

  const order = Array.from({ length: numLines }, (_, i) => i).sort(
    (i, j) => scores[1][j] - scores[0][j] - (scores[1][i] - scores[0][i]),
  );
  const difference = (i: number): LineDifference => ({
    line: i + 1,
    source: sources?.[i],
    references: refs.map((ref) => ref[i]),
    hypotheses: both(systems, ({ lines }) => lines[i]),
    bleu: both(scores, (all) => all[i]),
  });
  const gained = order.filter((i) => scores[1][i] > scores[0][i]);
  const lost = order.filter((i) => scores[1][i] < scores[0][i]).reverse();
  const rarest = sources && rarestCounts(sources.map(sourceWords), (trainingSources ?? sources).map(sourceWords));

  return {
    names: both(systems, ({ name }) => name),
    signature: formatSignature(signatureFields(metric.signatureFields, { numRefs: statistics[0].numRefs })),
    overall: both(statistics, (system) => metric.scoreOf(sumLines(system))),
    pValue: pairedTest([{ metric, systems: statistics }], { test: 'bs', numSamples, seed })[0][1].pValue!,
    better: [lost.length, gained.length],
    equal: numLines - lost.length - gained.length,
    byLength: groupsOf(
      refs[0].map((ref) => tokens(ref).length),
      lengthLimits,
      (from, to) => (to === undefined ? `${from} and more` : `${from} to ${to - 1}`),
    ),
    ...(rarest && {
      byRarestWord: groupsOf(rarest, frequencyLimits, (from, to) =>
        from === 0
          ? 'never'
          : to === undefined
            ? `${from} times and more`
            : to === from + 1
              ? 'once'
              : `${from} to ${to - 1} times`,
      ),
      countedText: trainingSources ? ('training text' as const) : ('source text' as const),
    }),
    ngrams: ngramChanges(
      both(systems, ({ lines }) => lines.map(tokens)),
      refs.map((ref) => ref.map(tokens)),
    ),
    gains: gained.slice(0, numLinesShown).map(difference),
    losses: lost.slice(0, numLinesShown).map(difference),
  };
}

function both<T, R>([first, second]: readonly [T, T], map: (item: T) => R): [R, R] {
  return [map(first), map(second)];
}

function subset({ width, values, numRefs }: CorpusStatistics, lines: readonly number[]): CorpusStatistics {
  const chosen = new Float64Array(lines.length * width);
  lines.forEach((line, i) => chosen.set(values.subarray(line * width, (line + 1) * width), i * width));
  return { numLines: lines.length, width, values: chosen, numRefs };
}

/** For each line how often its rarest word occurs in the counted text; empty lines count as common. */
function rarestCounts(lines: readonly (readonly string[])[], counted: readonly (readonly string[])[]): number[] {
  const counts = new Map<string, number>();
  for (const line of counted) for (const word of line) counts.set(word, (counts.get(word) ?? 0) + 1);
  return lines.map((line) =>
    line.reduce((least, word) => Math.min(least, counts.get(word) ?? 0), Number.MAX_SAFE_INTEGER),
  );
}

function ngramChanges(
  hyps: readonly [string[][], string[][]],
  refs: readonly string[][][],
): { gains: NgramChange[]; losses: NgramChange[] }[] {
  return Array.from({ length: maxOrder }, (_, n) => {
    const matches = new Map<string, [number, number]>();
    for (let i = 0; i < hyps[0].length; i++) {
      const most = new Map<string, number>();
      for (const ref of refs)
        for (const [ngram, count] of countNgrams(ref[i], n + 1)) most.set(ngram, Math.max(count, most.get(ngram) ?? 0));
      for (const s of [0, 1] as const) {
        for (const [ngram, count] of countNgrams(hyps[s][i], n + 1)) {
          const matched = Math.min(count, most.get(ngram) ?? 0);
          if (matched === 0) continue;
          const entry = matches.get(ngram) ?? [0, 0];
          entry[s] += matched;
          matches.set(ngram, entry);
        }
      }
    }
    const changed = [...matches].map(([ngram, [first, second]]) => ({
      ngram,
      matches: [first, second] as const,
      gain: second - first,
    }));
    const shown = (sign: 1 | -1): NgramChange[] =>
      changed
        .filter(({ gain }) => sign * gain > 0)
        .sort((a, b) => sign * (b.gain - a.gain) || (a.ngram < b.ngram ? -1 : 1))
        .slice(0, numNgrams)
        .map(({ ngram, matches: found }) => ({ ngram, matches: found }));
    return { gains: shown(1), losses: shown(-1) };
  });
}

function countNgrams(words: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= words.length; i++) {
    const ngram = words.slice(i, i + n).join(' ');
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}
