import type { AblationEvent } from '../experiment/ablate.js';
import { cellName, type AblationPlan, type PlannedRun } from '../experiment/ablationPlan.js';
import { formatDuration, formatNumber } from './format.js';
import { ProgressBar, type ProgressStream } from './progressBar.js';

/** Shows the runs of an ablation, of which several may go on at once: lines for what stays, and one line for where each stands. */
export class AblationProgress {
  private bar?: ProgressBar;
  private runsDone = 0;
  private numRuns = 1;
  private readonly standing = new Map<string, { readonly share: number; readonly text: string }>();

  constructor(private readonly stream: ProgressStream) {}

  plan({ arms, runs, baseline, axes, seeds }: AblationPlan): void {
    this.bar = new ProgressBar({ label: 'ablation', total: 100, unit: '%', stream: this.stream });
    this.numRuns = runs.length;
    for (const line of planLines({ arms, runs, baseline, axes, seeds })) this.bar.log(line);
  }

  event({ arm, cell, seed }: PlannedRun, event: AblationEvent): void {
    const name = [arm, cellName(cell), seed].filter((part) => part !== '').join('/');
    const label = name.padEnd(18);
    switch (event.event) {
      case 'start':
        this.log(`${label}${event.resumedFrom === undefined ? 'starts' : `goes on from update ${event.resumedFrom}`} on ${event.backend}`);
        this.stand(name, 0, 'starting');
        break;
      case 'update':
        this.stand(name, 0.9 * shareOf(event.update, this.maxUpdates.get(name)), `update ${event.update} loss ${event.loss.toFixed(2)}`);
        break;
      case 'progress':
        this.stand(name, this.standing.get(name)?.share ?? 0, `${event.stage} ${event.done}/${event.total}`);
        break;
      case 'valid':
        this.log(`${label}update ${event.update}  valid loss ${event.loss.toFixed(3)}  ppl ${formatNumber(event.perplexity)}${event.bleu === undefined ? '' : `  BLEU ${event.bleu.toFixed(2)}`}`);
        break;
      case 'diverged':
        this.log(`${label}diverged at update ${event.update}: loss ${event.loss}, first in the ${event.tensor}`);
        break;
      case 'scores':
        this.log(`${label}${event.status}${event.test ? `  test BLEU ${event.test.bleu.toFixed(2)}` : ''}  ${formatDuration(event.trainSeconds + event.initSeconds)}`);
        break;
      case 'failed':
        this.standing.delete(name);
        this.runsDone++;
        this.log(`${label}failed: ${event.message}`);
        break;
      case 'complete':
        this.standing.delete(name);
        this.runsDone++;
        if (event.already) this.log(`${label}complete already`);
        this.draw();
        break;
      default:
        break;
    }
    if (event.event === 'start' && event.maxUpdates !== undefined) this.maxUpdates.set(name, event.maxUpdates);
  }

  finish(): void {
    this.bar?.finish();
  }

  private readonly maxUpdates = new Map<string, number>();

  private stand(name: string, share: number, text: string): void {
    this.standing.set(name, { share, text });
    this.draw();
  }

  private draw(): void {
    const running = [...this.standing].map(([name, { text }]) => `${name}: ${text}`).join('  ');
    const share = [...this.standing.values()].reduce((total, run) => total + run.share, this.runsDone);
    this.bar?.update(Math.round((100 * share) / this.numRuns), running);
  }

  private log(line: string): void {
    this.bar?.log(line);
  }
}

/** What an ablation consists of: its size, its grid, and what each arm changes of the baseline. */
export function planLines({ arms, runs, baseline, axes, seeds }: Pick<AblationPlan, 'arms' | 'runs' | 'baseline' | 'axes' | 'seeds'>): string[] {
  const width = Math.max(...arms.map(({ name }) => name.length)) + 2;
  return [
    `${runs.length} runs: ${arms.length} arms x ${seeds.length} seeds${axes.map(({ key, values }) => ` x ${values.length} values of ${key}`).join('')}`,
    ...axes.map(({ key, values }) => `  ${key}: ${values.join(', ')}`),
    ...arms.map(({ name, differences, summary }) =>
      `  ${name.padEnd(width)}${summary === undefined ? '' : `${summary}; `}${name === baseline ? 'baseline' : differences.join(', ') || 'as the baseline'}`),
  ];
}

function shareOf(done: number, total: number | undefined): number {
  return total === undefined ? 0 : done / total;
}
