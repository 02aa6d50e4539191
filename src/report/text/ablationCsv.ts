import type { AblationData, RunData } from '../../ablation/ablationData.js';

/** One line per run with its numbers, RFC 4180; empty where there is no number. */
export function ablationCsv({ axes, runs, baseline }: AblationData): string {
  const columns: [string, (run: RunData) => string | number | undefined][] = [
    ['run', ({ key }) => key],
    ['arm', ({ arm }) => arm],
    ['is_baseline', ({ arm }) => (arm === baseline ? 1 : 0)],
    ...axes.map(({ key }): [string, (run: RunData) => string | undefined] => [
      key,
      ({ cell }) => cell[key]?.toString(),
    ]),
    ['seed', ({ seed }) => seed],
    ['state', ({ state }) => state],
    ['updates', ({ updates }) => updates],
    ['epoch1_valid_loss', ({ scores }) => scores?.firstEpoch?.loss],
    ['epoch1_valid_bleu', ({ scores }) => scores?.firstEpoch?.bleu],
    ['best_update', ({ scores }) => scores?.best?.update],
    ['best_valid_loss', ({ scores }) => scores?.best?.loss],
    ['best_valid_bleu', ({ scores }) => scores?.best?.bleu],
    ['last_valid_loss', ({ scores }) => scores?.last?.loss],
    ['test_bleu', ({ scores }) => scores?.test?.bleu],
    ['test_chrf', ({ scores }) => scores?.test?.chrf],
    ['test_bleu_best', ({ scores }) => scores?.tests?.find(({ use }) => use === 'best')?.bleu],
    ['test_bleu_average', ({ scores }) => scores?.tests?.find(({ use }) => use === 'average')?.bleu],
    ['selected', ({ scores }) => scores?.selected],
    ['train_seconds', ({ scores }) => scores?.trainSeconds],
    ['init_seconds', ({ scores }) => scores?.initSeconds],
    ['init_updates', ({ scores }) => scores?.init?.updateEquivalents],
    ['trg_tokens', ({ scores }) => scores?.trgTokens],
    ['init_trg_tokens', ({ scores }) => scores?.init?.trgTokens],
    ['backend', ({ scores }) => scores?.backend],
  ];
  const line = (cells: readonly (string | number | undefined)[]): string => cells.map(quoted).join(',');
  return [line(columns.map(([name]) => name)), ...runs.map((run) => line(columns.map(([, value]) => value(run))))]
    .map((text) => `${text}\r\n`)
    .join('');
}

function quoted(cell: string | number | undefined): string {
  const text = cell === undefined ? '' : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
