import { formatCount } from '../../counted.js';
import type { AblationData } from '../../ablation/ablationData.js';
import { hasLearned, type CellResults, type Estimate } from '../../ablation/ablationResults.js';
import { formatDuration, formatLoss, formatNumber } from '../../format.js';
import { gradientTable, gradientTableNote } from './gradientTable.js';
import { gridTables } from './gridTable.js';
import { shownRuns } from './shownRuns.js';
import { markdownTable, textTable } from './table.js';

/** The comparison of arms for a terminal. */
export function ablationText(data: AblationData, columns = Infinity): string {
  const grids = gridTables(data).flatMap(({ title, rows }) => ['', title, textTable(rows, [0], columns)]);
  return [
    ...armTables(data).flatMap(({ head, rows }) => [textTable([head, ...rows], [0], columns), '']),
    ...notes(data),
    ...grids,
  ].join('\n');
}

/** results.md: the comparison, the grid, what each arm changes, and every run. */
export function ablationMarkdown(data: AblationData): string {
  const grids = gridTables(data).flatMap(({ title, rows }) => [`### ${title}`, '', markdownTable(rows), '']);
  return [
    `# ${data.name}`,
    '',
    ...armTables(data).flatMap(({ title, head, rows }) => [`## ${title}`, '', markdownTable([head, ...rows]), '']),
    ...notes(data).map((line) => `${line}  `),
    '',
    ...(grids.length > 0 ? ['## Grid', '', ...grids] : []),
    ...significance(data),
    ...gradients(data),
    ...changes(data),
    '## Runs',
    '',
    markdownTable(runRows(data)),
    '',
    ...failedRuns(data).map(({ keys, message }) => `- ${keys.join(', ')} failed: ${message.replaceAll(/\s+/g, ' ')}`),
  ].join('\n');
}

/** Why runs failed, with the runs that failed for the same reason. */
export function failedRuns({ runs }: AblationData): { readonly keys: readonly string[]; readonly message: string }[] {
  const keys = new Map<string, string[]>();
  for (const { key, failure } of runs)
    if (failure !== undefined) keys.set(failure, [...(keys.get(failure) ?? []), key]);
  return [...keys].map(([message, own]) => ({ keys: own, message }));
}

/** A table with a row for each arm, in the order of the arms. */
export interface ArmTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

type Column = readonly [head: string, text: (cell: CellResults) => string];

