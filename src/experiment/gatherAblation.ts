import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { cellName } from './ablationPlan.js';
import { summarizeAblation, type AblationResults } from './ablationResults.js';
import type { AblationData, RunData, SampleTranslation } from './ablationData.js';
import { compareArms, type TestTranslations } from './compareArms.js';
import { gatherRun } from './gatherRun.js';
import { bleuOptions } from './heldOut.js';
import { readAblation, type PlanRecord } from './planFile.js';
import { readRunFailures } from './runFailures.js';
import { runPaths } from './runFolder.js';
import { readTextFile } from '../storage/textFile.js';

export interface GatherOptions {
  /** Sentences of the test set, evenly spread, whose translations are gathered. Default 20. */
  readonly samples?: number;
  /** Resamples of the paired bootstrap against the baseline; 0: none. Default 1,000. */
  readonly bootstrapSamples?: number;
}

/**
 * Reads a folder of runs into one plain object: an ablation's, complete or under way, or that of a single run.
 *
 * @throws DataError if it is neither, or a file in it is damaged
 */
export function gatherAblation(dir: string, { samples = 20, bootstrapSamples = 1000 }: GatherOptions = {}): AblationData {
  const isRun = existsSync(runPaths(dir).config);
  const plan = isRun ? planOfRun() : readAblation(dir);
  const failures = isRun ? {} : readRunFailures(dir);
  const runs = plan.runs.map((planned) => gatherRun(join(dir, planned.key), planned, failures[planned.key]?.message));
  if (isRun) runs[0] = { ...runs[0], key: 'run', seed: runs[0].config!.seed };
  const results = summarizeAblation({ ...plan, ...(isRun && { seeds: [runs[0].seed] }) }, runs);
  const budgets = new Set(runs.map(({ config }) => config?.train.maxUpdates || undefined).filter((budget) => budget !== undefined));
  const untranslated = runs.filter((run) => run.scores?.test && !hasTranslations(run, isRun ? dir : join(dir, run.key))).map(({ key }) => key);
  return {
    name: basename(resolve(dir)),
    ...(bootstrapSamples > 0 ? withComparisons(results, runs, dir, isRun, bootstrapSamples) : results),
    ...(budgets.size === 1 && { budget: [...budgets][0] }),
    ...(untranslated.length > 0 && { untranslated }),
    runs,
    samples: sampleTranslations(runs, dir, isRun, samples),
  };
}

function planOfRun(): PlanRecord {
  return { baseline: 'run', seeds: [], axes: [], arms: [{ name: 'run', differences: [] }], runs: [{ key: '', arm: 'run', cell: {}, seed: 0 }] };
}

function withComparisons(results: AblationResults, runs: readonly RunData[], dir: string, isRun: boolean, numSamples: number): AblationResults {
  const folder = (run: RunData): string => (isRun ? dir : join(dir, run.key));
  const translations = (arm: string, cell: string): (TestTranslations & { refs: string[] })[] => runs
    .filter((run) => run.arm === arm && cellName(run.cell) === cell && hasTranslations(run, folder(run)))
    .map((run) => ({ trainSeed: run.seed, hyps: readLines(join(folder(run), run.scores!.test!.hyp ?? 'test.hyp')), refs: readLines(runPaths(folder(run)).testRef) }));
  const reference = results.arms.find(({ name }) => name === results.baseline)!;
  const baseline = translations(reference.name, reference.cells[reference.selected].name);
  const config = runs.find(({ config: own }) => own)?.config;
  if (baseline.length === 0 || config === undefined) return results;
  const options = bleuOptions(config.decode);
  return {
    ...results,
    arms: results.arms.map((arm) => (arm === reference ? arm : {
      ...arm,
      // one cell of an arm: its selected one
      cells: arm.cells.map((cell, c) => (c === arm.selected ? { ...cell, comparison: compareArms(translations(arm.name, cell.name), baseline, baseline[0].refs, options, numSamples) } : cell)),
    })),
  };
}

function sampleTranslations(runs: readonly RunData[], dir: string, isRun: boolean, count: number): SampleTranslation[] {
  const tested = runs.map((run) => ({ run, key: run.key, folder: isRun ? dir : join(dir, run.key), hyp: run.scores?.test?.hyp ?? 'test.hyp' })).filter(({ run, folder }) => hasTranslations(run, folder));
  const first = tested.find(({ folder }) => existsSync(runPaths(folder).testSrc));
  if (first === undefined || count === 0) return [];
  const [src, ref] = [runPaths(first.folder).testSrc, runPaths(first.folder).testRef].map(readLines);
  const hyps = tested.map(({ key, folder, hyp }) => ({ key, lines: readLines(join(folder, hyp)) }));
  const wanted = Math.min(count, src.length);
  return Array.from({ length: wanted }, (_, i) => {
    const at = Math.floor((i * src.length) / wanted);
    return { line: at + 1, src: src[at], ref: ref[at], hyps: Object.fromEntries(hyps.map(({ key, lines }) => [key, lines[at]])) };
  });
}

/** A run that was copied without them still has its scores. */
function hasTranslations({ scores }: RunData, folder: string): boolean {
  return scores?.test !== undefined && [join(folder, scores.test.hyp ?? 'test.hyp'), runPaths(folder).testRef].every((path) => existsSync(path));
}

function readLines(path: string): string[] {
  return readTextFile(path, 'text of the test set').replace(/\n$/, '').split('\n');
}
