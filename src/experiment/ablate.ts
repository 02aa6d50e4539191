import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import { summarizeAblation, type AblationResults } from './ablationResults.js';
import { planAblation, type AblationPlan, type PlannedRun } from './ablationPlan.js';
import type { RunEvent } from './runEvents.js';
import { runInProcess } from './runProcess.js';
import { runPaths } from './runFolder.js';
import { readRunScores } from './runScores.js';

export interface AblationTask {
  readonly config: Config;
  /** Folder of runs and results. */
  readonly dir: string;
  /** Runs at the same time. Default: ablation.parallel. */
  readonly parallel?: number;
  readonly signal?: AbortSignal;
  readonly onPlan?: (plan: AblationPlan) => void;
  /** Called with what the runs have come to, after each of them. */
  readonly onResults?: (results: AblationResults) => void;
  readonly onEvent?: (run: PlannedRun, event: RunEvent | { readonly event: 'complete'; readonly already: boolean }) => void;
}

/**
 * Trains every arm with every seed and compares them: results.json in the ablation's folder, written anew after
 * every run. Runs that are complete are not repeated; unfinished ones go on. A run that diverges is a result.
 *
 * @throws the signal's reason when aborted, after the runs under way have saved; ColdstartError if a run fails
 */
export async function ablate(task: AblationTask): Promise<AblationResults> {
  const { config, dir, signal, onEvent } = task;
  const plan = planAblation(config, dir);
  const parallel = task.parallel ?? config.ablation.parallel;
  mkdirSync(dir, { recursive: true });
  task.onPlan?.(plan);
  const waiting = [...plan.runs];
  let failure: unknown;
  const record = (): AblationResults => {
    const results = summarizeAblation(plan);
    writeFileAtomic(join(dir, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
    task.onResults?.(results);
    return results;
  };

  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && failure === undefined && !signal?.aborted; next = waiting.shift()) {
      const planned = next;
      const before = readRunScores(runPaths(planned.runDir).scores);
      try {
        const outcome = await runInProcess(planned, { parallel, signal, onEvent: (event) => onEvent?.(planned, event) });
        if (outcome === 'stopped') return;
      } catch (error) {
        failure ??= error;
        return;
      }
      onEvent?.(planned, { event: 'complete', already: before !== undefined });
      record();
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, plan.runs.length) }, worker));
  const results = record();
  if (failure !== undefined) throw failure;
  signal?.throwIfAborted();
  return results;
}