/** The comparison of arms: translation of the test set, learning, and cost. */
export function armTables({ arms, baseline }: AblationData): ArmTable[] {
  const testsBest = arms.every(
    ({ cells, selected }) => cells[selected].testBleuBest?.mean === cells[selected].testBleu?.mean,
  );
  const test: Column[] = [
    ...(seedCounts(arms).size > 1 ? [['seeds', ({ testBleu }) => String(testBleu?.count ?? 0)] satisfies Column] : []),
    ['test BLEU', ({ testBleu }) => points(testBleu)],
    ...(arms.length === 1
      ? []
      : ([
          [`vs ${baseline}`, ({ testBleuDifference }) => (testBleuDifference ? signed(testBleuDifference) : '')],
          ['p (lines)', ({ comparison }) => comparison?.pooled?.pValue.toFixed(3) ?? ''],
          [
            'p (seeds)',
            ({ seedsPValue }) =>
              seedsPValue === undefined ? '' : seedsPValue < 5e-4 ? '<0.001' : seedsPValue.toFixed(3),
          ],
        ] satisfies Column[])),
    ...(testsBest ? [] : [['of best', ({ testBleuBest }) => points(testBleuBest)] satisfies Column]),
    ['of average', ({ testBleuAverage }) => points(testBleuAverage)],
    ['selected', ({ testBleuSelected }) => points(testBleuSelected)],
    ['chrF', ({ testChrf }) => points(testChrf)],
    [
      'diverged',
      ({ complete, runs, diverged }) => (complete === 0 ? `0 of ${runs} runs` : `${diverged} of ${complete}`),
    ],
    ['stuck', ({ complete, stuck }) => (complete === 0 ? '' : String(stuck))],
  ];
  const training: Column[] = [
    ['epoch 1 loss', ({ firstEpochLoss }) => show(firstEpochLoss, formatLoss)],
    ['epoch 1 BLEU', ({ firstEpochBleu }) => points(firstEpochBleu)],
    ['valid loss', ({ validLoss }) => show(validLoss, formatLoss)],
    ['valid BLEU', ({ validBleu }) => points(validBleu)],
    ['updates', ({ updates }) => (updates ? formatCount(Math.round(updates.mean)) : '')],
    [
      'init updates',
      ({ initUpdates, updates }) =>
        initUpdates && updates
          ? `${formatNumber(initUpdates.mean)}${initUpdates.mean > 0 ? ` (${((100 * initUpdates.mean) / (initUpdates.mean + updates.mean)).toFixed(1)} %)` : ''}`
          : '',
    ],
    ['trg tokens', ({ trgTokens }) => (trgTokens ? formatCount(Math.round(trgTokens.mean)) : '')],
    ['time', ({ seconds }) => time(seconds)],
    ['of it init', ({ initSeconds }) => time(initSeconds)],
  ];
  const table = (title: string, columns: readonly Column[]): ArmTable => ({
    title,
    head: ['arm', ...columns.map(([head]) => head)],
    rows: arms.map(({ name, cells, selected }) => [
      cells[selected].name === '' ? name : `${name} (${cells[selected].name})`,
      ...columns.map(([, text]) => text(cells[selected])),
    ]),
  });
  return [table('Test set', test), table('Validation and cost', training)];
}

function significance({ arms, baseline }: AblationData): string[] {
  const compared = arms.flatMap(({ name, cells, selected }) =>
    cells[selected].comparison ? [{ name, comparison: cells[selected].comparison! }] : [],
  );
  if (compared.length === 0) return [];
  const rows = [['arm', 'seed', 'BLEU', `${baseline} BLEU`, 'p']];
  for (const {
    name,
    comparison: { perSeed, pooled },
  } of compared) {
    for (const { trainSeed, bleu, baselineBleu, pValue } of perSeed)
      rows.push([name, String(trainSeed), bleu.toFixed(2), baselineBleu.toFixed(2), pValue.toFixed(3)]);
    if (pooled && perSeed.length > 1)
      rows.push([name, 'all', pooled.bleu.toFixed(2), pooled.baselineBleu.toFixed(2), pooled.pValue.toFixed(3)]);
  }
  return [
    '## Significance',
    '',
    `Paired bootstrap resampling of the test set against ${baseline} with the same seed, ${compared[0].comparison.numSamples} resamples. Seed "all": one BLEU`,
    'over the translations of all seeds; a resample draws sentences, each with its translations of every seed.',
    '',
    markdownTable(rows),
    '',
  ];
}

function gradients(data: AblationData): string[] {
  const rows = gradientTable(data, shownRuns(data));
  return rows.length === 0 ? [] : ['## Gradients before training', '', gradientTableNote, '', markdownTable(rows), ''];
}

function changes({ arms, baseline }: AblationData): string[] {
  if (arms.length === 1) return [];
  const lines = arms.map(
    ({ name, summary, source, differences }) =>
      `- **${name}**${summary === undefined ? '' : ` (${summary}; ${source})`}: ${differences.length === 0 ? 'nothing' : differences.map((d) => `\`${d}\``).join(', ')}`,
  );
  return [`## What each arm changes of ${baseline}`, '', ...lines, ''];
}

