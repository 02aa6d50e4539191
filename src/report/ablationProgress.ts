import type { AblationPlan, PlannedRun } from '../experiment/ablationPlan.js';
import type { RunEvent } from '../experiment/runEvents.js';
import { formatDuration, formatNumber } from './format.js';
import { ProgressBar, type ProgressStream } from './progressBar.js';

/** Shows the runs of an ablation, of which several may go on at once: lines for what stays, and one line for where each stands. */
export class AblationProgress {
  private bar?: ProgressBar;
  private runsDone = 0;
  private numRuns = 1;
  private readonly standing = new Map<string, { readonly share: number; readonly text: string }>();

  constructor(private readonly stream: ProgressStream) {}

  plan({ arms, runs, baseline }: AblationPlan): void {
    this.bar = new ProgressBar({ label: 'ablation', total: 100, unit: '%', stream: this.stream });
    this.numRuns = runs.length;
    this.bar.log(`${runs.length} runs: ${arms.length} arms`);
    for (const { name, differences } of arms) this.bar.log(`  ${name.padEnd(14)}${name === baseline ? 'baseline' : differences.join(', ')}`);
  }

  event({ arm, seed }: PlannedRun, event: RunEvent | { readonly event: 'complete'; readonly already: boolean }): void {
    const name = `${arm}/${seed}`;
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

function shareOf(done: number, total: number | undefined): number {
  return total === undefined ? 0 : done / total;
}
