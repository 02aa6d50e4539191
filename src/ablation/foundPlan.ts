import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cellName, type AxisValue } from './ablationPlan.js';
import { armPresets } from './armPresets.js';
import type { FoundRun } from './existingRuns.js';
import type { PlanRecord } from './planRecord.js';
import { differencesBetweenRuns, runPaths } from '../run/runFolder.js';

/**
 * The runs in an ablation's folder as a plan: arms in the order of the presets, then by name.
 *
 * @param found in the order of `findRuns`, by name
 * @param plan the folder's own; without one the baseline is the first arm
 */
export function planOfFound(dir: string, found: readonly FoundRun[], plan?: PlanRecord): PlanRecord {
  const presets = Object.keys(armPresets);
  const rank = (arm: string): number => (presets.includes(arm) ? presets.indexOf(arm) : presets.length);
  // an arm that lacks the first seed keeps its place among the arms
  const byArm = found.toSorted((a, b) => rank(a.arm) - rank(b.arm));
  const ordered = byArm.toSorted((a, b) => a.seed - b.seed);
  const names = [...new Set(byArm.map(({ arm }) => arm))];
  const baseline = plan?.baseline ?? names[0];
  const keys = [...new Set(ordered.flatMap(({ cell }) => Object.keys(cell)))];

  const baselineLike = (run: FoundRun): string | undefined => {
    const isLike = ({ arm, cell }: Pick<FoundRun, 'arm' | 'cell'>): boolean =>
      arm === baseline && cellName(cell) === cellName(run.cell);
    const planned = plan?.runs.find((each) => isLike(each) && existsSync(runPaths(join(dir, each.key)).config));
    return (planned ?? ordered.find(isLike))?.key;
  };
  const differences = (name: string): string[] => {
    const run = ordered.find(({ arm }) => arm === name)!;
    const other = baselineLike(run);
    return other ? differencesBetweenRuns(join(dir, other), join(dir, run.key)) : [];
  };
  return {
    baseline,
    seeds: [...new Set(ordered.map(({ seed }) => seed))],
    axes: keys.map((key) => ({
      key,
      values: [...new Set(ordered.flatMap(({ cell }) => (Object.hasOwn(cell, key) ? [cell[key]] : [])))].sort(byValue),
    })),
    arms: names.map((name) => ({ name, differences: differences(name) })),
    runs: ordered.map(({ key, arm, cell, seed }) => ({ key, arm, cell, seed })),
  };
}

function byValue(a: AxisValue, b: AxisValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [x, y] = [String(a), String(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}
