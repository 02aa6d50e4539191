import { greatest } from '../../extremes.js';
import { counted } from '../../counted.js';
import type { AblationEvent } from '../../ablation/ablate.js';
import { cellName, type AblationPlan, type PlannedRun } from '../../ablation/ablationPlan.js';
import { formatDuration, formatLoss, formatNumber } from '../../format.js';
import { learningSavedText } from './runProgress.js';
import { displayWidth, padToWidth } from '../text/displayWidth.js';
import { closedLayerNormsText, fallbackText } from '../text/scaleReport.js';
import { ProgressBar, type ProgressStream } from './progressBar.js';
import { TimeLeft } from './timeLeft.js';

export interface AblationProgressOptions {
  /** Runs at the same time. */
  readonly parallel: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/** Training's share of a run's time; the rest is for translating the test set. */
const trainingShare = 0.9;

/**
 * Shows the runs of an ablation, of which several may run at once: permanent lines for events, and one line for the
 * state of each.
 */
export class AblationProgress {
  private bar?: ProgressBar;
  private timeLeft?: TimeLeft;
  private runsDone = 0;
  private numRuns = 1;
  private nameWidth = 18;
  private readonly now: () => number;
  private readonly states = new Map<
    string,
    { readonly share: number; readonly label: string; readonly text: string }
  >();
  private readonly maxUpdates = new Map<string, number>();

  constructor(
    private readonly stream: ProgressStream,
    private readonly options: AblationProgressOptions,
  ) {
    this.now = options.now ?? (() => performance.now());
  }

  plan({ arms, runs, baseline, axes, seeds }: AblationPlan): void {
    this.bar = new ProgressBar({
      label: 'ablation',
      total: runs.length,
      unit: '%',
      stream: this.stream,
      lineEverySeconds: 30,
      now: this.now,
    });
    this.timeLeft = new TimeLeft(
      runs.map((run) => ({ name: nameOf(run), kind: run.arm })),
      this.options.parallel,
    );
    this.numRuns = runs.length;
    this.nameWidth = Math.max(this.nameWidth, ...runs.map((run) => displayWidth(nameOf(run)) + 2));
    for (const line of planLines({ arms, runs, baseline, axes, seeds })) this.bar.log(line);
  }

  event(run: PlannedRun, event: AblationEvent): void {
    const name = nameOf(run);
    const label = padToWidth(name, this.nameWidth);
    switch (event.event) {
      case 'start': {
        if (event.maxUpdates !== undefined) this.maxUpdates.set(name, event.maxUpdates);
        const share = this.shareOf(name, event.resumedFrom ?? 0);
        this.timeLeft?.start(name, share, this.now());
        this.log(
          `${label}${event.resumedFrom === undefined ? 'starts' : `resumes from update ${event.resumedFrom}`} on ${event.backend}`,
        );
        this.setState(run, share, 'starting');
        break;
      }
      case 'update':
        if (event.maxUpdates !== undefined) this.maxUpdates.set(name, event.maxUpdates);
        this.setState(
          run,
          this.shareOf(name, event.update),
          `update ${event.update} loss ${formatLoss(event.loss, 2)}`,
        );
        break;
      case 'progress':
        this.setState(run, this.states.get(name)?.share ?? 0, `${event.stage} ${event.done}/${event.total}`);
        break;
      case 'valid':
        this.log(
          `${label}update ${event.update}  valid loss ${formatLoss(event.loss)}  ppl ${formatNumber(event.perplexity)}${event.bleu === undefined ? '' : `  BLEU ${event.bleu.toFixed(2)}`}`,
        );
        break;
      case 'learningSaved':
        this.log(`${label}${learningSavedText(event)}`);
        break;
      case 'closedLayerNorms':
        this.log(`${label}${closedLayerNormsText(event.scales)}`);
        break;
      case 'gradInitFallback':
        this.log(`${label}${fallbackText(event.reason)}`);
        break;
      case 'diverged':
        this.log(
          `${label}diverged at update ${event.update}: loss ${formatLoss(event.loss)}, first in the ${event.tensor}`,
        );
        break;
      case 'scores':
        this.log(
          `${label}${event.status}${event.test ? `  test BLEU ${event.test.bleu.toFixed(2)}` : ''}  ${formatDuration(event.trainSeconds + event.initSeconds)}`,
        );
        break;
      case 'failed':
        this.end(name);
        this.log(`${label}failed: ${event.message}`);
        break;
      case 'complete':
        this.end(name);
        if (event.already) this.log(`${label}complete already`);
        break;
      default:
        break;
    }
  }

  finish(): void {
    this.bar?.finish();
  }

  private shareOf(name: string, update: number): number {
    const total = this.maxUpdates.get(name);
    return total === undefined ? 0 : trainingShare * Math.min(1, update / total);
  }

  private setState(run: PlannedRun, share: number, text: string): void {
    const name = nameOf(run);
    // one line shows several of them: of the cell only its values
    this.states.set(name, { share, label: joined(run.arm, Object.values(run.cell).join(','), run.seed), text });
    this.timeLeft?.advance(name, share, this.now());
    this.draw();
  }

  private end(name: string): void {
    this.states.delete(name);
    this.timeLeft?.end(name, this.now());
    this.runsDone++;
    this.draw();
  }

  private draw(): void {
    const running = [...this.states.values()].map(({ label, text }) => `${label}: ${text}`);
    const done = [...this.states.values()].reduce((total, { share }) => total + share, this.runsDone);
    this.bar?.update(
      done,
      [`${this.runsDone}/${this.numRuns} runs`, ...running].join('  '),
      this.timeLeft?.seconds() ?? null,
    );
  }

  private log(line: string): void {
    this.bar?.log(line);
  }
}

function nameOf({ arm, cell, seed }: PlannedRun): string {
  return joined(arm, cellName(cell), seed);
}

function joined(...parts: readonly (string | number)[]): string {
  return parts.filter((part) => part !== '').join('/');
}

/** The contents of an ablation: its size, its grid, and the changes of each arm against the baseline. */
export function planLines({
  arms,
  runs,
  baseline,
  axes,
  seeds,
}: Pick<AblationPlan, 'arms' | 'runs' | 'baseline' | 'axes' | 'seeds'>): string[] {
  const width = greatest(arms.map(({ name }) => displayWidth(name))) + 2;
  return [
    `${counted(runs.length, 'run')}: ${counted(arms.length, 'arm')} x ${counted(seeds.length, 'seed')}${axes.map(({ key, values }) => ` x ${counted(values.length, 'value')} of ${key}`).join('')}`,
    ...axes.map(({ key, values }) => `  ${key}: ${values.join(', ')}`),
    ...arms.map(
      ({ name, differences, summary }) =>
        `  ${padToWidth(name, width)}${summary === undefined ? '' : `${summary}; `}${name === baseline ? 'baseline' : differences.join(', ') || 'as the baseline'}`,
    ),
  ];
}
