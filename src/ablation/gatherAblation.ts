import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { cellName } from './ablationPlan.js';
import { summarizeAblation, type AblationResults } from './ablationResults.js';
import type { AblationData, RunData, SampleTranslation } from './ablationData.js';
import { compareArms, type TestTranslations } from './compareArms.js';
import { gatherRun } from './gatherRun.js';
import { bleuOptions } from '../run/heldOut.js';
import { readAblation } from './planFile.js';
import type { PlanRecord } from './planRecord.js';
import { readRunFailures } from './runFailures.js';
import { runPaths } from '../run/runFolder.js';
import { readTextFile } from '../storage/textFile.js';

export interface GatherOptions {
  /** Sentences of the test set, evenly spread, whose translations are gathered. Default 20. */
  readonly samples?: number;
  /** Resamples of the paired bootstrap against the baseline; 0: none. Default 1,000. */
  readonly bootstrapSamples?: number;
}

/** A run and where it lies. */
interface RunInFolder {
  readonly run: RunData;
  readonly folder: string;
}

/**
 * Reads a folder of runs into one plain object: an ablation's, complete or under way, or that of a single run.
 *
 * @throws DataError if it is neither, or a file in it is damaged
 */
export function gatherAblation(
  dir: string,
  { samples = 20, bootstrapSamples = 1000 }: GatherOptions = {},
): AblationData {
  const { plan, inFolders } = existsSync(runPaths(dir).config) ? gatherOne(dir) : gatherPlanned(dir);
  const runs = inFolders.map(({ run }) => run);
  const results = summarizeAblation(plan, runs);
  const budgets = new Set(
    runs.map(({ config }) => config?.train.maxUpdates || undefined).filter((budget) => budget !== undefined),
  );
  const translated = inFolders.filter(hasTranslations);
  const untranslated = inFolders
    .filter((each) => each.run.scores?.test && !translated.includes(each))
    .map(({ run }) => run.key);
  return {
    name: basename(resolve(dir)),
    ...(bootstrapSamples > 0 ? withComparisons(results, translated, bootstrapSamples) : results),
    ...(budgets.size === 1 && { budget: [...budgets][0] }),
    ...(budgets.size > 1 && { differentBudgets: [...budgets].sort((a, b) => a - b) }),
    ...(untranslated.length > 0 && { untranslated }),
    runs,
    samples: sampleTranslations(translated, samples),
  };
}

interface Gathered {
  readonly plan: PlanRecord;
  readonly inFolders: readonly RunInFolder[];
}

function gatherPlanned(dir: string): Gathered {
  const plan = readAblation(dir);
  const failures = readRunFailures(dir);
  return {
    plan,
    inFolders: plan.runs.map((planned) => ({
      run: gatherRun(join(dir, planned.key), planned, failures[planned.key]?.message),
      folder: join(dir, planned.key),
    })),
  };
}

/** A single run as an ablation of one arm. */
function gatherOne(dir: string): Gathered {
  const planned = { key: 'run', arm: 'run', cell: {}, seed: 0 };
  const gathered = gatherRun(dir, planned);
  const { seed } = gathered.config!;
  return {
    plan: {
      baseline: 'run',
      seeds: [seed],
      axes: [],
      arms: [{ name: 'run', differences: [] }],
      runs: [{ ...planned, seed }],
    },
    inFolders: [{ run: { ...gathered, seed }, folder: dir }],
  };
}

/** @param translated runs of which {@link hasTranslations} */
function withComparisons(
  results: AblationResults,
  translated: readonly RunInFolder[],
  numSamples: number,
): AblationResults {
  const translations = (arm: string, cell: string): (TestTranslations & { refs: string[] })[] =>
    translated
      .filter(({ run }) => run.arm === arm && cellName(run.cell) === cell)
      .map(({ run, folder }) => ({
        trainSeed: run.seed,
        hyps: readLines(hypPath(run, folder)),
        refs: readLines(runPaths(folder).testRef),
      }));
  const reference = results.arms.find(({ name }) => name === results.baseline)!;
  const baseline = translations(reference.name, reference.cells[reference.selected].name);
  const config = translated.find(({ run }) => run.config)?.run.config;
  if (baseline.length === 0 || config === undefined) return results;
  const options = bleuOptions(config.decode);
  return {
    ...results,
    arms: results.arms.map((arm) =>
      arm === reference
        ? arm
        : {
            ...arm,
            // one cell of an arm: its selected one
            cells: arm.cells.map((cell, c) =>
              c === arm.selected
                ? {
                    ...cell,
                    comparison: compareArms(
                      translations(arm.name, cell.name),
                      baseline,
                      baseline[0].refs,
                      options,
                      numSamples,
                    ),
                  }
                : cell,
            ),
          },
    ),
  };
}

/** @param translated runs of which {@link hasTranslations} */
function sampleTranslations(translated: readonly RunInFolder[], count: number): SampleTranslation[] {
  const first = translated.find(({ folder }) => existsSync(runPaths(folder).testSrc));
  if (first === undefined || count === 0) return [];
  const [src, ref] = [runPaths(first.folder).testSrc, runPaths(first.folder).testRef].map(readLines);
  const hyps = translated.map(({ run, folder }) => ({ key: run.key, lines: readLines(hypPath(run, folder)) }));
  const wanted = Math.min(count, src.length);
  return Array.from({ length: wanted }, (_, i) => {
    const at = Math.floor((i * src.length) / wanted);
    return {
      line: at + 1,
      src: src[at],
      ref: ref[at],
      hyps: Object.fromEntries(hyps.map(({ key, lines }) => [key, lines[at]])),
    };
  });
}

function hypPath({ scores }: RunData, folder: string): string {
  return join(folder, scores?.test?.hyp ?? 'test.hyp');
}

/** A run that was copied without them still has its scores. */
function hasTranslations({ run, folder }: RunInFolder): boolean {
  return (
    run.scores?.test !== undefined && [hypPath(run, folder), runPaths(folder).testRef].every((path) => existsSync(path))
  );
}

function readLines(path: string): string[] {
  return readTextFile(path, 'text of the test set').replace(/\n$/, '').split('\n');
}
