import type { AblationResults, ArmResults, Estimate } from '../experiment/ablationResults.js';
import { formatDuration, formatNumber } from './format.js';
import { markdownTable, textTable } from './table.js';

/** The comparison of arms for a terminal. */
export function ablationText(results: AblationResults): string {
  return `${textTable(rows(results))}\n${notes(results).join('\n')}`;
}

/** results.md: the comparison, what each arm changes, and every run. */
export function ablationMarkdown(results: AblationResults): string {
  const runRows = [['run', 'status', 'updates', 'best validation', 'valid loss', 'test BLEU', 'backend']];
  for (const { name, runs } of results.arms) {
    for (const { seed, scores } of runs) {
      runRows.push([
        `${name}/seed-${seed}`, scores?.status ?? 'not complete', scores ? String(scores.updates) : '', scores?.best ? `update ${scores.best.update}` : '',
        scores?.best?.loss.toFixed(3) ?? '', scores?.test?.bleu.toFixed(2) ?? '', scores?.backend ?? '',
      ]);
    }
  }
  return [
    '# Ablation', '', markdownTable(rows(results)), '', ...notes(results).map((line) => `${line}  `), '',
    `## What each arm changes of ${results.baseline}`, '',
    ...results.arms.map(({ name, differences }) => `- **${name}**: ${differences.length === 0 ? 'nothing' : differences.map((d) => `\`${d}\``).join(', ')}`), '',
    '## Runs', '', markdownTable(runRows), '',
  ].join('\n');
}

function rows({ arms, baseline }: AblationResults): string[][] {
  const table = [['arm', 'test BLEU', `vs ${baseline}`, 'valid BLEU', 'valid loss', 'valid ppl', 'diverged', 'time', 'of it init']];
  for (const arm of arms) table.push(row(arm));
  return table;
}

function row(arm: ArmResults): string[] {
  const { name, complete, runs, diverged, testBleu, validBleu, validLoss, validPerplexity, seconds, initSeconds, testBleuDifference } = arm;
  const time = (value: Estimate | undefined): string => (value ? formatDuration(value.mean) : '');
  return [
    name, show(testBleu, 2), testBleuDifference ? signed(testBleuDifference) : '', show(validBleu, 2), show(validLoss, 3),
    validPerplexity ? formatNumber(validPerplexity.mean) : '', complete === 0 ? `0 of ${runs.length} runs yet` : `${diverged} of ${complete}`, time(seconds), time(initSeconds),
  ];
}

function show(value: Estimate | undefined, digits: number): string {
  if (value === undefined) return '-';
  return value.mean.toFixed(digits) + (value.standardError === undefined ? '' : ` ± ${value.standardError.toFixed(digits)}`);
}

function signed(difference: Estimate): string {
  return (difference.mean < 0 ? '' : '+') + show(difference, 2);
}

function notes({ seeds, signature, backends }: AblationResults): string[] {
  return [
    `${seeds.length === 1 ? `seed ${seeds[0]}` : `mean ± standard error over seeds ${seeds.join(', ')}`}; validation scores are those of the best checkpoint, by which test BLEU is chosen`,
    ...(signature ? [`BLEU ${signature}`] : []),
    ...(backends.length > 0 ? [`backend ${backends.join(', ')}`] : []),
  ];
}