function runRows({ runs }: AblationData): string[][] {
  return [
    ['run', 'state', 'updates', 'best validation', 'valid loss', 'test BLEU', 'chrF', 'selected', 'backend'],
    ...runs.map(({ key, state, updates, scores }) => [
      key,
      state,
      String(updates),
      scores?.best ? `update ${scores.best.update}` : '',
      scores?.best ? formatLoss(scores.best.loss) : '',
      scores?.test?.bleu.toFixed(2) ?? '',
      scores?.test?.chrf?.toFixed(2) ?? '',
      scores?.selected ?? '',
      scores?.backend ?? '',
    ]),
  ];
}

function time(value: Estimate | undefined): string {
  return value ? formatDuration(value.mean) : '';
}

function show(value: Estimate | undefined, format: (number: number) => string): string {
  if (value === undefined) return '-';
  return format(value.mean) + (value.standardError === undefined ? '' : ` ± ${format(value.standardError)}`);
}

/** BLEU and chrF: all numbers of a column have the same decimals, however small they are. */
function points(value: Estimate | undefined): string {
  return show(value, (number) => rounded(number).toFixed(2));
}

/** To two decimals, without a zero below 0. */
const rounded = (value: number): number => Math.round(100 * value) / 100 || 0;

/** The number of seeds of the arms' means, if there are any. */
function seedCounts(arms: AblationData['arms']): Set<number> {
  return new Set(arms.flatMap(({ cells, selected }) => cells[selected].testBleu?.count ?? []));
}

function signed(difference: Estimate): string {
  return (rounded(difference.mean) > 0 ? '+' : '') + points(difference);
}

export function notes({
  seeds,
  signature,
  chrfSignature,
  backends,
  axes,
  budget,
  differentBudgets,
  arms,
  runs,
  untranslated,
}: AblationData): string[] {
  const checkpoint = runs.find(({ config }) => config)?.config?.decode.checkpoint;
  const compared = arms.some(({ cells }: { cells: readonly CellResults[] }) =>
    cells.some(({ comparison }) => comparison?.pooled),
  );
  const seedsDiffer = seedCounts(arms).size > 1;
  return [
    `${seeds.length === 1 ? `seed ${seeds[0]}` : `mean ± standard error over seeds ${seeds.join(', ')}${seedsDiffer ? ', as many of them as "seeds" says; differences over those that both have' : ''}`}; validation scores are those of the best checkpoint`,
    `test BLEU: of the parameters that decode.checkpoint names${checkpoint === undefined ? '' : ` (${checkpoint})`}; of best, of average: of the best validation, of the mean of the last epochs; selected: whichever of the two validates better`,
    ...(axes.length > 0 ? ['each arm in the cell of the grid where its best validation loss is lowest'] : []),
    ...(budget === undefined
      ? []
      : [
          `budget ${budget} updates; "init updates" is what initialisation cost of them, and its share (train.countInit takes it off)`,
        ]),
    ...(differentBudgets ? [`the runs do not have the same budget: ${differentBudgets.join(', ')} updates`] : []),
    ...(compared
      ? [
          'p (lines): paired bootstrap of the test set, the translations of all seeds together: would these same runs differ on other sentences?',
        ]
      : []),
    ...(arms.some(({ cells }: { cells: readonly CellResults[] }) =>
      cells.some(({ seedsPValue }) => seedsPValue !== undefined),
    )
      ? ['p (seeds): paired t-test of the differences, two-sided: would the arms differ with other seeds?']
      : []),
    ...(arms.length > 1 && arms.some(({ cells, selected }) => cells[selected].stuck > 0 && !hasLearned(cells[selected]))
      ? ['no p where all runs of an arm or of the baseline came out stuck: no better than token frequencies']
      : []),
    ...(untranslated
      ? [
          `${untranslated.join(', ')}: not compared, not shown, because test.hyp or test.ref is missing or differs from the scored text`,
        ]
      : []),
    ...(signature ? [`BLEU ${signature}`] : []),
    ...(chrfSignature ? [`chrF2 ${chrfSignature}`] : []),
    ...(backends.length > 0 ? [`backend ${backends.join(', ')}`] : []),
  ];
}
