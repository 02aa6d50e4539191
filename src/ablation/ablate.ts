import { relative } from 'node:path';
import { counted } from '../counted.js';
import type { Config } from '../config/schema.js';
import { ColdstartError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import type { AblationData } from './ablationData.js';
import { ablationFiles } from './ablationFiles.js';
import { planAblation, type AblationPlan, type PlannedRun } from './ablationPlan.js';
import { checkExistingRuns, isPlannedRunComplete } from './existingRuns.js';
import { gatherAblation } from './gatherAblation.js';
import { writePlan } from './planFile.js';
import { choiceText, chosenRuns, type RunChoice } from './runChoice.js';
import type { RunEvent } from '../run/runEvents.js';
import { forgetFailure, noteFailure } from './runFailures.js';
import { runInProcess } from './runProcess.js';
import { lockFolder } from '../storage/folderLock.js';
import { makeFolder } from '../storage/makeFolder.js';

/** Events of a run, and how it ends. */
export type AblationEvent =
  | RunEvent
  | { readonly event: 'complete'; readonly already: boolean }
  | { readonly event: 'failed'; readonly message: string };

/** The configuration and folder of `ablate`. */
export interface AblationTask {
  readonly config: Config;
  /** Folder of runs and results. */
  readonly dir: string;
  /** Runs at the same time. Default: ablation.parallel. */
  readonly parallel?: number;
  /** Which runs of the plan are done here. Default: all. */
  readonly choice?: RunChoice;
  /** Start runs even if memory will not suffice. */
  readonly ignoreMemory?: boolean;
  readonly signal?: AbortSignal;
  readonly onPlan?: (plan: AblationPlan) => void;
  /** Called after each run with the results so far. */
  readonly onResults?: (results: AblationData) => void;
  readonly onEvent?: (run: PlannedRun, event: AblationEvent) => void;
}

/**
 * Trains every arm in every cell of the grid with every seed and compares them: plan.json and results.json in the
 * ablation's folder, the latter rewritten after every run. Complete runs are not repeated; unfinished ones resume. A
 * run that diverges is a result.
 *
 * @returns the results of the runs, with significance once all are complete
 * @throws the signal's reason when aborted, after the current runs have saved; ColdstartError naming the runs that
 * failed, after
 *   the others are done (or at once if the first three fail)
 */
export async function ablate(task: AblationTask): Promise<AblationData> {
  const plan = planAblation(task.config, task.dir);
  checkExistingRuns(plan, task.dir);
  makeFolder(task.dir);
  const release = await lockFolder(ablationFiles(task.dir).lock, 'working on this ablation');
  try {
    return await carryOut(plan, task);
  } finally {
    release();
  }
}

/**
 * Executes a plan in a locked folder. @throws ColdstartError code RUN_FAILED if runs failed, after the others are done
 */
export async function carryOut(plan: AblationPlan, task: AblationTask): Promise<AblationData> {
  const { config, dir, choice = {}, signal, onEvent } = task;
  const parallel = task.parallel ?? config.ablation.parallel;
  const own = chosenRuns(plan, choice).runs;
  writePlan(dir, plan);
  task.onPlan?.(plan);
  for (const planned of plan.runs.filter(isPlannedRunComplete))
    onEvent?.(planned, { event: 'complete', already: true });
  const waiting = own.filter((planned) => !isPlannedRunComplete(planned));
  const failures: string[] = [];
  let completed = 0;
  // one failed run must not stop the others, but a cause that fails every run need not be tried on all of them
  const isHopeless = (): boolean => failures.length >= 3 && completed === 0;
  const record = (bootstrapSamples?: number): AblationData => {
    const data = gatherAblation(dir, { samples: 0, bootstrapSamples });
    writeFileAtomic(ablationFiles(dir).results, `${JSON.stringify(resultsOf(data), null, 2)}\n`);
    task.onResults?.(data);
    return data;
  };
  record(0); // a damaged file among the runs is named before the others start

  const worker = async (): Promise<void> => {
    while (waiting.length > 0 && !isHopeless() && !signal?.aborted) {
      const planned = waiting.shift()!;
      const key = relative(dir, planned.runDir);
      forgetFailure(dir, key);
      try {
        const outcome = await runInProcess(
          { ...planned, ignoreMemory: task.ignoreMemory },
          {
            parallel,
            signal,
            onEvent: (event) => onEvent?.(planned, event),
          },
        );
        if (outcome === 'stopped') return;
      } catch (error) {
        failures.push(`the run in ${planned.runDir} failed: ${(error as Error).message}`);
        noteFailure(dir, key, (error as Error).message);
        onEvent?.(planned, { event: 'failed', message: (error as Error).message });
        continue;
      }
      completed++;
      onEvent?.(planned, { event: 'complete', already: false });
      try {
        record(0);
      } catch {
        // must not stop the other runs; the last record says what is wrong
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, own.length) }, worker));
  const results = record();
  signal?.throwIfAborted();
  if (failures.length > 0) {
    const chosen = choiceText(choice);
    const part = chosen === undefined ? '' : ` of ${chosen}`;
    const others =
      isHopeless() && waiting.length > 0
        ? `; ${counted(waiting.length, 'run was', 'runs were')} not tried`
        : failures.length < own.length
          ? `; all other runs${part} are complete`
          : '';
    throw new ColdstartError(
      'RUN_FAILED',
      [
        `${failures.length} of ${counted(own.length, 'run')}${part} failed${others}. The same command tries again:`,
        ...failures.map((message) => `  ${message}`),
      ].join('\n'),
    );
  }
  return results;
}

/** results.json: the comparison and every run's scores, without curves. */
export function resultsOf({ runs, samples: _, ...results }: AblationData): object {
  return {
    ...results,
    runs: runs.map(({ key, arm, cell, seed, state, scores }) => ({ key, arm, cell, seed, state, scores })),
  };
}
