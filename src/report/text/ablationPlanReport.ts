import { counted } from '../../counted.js';
import type { AblationPlan } from '../../ablation/ablationPlan.js';
import { choiceText, chosenRuns, type RunChoice } from '../../ablation/runChoice.js';
import type { RunData, RunState } from '../../ablation/ablationData.js';
import type { PlanEstimate } from '../../ablation/estimateTime.js';
import { totalSeconds } from '../../run/estimateRun.js';
import { costlyShare } from './initPlanText.js';
import { planLines } from '../progress/ablationProgress.js';
import { formatDuration, formatGigabytes, formatLoss } from '../../format.js';
import { textTable } from './table.js';

/**
 * The output of `ablate --dry-run`: the plan and its expected time.
 * @param choice the runs that the estimate is of; default: all
 */
export function dryRunText(
  plan: AblationPlan,
  estimate: PlanEstimate,
  parallel: number,
  choice: RunChoice = {},
): string {
  const rows = plan.arms.flatMap(({ name }) => {
    const own = estimate.waiting.filter(({ run }) => run.arm === name).map(({ estimate: one }) => one);
    if (own.length === 0) return [[name, '0', '', '', '', '', '', '', '']];
    const [{ secondsPerUpdate, updates, initUpdates, memory, backend }] = own;
    const seconds = own.reduce((total, one) => total + totalSeconds(one), 0);
    return [
      [
        name,
        String(own.length),
        formatDuration(seconds / own.length),
        `${Math.round(secondsPerUpdate * 1000)} ms`,
        String(updates),
        own[0].initSeconds === 0 ? '' : formatDuration(own[0].initSeconds),
        initUpdates === 0 ? '' : initUpdates.toFixed(1),
        memory === undefined ? '' : formatGigabytes(memory.needed),
        backend,
      ],
    ];
  });
  const hopeless = [
    ...new Set(estimate.waiting.filter(({ estimate: { updates } }) => updates === 0).map(({ run }) => run.arm)),
  ];
  const costly = [
    ...new Set(
      estimate.waiting
        .filter(
          ({ estimate: { updates, initUpdates, runUpdates } }) => updates > 0 && initUpdates > costlyShare * runUpdates,
        )
        .map(({ run }) => run.arm),
    ),
  ];
  return [
    ...planLines(plan),
    '',
    textTable([
      ['arm', 'runs left', 'a run', 'an update', 'updates', 'init', 'init updates', 'memory', 'backend'],
      ...rows,
    ]),
    '',
    ...(hopeless.length === 0
      ? []
      : [
          `Initialisation would cost ${hopeless.join(', ')} the whole budget, and these runs would fail: learn for fewer iterations or on smaller batches, or raise train.maxUpdates.`,
        ]),
    ...tightMemory(estimate, parallel),
    ...(costly.length === 0
      ? []
      : [
          `Initialisation is more than a tenth of a run of ${costly.join(', ')}: fewer iterations or smaller batches (gradinit.maxTokens, metainit.maxTokens) make it cheaper.`,
        ]),
    'Steps measured here and now, with the threads that a run will have. Decoding is measured with untrained parameters, whose',
    "translations are long; half of GradInit's iterations are taken to serve the constraint.",
    '',
    totalText(plan, estimate, parallel, choice),
  ].join('\n');
}

/** The last line: runs, time and memory in all. */
function totalText(plan: AblationPlan, estimate: PlanEstimate, parallel: number, choice: RunChoice): string {
  const runs = chosenRuns(plan, choice).runs.length;
  const all = counted(plan.runs.length, 'run');
  const chosen = choiceText(choice);
  const which = chosen === undefined ? all : `${runs} of ${all}, ${chosen}`;
  if (runs === 0) return `${which}: nothing would be done.`;
  if (runs === estimate.complete) return `${which}, all complete.`;
  const done = estimate.complete === 0 ? '' : `, ${estimate.complete} complete`;
  const atOnce = parallel > 1 ? `, ${formatDuration(estimate.seconds / parallel)} with ${parallel} at a time` : '';
  const { needed } = memoryAtOnce(estimate, parallel);
  const memory = needed > 0 ? `, about ${formatGigabytes(needed)} of memory` : '';
  return `${which}${done}: about ${formatDuration(estimate.seconds)} one after another${atOnce}${memory}.`;
}

/** Bytes that the largest runs in parallel may need, and the bytes that are available. */
function memoryAtOnce({ waiting }: PlanEstimate, parallel: number): { needed: number; available: number } {
  const reports = waiting.flatMap(({ estimate: { memory } }) => (memory === undefined ? [] : [memory]));
  const largest = reports.map(({ needed }) => needed).sort((a, b) => b - a);
  const needed = largest.slice(0, parallel).reduce((sum, bytes) => sum + bytes, 0);
  return { needed, available: Math.min(...reports.map((report) => report.available)) };
}

/** A line if the largest runs in parallel may need more memory than is available. */
function tightMemory(estimate: PlanEstimate, parallel: number): string[] {
  const { needed, available } = memoryAtOnce(estimate, parallel);
  if (parallel === 1 || needed <= available) return [];
  return [
    `${parallel} runs at a time may need ${formatGigabytes(needed)} of memory, ${formatGigabytes(available)} are available: give a smaller --parallel.`,
  ];
}

const states: readonly RunState[] = ['waiting', 'running', 'unfinished', 'finished', 'stuck', 'diverged', 'failed'];

/**
 * The output of `ablate --status`: the number of runs of each arm by state, the progress of current runs, and why runs
 * failed.
 */
export function statusText(
  runs: readonly RunData[],
  arms: readonly { readonly name: string }[],
  nowMs: number,
): string {
  const counts = (own: readonly RunData[]): string[] => [
    String(own.length),
    ...states.map((state) => String(own.filter((run) => run.state === state).length)),
  ];
  const rows = arms.map(({ name }) => [name, ...counts(runs.filter(({ arm }) => arm === name))]);
  const begun = runs
    .filter(({ state }) => state === 'running' || state === 'unfinished')
    .map(({ key, state, updates, maxUpdates, valid, lastWrittenMs }) => [
      key,
      state,
      `${updates}${maxUpdates === undefined ? '' : `/${maxUpdates}`}`,
      valid.length > 0 ? formatLoss(valid.at(-1)!.loss) : '',
      lastWrittenMs === undefined ? '' : `${formatDuration(Math.max(0, nowMs - lastWrittenMs) / 1000)} ago`,
    ]);
  const failed = runs.filter(({ state }) => state === 'failed').map(({ key, failure }) => `${key}: ${failure}`);
  return [
    textTable([['arm', 'planned', ...states], ...rows, ...(arms.length > 1 ? [['all', ...counts(runs)]] : [])]),
    ...(begun.length > 0
      ? ['', textTable([['under way', 'state', 'update', 'valid loss', 'last logged'], ...begun], [0, 1])]
      : []),
    ...(failed.length > 0
      ? ['', 'Failed; the same command without --status tries again:', ...failed.map((line) => `  ${line}`)]
      : []),
  ].join('\n');
}
