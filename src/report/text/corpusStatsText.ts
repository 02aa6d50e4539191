import { counted, formatCount } from '../../counted.js';
import type { CorpusSetStats, CorpusStats } from '../../text/clean/corpusStats.js';
import { textTable } from './table.js';

/** 0.01234 as "1.23 %". */
export function formatShare(share: number, decimals = 2): string {
  return `${(100 * share).toFixed(decimals)} %`;
}

/** A finding about a corpus, with advice. */
export interface CorpusFinding {
  readonly found: string;
  readonly advice: string;
}

/** The faults of a corpus, the most serious first. */
export function corpusFindings({ train, heldOut }: CorpusSetStats): CorpusFinding[] {
  const findings: CorpusFinding[] = [];
  const add = (count: number, one: string, many: string, rest: string, advice: string): void => {
    if (count > 0) findings.push({ found: `${counted(count, one, many)} ${rest}`, advice });
  };
  const trainingPair = (count: number): [string, string] => {
    const share = formatShare(ratio(count, train.pairs));
    return [`training pair (${share})`, `training pairs (${share})`];
  };
  const shared = train.leakage?.pairs ?? 0;
  add(
    shared,
    ...trainingPair(shared),
    shared === 1 ? 'shares a side with a held-out set' : 'share a side with a held-out set',
    'scores on that set flatter; remove them with corpus clean --held-out',
  );
  for (const { name, stats } of [{ name: 'the training set', stats: train }, ...heldOut]) {
    add(
      stats.invalidUtf8,
      `pair of ${name} is`,
      `pairs of ${name} are`,
      'not valid UTF-8',
      'corpus clean removes them',
    );
    add(
      stats.emptySides,
      `pair of ${name} has`,
      `pairs of ${name} have`,
      'an empty side',
      stats === train ? 'corpus clean removes them' : 'they count in scores',
    );
  }
  const { pairs } = train.duplicates;
  if (ratio(pairs, train.pairs) > 0.01)
    add(pairs, ...trainingPair(pairs), 'occurred before', 'corpus clean --duplicates pair removes them');
  for (const { name, stats } of heldOut) {
    if (ratio(stats.duplicates.pairs, stats.pairs) > 0.01)
      add(
        stats.duplicates.pairs,
        `pair of ${name}`,
        `pairs of ${name}`,
        'occurred before in it',
        'each counts again in scores',
      );
  }
  return findings;
}

/** The statistics as tables of text. */
export function corpusStatsAsText(all: CorpusSetStats): string {
  const { train, heldOut } = all;
  const sets = [{ name: 'train', stats: train }, ...heldOut];
  const counts: string[][] = [
    ['', 'pairs', 'src tokens', 'trg tokens', 'src types', 'trg types', 'src unknown', 'trg unknown'],
  ];
  for (const {
    name,
    stats: { pairs, src, trg },
  } of sets) {
    counts.push([
      name,
      ...[pairs, src.tokens, trg.tokens, src.types, trg.types].map(formatCount),
      ...[src, trg].map(({ unknown }) => (unknown ? formatShare(unknown.rate) : '-')),
    ]);
  }
  const findings = corpusFindings(all);
  return [
    textTable(counts),
    textTable(sideRows(train)),
    textTable([
      ['duplicates in train', 'pairs', 'sources', 'targets'],
      [
        'occurred before',
        ...[train.duplicates.pairs, train.duplicates.sources, train.duplicates.targets].map(formatCount),
      ],
      ...(train.leakage
        ? [
            [
              'are in held-out sets',
              ...[train.leakage.pairs, train.leakage.sources, train.leakage.targets].map(formatCount),
            ],
          ]
        : []),
    ]),
    ...findings.map(({ found, advice }) => `note: ${found}; ${advice}.`),
  ].join('\n\n');
}

/** The training set's sides next to each other: name, source, target. */
export function sideRows({ src, trg }: CorpusStats): string[][] {
  const sides = [src, trg];
  const row = (name: string, of: (side: CorpusStats['src']) => string): string[] => [name, ...sides.map(of)];
  return [
    ['train', 'src', 'trg'],
    row('tokens per line, mean', ({ meanTokens }) => meanTokens.toFixed(2)),
    row('median', ({ lengthQuantiles }) => formatCount(lengthQuantiles.half)),
    row('95 % of the lines have at most', ({ lengthQuantiles }) => formatCount(lengthQuantiles.ninetyFive)),
    row('99 %', ({ lengthQuantiles }) => formatCount(lengthQuantiles.ninetyNine)),
    row('longest', ({ lengthQuantiles }) => formatCount(lengthQuantiles.all)),
    row('characters per token', ({ characters, tokens }) => ratio(characters, tokens).toFixed(2)),
    row('types', ({ types }) => formatCount(types)),
    row(
      'types seen once',
      ({ singletons, types }) => `${formatCount(singletons)}, ${formatShare(ratio(singletons, types), 1)}`,
    ),
    row('types per token', ({ typeTokenRatio }) => typeTokenRatio.toFixed(4)),
    row('types that make up 90 % of the text', ({ typesForCoverage }) => formatCount(typesForCoverage.ninety)),
    row('95 %', ({ typesForCoverage }) => formatCount(typesForCoverage.ninetyFive)),
    row('99 %', ({ typesForCoverage }) => formatCount(typesForCoverage.ninetyNine)),
    row('subword units per word', ({ fertility }) => fertility.toFixed(3)),
  ];
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
