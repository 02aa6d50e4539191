import { boundsNorm, gradInitSettings } from '../initial/gradInitSettings.js';
import type { Config } from '../config/schema.js';
import { ColdstartError } from '../errors.js';
import { estimateMemory, estimateRun, totalSeconds, type RunEstimate } from '../run/estimateRun.js';
import { runPaths } from '../run/runFolder.js';
import { readRunScores } from '../run/runScores.js';
import type { AblationPlan, PlannedRun } from './ablationPlan.js';

export interface PlanEstimate {
  /** Runs that are not complete, with what each is expected to take from its beginning. */
  readonly waiting: readonly { readonly run: PlannedRun; readonly estimate: RunEstimate }[];
  readonly complete: number;
  /** Of all waiting runs one after another. */
  readonly seconds: number;
}

/**
 * Measures a step of every kind of run that is left in a plan, on its own corpus and model, and adds up.
 *
 * Runs that differ only in settings without influence on time (seed, rates) share a measurement.
 * @throws ColdstartError TOO_LARGE naming the first arm that will not fit into memory
 * @param onMeasure called before each measurement with the run that represents its kind
 */
export async function estimatePlan(
  { runs }: AblationPlan,
  onMeasure?: (run: PlannedRun) => void,
  ignoreMemory = false,
): Promise<PlanEstimate> {
  const left = runs.filter(({ runDir }) => readRunScores(runPaths(runDir).scores) === undefined);
  // before anything is measured, which takes minutes for large models
  if (!ignoreMemory)
    for (const [, { arm, config }] of new Map(left.map((run) => [timeKind(run.config), run])))
      await estimateMemory(config).catch((error: unknown) => {
        throw error instanceof ColdstartError && error.code === 'TOO_LARGE'
          ? new ColdstartError(error.code, `arm ${arm}: ${error.message}`, { cause: error })
          : error;
      });
  const measured = new Map<string, RunEstimate>();
  const waiting: { run: PlannedRun; estimate: RunEstimate }[] = [];
  for (const run of left) {
    const kind = timeKind(run.config);
    if (!measured.has(kind)) {
      onMeasure?.(run);
      measured.set(kind, await estimateRun(run.config, ignoreMemory));
    }
    waiting.push({ run, estimate: measured.get(kind)! });
  }
  const seconds = waiting.reduce((total, { estimate }) => total + totalSeconds(estimate), 0);
  return { waiting, complete: runs.length - left.length, seconds };
}

/** The settings on which a run's time and memory depend. */
export function timeKind({ train, seed: _, init: { from }, record: __, gradinit, metainit, ...rest }: Config): string {
  const { iterations, scaled, fallBack } = gradInitSettings(gradinit);
  const learning = {
    algorithm: gradinit.algorithm,
    gradinit: [iterations, scaled, fallBack, boundsNorm(gradinit), gradinit.maxTokens, gradinit.pieceTokens],
    metainit: [metainit.iterations, metainit.maxTokens, metainit.pieceTokens],
  };
  const training = [
    train.optimizer,
    train.maxUpdates,
    train.maxEpochs,
    train.maxTokens,
    train.maxSentences,
    train.updateFreq,
    train.precision,
    train.countInit,
    train.validateEveryUpdates,
    train.validateBleu,
    train.validateBleuSentences,
    train.keepEpochs,
    train.keepEveryUpdates,
  ];
  return JSON.stringify({ rest, from, learning, training });
}
