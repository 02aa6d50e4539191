import type { AblationData } from '../experiment/ablationData.js';
import type { ArmResults, CellResults, Estimate } from '../experiment/ablationResults.js';
import { formatDuration, formatNumber } from './format.js';
import { gridTables } from './gridTable.js';
import { markdownTable, textTable } from './table.js';

/** The comparison of arms for a terminal. */
export function ablationText(data: AblationData): string {
  const grids = gridTables(data).flatMap(({ title, rows }) => ['', title, textTable(rows)]);
  return [textTable(armRows(data)), ...notes(data), ...grids].join('\n');
}

/** results.md: the comparison, the grid, what each arm changes, and every run. */
export function ablationMarkdown(data: AblationData): string {
  const grids = gridTables(data).flatMap(({ title, rows }) => [`### ${title}`, '', markdownTable(rows), '']);
  return [
    `# ${data.name}`, '', markdownTable(armRows(data)), '', ...notes(data).map((line) => `${line}  `), '',
    ...(grids.length > 0 ? ['## Grid', '', ...grids] : []),
    ...significance(data),
    `## What each arm changes of ${data.baseline}`, '',
    ...data.arms.map(({ name, summary, source, differences }) =>
      `- **${name}**${summary === undefined ? '' : ` (${summary}; ${source})`}: ${differences.length === 0 ? 'nothing' : differences.map((d) => `\`${d}\``).join(', ')}`), '',
    '## Runs', '', markdownTable(runRows(data)), '',
  ].join('\n');
}

function armRows(data: AblationData): string[][] {
  return [armHead(data), ...data.arms.map(armRow)];
}

export function armHead({ baseline }: AblationData): string[] {
  return ['arm', 'test BLEU', `vs ${baseline}`, 'p', 'test BLEU, average', 'chrF', 'epoch 1 loss', 'valid loss', 'valid BLEU', 'diverged', 'stuck', 'time', 'of it init', 'init updates'];
}

export function armRow({ name, cells, selected }: ArmResults): string[] {
  const cell = cells[selected];
  return [
    cell.name === '' ? name : `${name} (${cell.name})`, show(cell.testBleu, 2), cell.testBleuDifference ? signed(cell.testBleuDifference) : '',
    cell.comparison?.pooled ? cell.comparison.pooled.pValue.toFixed(3) : '', show(cell.testBleuAverage, 2), show(cell.testChrf, 2), show(cell.firstEpochLoss, 3),
    show(cell.validLoss, 3), show(cell.validBleu, 2), cell.complete === 0 ? `0 of ${cell.runs} runs yet` : `${cell.diverged} of ${cell.complete}`, cell.complete === 0 ? '' : String(cell.stuck),
    time(cell.seconds), time(cell.initSeconds), cell.initUpdates ? formatNumber(cell.initUpdates.mean) : '',
  ];
}

function significance({ arms, baseline }: AblationData): string[] {
  const compared = arms.flatMap(({ name, cells, selected }) => (cells[selected].comparison ? [{ name, comparison: cells[selected].comparison! }] : []));
  if (compared.length === 0) return [];
  const rows = [['arm', 'seed', 'BLEU', `${baseline} BLEU`, 'p']];
  for (const { name, comparison: { perSeed, pooled } } of compared) {
    for (const { trainSeed, bleu, baselineBleu, pValue } of perSeed) rows.push([name, String(trainSeed), bleu.toFixed(2), baselineBleu.toFixed(2), pValue.toFixed(3)]);
    if (pooled && perSeed.length > 1) rows.push([name, 'all', pooled.bleu.toFixed(2), pooled.baselineBleu.toFixed(2), pooled.pValue.toFixed(3)]);
  }
  return [
    '## Significance', '',
    `Paired bootstrap resampling of the test set against ${baseline} with the same seed, ${compared[0].comparison.numSamples} resamples. Seed "all": one BLEU`,
    'over the translations of all seeds; a resample draws sentences, each with its translations of every seed.', '', markdownTable(rows), '',
  ];
}

function runRows({ runs }: AblationData): string[][] {
  return [
    ['run', 'state', 'updates', 'best validation', 'valid loss', 'test BLEU', 'chrF', 'selected', 'backend'],
    ...runs.map(({ key, state, updates, scores }) => [
      key, state, String(updates), scores?.best ? `update ${scores.best.update}` : '', scores?.best?.loss.toFixed(3) ?? '', scores?.test?.bleu.toFixed(2) ?? '',
      scores?.test?.chrf?.toFixed(2) ?? '', scores?.selected ?? '', scores?.backend ?? '',
    ]),
  ];
}

function time(value: Estimate | undefined): string {
  return value ? formatDuration(value.mean) : '';
}

export function show(value: Estimate | undefined, digits: number): string {
  if (value === undefined) return '-';
  return value.mean.toFixed(digits) + (value.standardError === undefined ? '' : ` ± ${value.standardError.toFixed(digits)}`);
}

function signed(difference: Estimate): string {
  return (difference.mean < 0 ? '' : '+') + show(difference, 2);
}

export function notes({ seeds, signature, chrfSignature, backends, axes, budget, arms }: AblationData): string[] {
  const compared = arms.some(({ cells }: { cells: readonly CellResults[] }) => cells.some(({ comparison }) => comparison?.pooled));
  return [
    `${seeds.length === 1 ? `seed ${seeds[0]}` : `mean ± standard error over seeds ${seeds.join(', ')}`}; validation scores are those of the best checkpoint, by which test BLEU is chosen`,
    ...(axes.length > 0 ? ['each arm in the cell of the grid where its best validation loss is lowest'] : []),
    ...(budget === undefined ? [] : [`budget ${budget} updates; "init updates" is what initialisation cost of them (train.countInit takes it off)`]),
    ...(compared ? ['p: paired bootstrap over the translations of all seeds together'] : []),
    ...(signature ? [`BLEU ${signature}`] : []),
    ...(chrfSignature ? [`chrF2 ${chrfSignature}`] : []),
    ...(backends.length > 0 ? [`backend ${backends.join(', ')}`] : []),
  ];
}
