import { relative } from 'node:path';
import { DataError } from '../errors.js';
import {
  jsonCount,
  jsonList,
  jsonObject,
  jsonOneOf,
  jsonOptional,
  jsonRecord,
  jsonText,
  jsonValue,
  readJsonFile,
  writeJsonFile,
  type JsonFile,
  type JsonShape,
} from '../storage/jsonFile.js';
import { ablationFiles } from './ablationFiles.js';
import type { AblationPlan } from './ablationPlan.js';
import type { PlanEstimate } from './estimateTime.js';
import { findRuns } from './existingRuns.js';
import { planOfFound } from './foundPlan.js';
import type { PlanRecord } from './planRecord.js';
import { isThere } from '../storage/isThere.js';

const formatVersion = 1;

const planPath = (dir: string): string => ablationFiles(dir).plan;

export function planRecord(dir: string, { runs, ...plan }: AblationPlan): PlanRecord {
  return {
    ...plan,
    runs: runs.map(({ arm, cell, seed, runDir }) => ({ key: relative(dir, runDir), arm, cell, seed })),
  };
}

/** What `ablate --dry-run --json` prints: the plan, and of each run that is not complete what it is expected to take. */
export function planEstimateRecord(dir: string, plan: AblationPlan, { waiting, ...total }: PlanEstimate): object {
  const estimates = new Map(waiting.map(({ run, estimate }) => [relative(dir, run.runDir), estimate]));
  const { runs, ...record } = planRecord(dir, plan);
  return { ...record, runs: runs.map((run) => ({ ...run, estimate: estimates.get(run.key) })), ...total };
}

/**
 * Writes plan.json. It keeps complete runs that this plan lacks, those of an earlier plan and those found in the
 * folder: results do not vanish when an ablation continues with others, and those of other machines are copied to their
 * places.
 */
export function writePlan(dir: string, plan: AblationPlan): void {
  const record = withFoundRuns(dir, planRecord(dir, plan));
  // descriptions of arms that only an earlier plan has; their runs say what they change
  const described = new Map(
    earlierPlan(dir)?.arms.map(({ name, preset, summary, source }) => [name, { preset, summary, source }]),
  );
  const own = new Set(plan.arms.map(({ name }) => name));
  const arms = record.arms.map((arm) => (own.has(arm.name) ? arm : { ...arm, ...described.get(arm.name) }));
  writeJsonFile(planPath(dir), { formatVersion, ...record, arms });
}

/** A plan with the found arms, seeds, values and runs that it lacked. */
export function withFound(plan: PlanRecord, found: PlanRecord): PlanRecord {
  const planned = new Set(plan.runs.map(({ key }) => key));
  const kept = found.runs.filter(({ key }) => !planned.has(key));
  if (kept.length === 0) return plan;
  const union = <T>(own: readonly T[], others: readonly T[]): T[] => [...new Set([...own, ...others])];
  const armNames = new Set(plan.arms.map(({ name }) => name));
  const keys = union(
    [...plan.axes, ...found.axes].map(({ key }) => key),
    [],
  );
  return {
    baseline: plan.baseline,
    seeds: union(
      plan.seeds,
      kept.map(({ seed }) => seed),
    ),
    axes: keys
      .map((key) => ({
        key,
        values: union(
          plan.axes.find((axis) => axis.key === key)?.values ?? [],
          kept.flatMap(({ cell }) => (Object.hasOwn(cell, key) ? [cell[key]] : [])),
        ),
      }))
      .filter(({ values }) => values.length > 0),
    arms: [
      ...plan.arms,
      ...found.arms.filter(({ name }) => !armNames.has(name) && kept.some(({ arm }) => arm === name)),
    ],
    runs: [...plan.runs, ...kept],
  };
}

/**
 * The plan of an ablation's folder: its plan.json, and complete runs that it does not name, e.g. of another machine.
 * Without plan.json only those runs: the baseline is then the first of the arms in the order of the presets.
 *
 * @throws DataError if there is neither, or the plan cannot be used
 */
export function readAblation(dir: string): PlanRecord {
  return withFoundRuns(dir, isThere(planPath(dir)) ? readPlan(dir) : undefined);
}

function withFoundRuns(dir: string, plan: PlanRecord | undefined): PlanRecord {
  const found = findRuns(dir, new Set(plan?.runs.map(({ key }) => key)));
  if (found.length === 0) return plan ?? readPlan(dir); // reports that plan.json is missing
  return plan ? withFound(plan, planOfFound(dir, found, plan)) : planOfFound(dir, found);
}

/** The existing plan; undefined if it cannot be read, and is then rewritten. */
function earlierPlan(dir: string): PlanRecord | undefined {
  try {
    return isThere(planPath(dir)) ? readPlan(dir) : undefined;
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
}

/** @throws DataError if the folder has none, or it cannot be used */
export function readPlan(dir: string): PlanRecord {
  const path = planPath(dir);
  if (!isThere(path))
    throw new DataError(
      `${dir} holds no ablation (no plan.json) and no run (no config.yaml). Name a folder that "coldstart ablate" or "coldstart train" made.`,
    );
  return readJsonFile<PlanRecord>(path, planFile);
}

const setting = jsonValue(
  'a text, a number or true or false',
  (value) => typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value),
);

const planShape: JsonShape = (value, field) => {
  jsonObject({
    formatVersion: jsonOneOf([formatVersion]),
    baseline: jsonText,
    seeds: jsonList(jsonCount),
    axes: jsonList(jsonObject({ key: jsonText, values: jsonList(setting) })),
    arms: jsonList(
      jsonObject({
        name: jsonText,
        preset: jsonOptional(jsonText),
        summary: jsonOptional(jsonText),
        source: jsonOptional(jsonText),
        differences: jsonList(jsonText),
      }),
    ),
    runs: jsonList(
      jsonObject({
        // joined to the folder's path, so it must not lead out of the folder
        key: jsonValue(
          'a path below the folder',
          (key) => typeof key === 'string' && !key.split(/[/\\]/).includes('..') && !/^[/\\]|^[A-Za-z]:|\0/.test(key),
        ),
        arm: jsonText,
        cell: jsonRecord(setting),
        seed: jsonCount,
      }),
    ),
  })(value, field);
  const { arms, runs, baseline, axes } = value as PlanRecord;
  const names = arms.map(({ name }) => name);
  const keys = axes.map(({ key }) => key);
  jsonOneOf(names)(baseline, 'baseline');
  jsonValue('a list of at least one run', () => runs.length > 0)(runs, 'runs');
  runs.forEach(({ arm, cell }, i) => {
    jsonOneOf(names)(arm, `runs[${i}].arm`);
    for (const key of Object.keys(cell)) jsonOneOf(keys)(key, `a name in runs[${i}].cell`);
  });
  for (const name of names)
    jsonValue('the name of an arm that has runs', () => runs.some(({ arm }) => arm === name))(name, 'arms');
};

const planFile: JsonFile = {
  what: 'plan of an ablation',
  shape: planShape,
  advice: "Run the ablation's command again: it writes the file again and repeats no complete run.",
};
