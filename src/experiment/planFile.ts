import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DataError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import type { AblationPlan, PlannedRun } from './ablationPlan.js';

const formatVersion = 1;

/** plan.json of an ablation's folder: what it consists of, without the configurations, which the runs hold. */
export type PlanRecord = Omit<AblationPlan, 'runs'> & { readonly runs: readonly (Omit<PlannedRun, 'config' | 'runDir'> & { readonly key: string })[] };

const planPath = (dir: string): string => join(dir, 'plan.json');

export function planRecord(dir: string, { runs, ...plan }: AblationPlan): PlanRecord {
  return { ...plan, runs: runs.map(({ arm, cell, seed, runDir }) => ({ key: relative(dir, runDir), arm, cell, seed })) };
}

export function writePlan(dir: string, plan: AblationPlan): void {
  writeFileAtomic(planPath(dir), `${JSON.stringify({ formatVersion, ...planRecord(dir, plan) }, null, 2)}\n`);
}

/** @throws DataError if the folder has none, or it cannot be used */
export function readPlan(dir: string): PlanRecord {
  const path = planPath(dir);
  if (!existsSync(path)) throw new DataError(`${dir} holds no ablation (no plan.json) and no run (no config.yaml). Name a folder that "coldstart ablate" or "coldstart train" made.`);
  let plan: PlanRecord & { formatVersion?: number };
  try {
    plan = JSON.parse(readFileSync(path, 'utf8')) as PlanRecord;
  } catch (cause) {
    throw new DataError(`${path} is not JSON: ${(cause as Error).message}. Run the ablation's command again: it writes the file anew and repeats no complete run.`, { cause });
  }
  const isWhole = plan?.formatVersion === formatVersion && [plan.seeds, plan.axes, plan.arms, plan.runs].every(Array.isArray) && plan.arms.some(({ name }) => name === plan.baseline);
  // keys are joined to the folder, so they must not leave it
  if (!isWhole || plan.runs.some(({ key }) => typeof key !== 'string' || key.split(/[/\\]/).includes('..') || key.startsWith('/'))) {
    throw new DataError(`${path} is not a plan that this version reads (format ${formatVersion}). Run the ablation's command again: it writes the file anew.`);
  }
  return plan;
}
