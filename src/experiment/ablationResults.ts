import type { AblationPlan } from './ablationPlan.js';
import { runPaths } from './runFolder.js';
import { readRunScores, type RunScores } from './runScores.js';

/** Mean over the seeds that have the number; the standard error needs two. */
export interface Estimate {
  readonly mean: number;
  readonly standardError?: number;
  readonly count: number;
}

export interface ArmResults {
  readonly name: string;
  /** How its configuration differs from the baseline's. */
  readonly differences: readonly string[];
  readonly runs: readonly { readonly seed: number; readonly runDir: string; readonly scores?: RunScores }[];
  readonly complete: number;
  readonly diverged: number;
  readonly testBleu?: Estimate;
  /** Of the best validation: the checkpoint is chosen by it. */
  readonly validBleu?: Estimate;
  readonly validLoss?: Estimate;
  readonly validPerplexity?: Estimate;
  /** Initialisation and training, by wall clock. */
  readonly seconds?: Estimate;
  readonly initSeconds?: Estimate;
  /** Test BLEU above the baseline's, averaged over the seeds that both have. */
  readonly testBleuDifference?: Estimate;
}

export interface AblationResults {
  readonly baseline: string;
  readonly seeds: readonly number[];
  /** BLEU's signature; undefined until a run has a score. */
  readonly signature?: string;
  readonly backends: readonly string[];
  readonly arms: readonly ArmResults[];
}

/** What the runs of an ablation have come to so far. */
export function summarizeAblation(plan: AblationPlan): AblationResults {
  const runs = plan.runs.map((planned) => ({ ...planned, scores: readRunScores(runPaths(planned.runDir).scores) }));
  const testBleuOf = (arm: string): Map<number, number> =>
    new Map(runs.flatMap(({ arm: of, seed, scores }) => (of === arm && scores?.test ? [[seed, scores.test.bleu] as const] : [])));
  const baseline = testBleuOf(plan.baseline);

  const arms = plan.arms.map(({ name, differences }): ArmResults => {
    const own = runs.filter(({ arm }) => arm === name);
    const complete = own.flatMap(({ scores }) => (scores ? [scores] : []));
    const finished = complete.filter(({ status }) => status === 'finished');
    const pairs = [...testBleuOf(name)].flatMap(([seed, bleu]) => (baseline.has(seed) ? [bleu - baseline.get(seed)!] : []));
    return {
      name, differences,
      runs: own.map(({ seed, runDir, scores }) => ({ seed, runDir, scores })),
      complete: complete.length,
      diverged: complete.length - finished.length,
      testBleu: estimate(finished.map(({ test }) => test?.bleu)),
      validBleu: estimate(finished.map(({ best }) => best?.bleu)),
      validLoss: estimate(finished.map(({ best }) => best?.loss)),
      validPerplexity: estimate(finished.map(({ best }) => best?.perplexity)),
      seconds: estimate(complete.map(({ trainSeconds, initSeconds }) => trainSeconds + initSeconds)),
      initSeconds: estimate(complete.map(({ initSeconds }) => initSeconds)),
      ...(name !== plan.baseline && { testBleuDifference: estimate(pairs) }),
    };
  });
  return {
    baseline: plan.baseline,
    seeds: [...new Set(plan.runs.map(({ seed }) => seed))],
    signature: runs.find(({ scores }) => scores?.test)?.scores?.test?.signature,
    backends: [...new Set(runs.flatMap(({ scores }) => (scores ? [scores.backend] : [])))],
    arms,
  };
}

/** Mean and standard error of the mean (sample deviation over sqrt n); undefined without numbers. */
export function estimate(found: readonly (number | undefined)[]): Estimate | undefined {
  const values = found.filter((value) => value !== undefined);
  const count = values.length;
  if (count === 0) return undefined;
  const mean = values.reduce((a, b) => a + b, 0) / count;
  if (count === 1) return { mean, count };
  const variance = values.reduce((total, value) => total + (value - mean) ** 2, 0) / (count - 1);
  return { mean, standardError: Math.sqrt(variance / count), count };
}
