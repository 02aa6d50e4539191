import { significanceFields } from '../score/significance.js';
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { cellName } from './ablationPlan.js';
import { hasLearned, summarizeAblation, type AblationResults } from './ablationResults.js';
import type { AblationData, RunData, SampleTranslation } from './ablationData.js';
import { compareArms, type TestTranslations } from './compareArms.js';
import { gatherRun } from './gatherRun.js';
import { bleuOptions } from '../run/heldOut.js';
import { readAblation } from './planFile.js';
import type { PlanRecord } from './planRecord.js';
import { readRunFailures } from './runFailures.js';
import { runPaths } from '../run/runFolder.js';
import { scoredReferences } from '../run/scoredReferences.js';
import { readTestText } from '../run/testText.js';

/** Options of `gatherAblation`. */
export interface GatherOptions {
  /** Sentences of the test set, evenly spread, whose translations are gathered. Default 20. */
  readonly samples?: number;
  /** Resamples of the paired bootstrap against the baseline; 0: none. Default 1,000. */
  readonly bootstrapSamples?: number;
}

/** A run and its folder. */
interface RunInFolder {
  readonly run: RunData;
  readonly folder: string;
}

/** A run with its translations of the test set and the references that they were scored against. */
interface TranslatedRun extends RunInFolder {
  readonly hyps: readonly string[];
  readonly refs: readonly string[];
}

/**
 * Reads a folder of runs into one plain object: an ablation's, complete or under way, or that of a single run.
 *
 * @throws DataError if it is neither, or a file in it is damaged
 */
export function gatherAblation(
  dir: string,
  { samples = 20, bootstrapSamples = significanceFields.bs.numSamples.default }: GatherOptions = {},
): AblationData {
  const { plan, inFolders } = existsSync(runPaths(dir).config) ? gatherOne(dir) : gatherPlanned(dir);
  const runs = inFolders.map(({ run }) => run);
  const results = summarizeAblation(plan, runs);
  const budgets = new Set(
    runs.map(({ config }) => config?.train.maxUpdates || undefined).filter((budget) => budget !== undefined),
  );
  const translated = withSameReferences(inFolders.flatMap(readTranslations), plan.baseline);
  const comparable = new Set(translated.map(({ run }) => run));
  const untranslated = runs.filter((run) => run.scores?.test && !comparable.has(run)).map(({ key }) => key);
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

function withComparisons(
  results: AblationResults,
  translated: readonly TranslatedRun[],
  numSamples: number,
): AblationResults {
  const translations = (arm: string, cell: string): TestTranslations[] =>
    translated
      .filter(({ run }) => run.arm === arm && cellName(run.cell) === cell)
      .map(({ run, hyps }) => ({ trainSeed: run.seed, hyps }));
  const reference = results.arms.find(({ name }) => name === results.baseline)!;
  const referenceCell = reference.cells[reference.selected];
  const baseline = translations(reference.name, referenceCell.name);
  const config = translated.find(({ run }) => run.config)?.run.config;
  if (baseline.length === 0 || config === undefined || !hasLearned(referenceCell)) return results;
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
              c === arm.selected && hasLearned(cell)
                ? {
                    ...cell,
                    comparison: compareArms(
                      translations(arm.name, cell.name),
                      baseline,
                      translated[0].refs,
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

function sampleTranslations(translated: readonly TranslatedRun[], count: number): SampleTranslation[] {
  const first = translated.find(({ folder }) => existsSync(runPaths(folder).testSrc));
  if (first === undefined || count === 0) return [];
  const src = readTestText(first.folder, basename(runPaths(first.folder).testSrc), first.run.scores?.files);
  const ref = first.refs;
  const hyps = translated.map(({ run, hyps: lines }) => ({ key: run.key, lines }));
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

/** The translations of a run; none if it has no test BLEU, or was copied without the files it was computed from. */
function readTranslations({ run, folder }: RunInFolder): TranslatedRun[] {
  const { config, scores } = run;
  if (config === undefined || scores?.test === undefined) return [];
  const hyp = scores.test.hyp ?? 'test.hyp';
  if (!existsSync(join(folder, hyp))) return [];
  const refs = scoredReferences(folder, config, { ...scores.test, hyp }, scores.files);
  return refs === undefined ? [] : [{ run, folder, hyps: readTestText(folder, hyp, scores.files), refs }];
}

/** Only translations of the same text can be compared: those whose references are the baseline's. */
function withSameReferences(translated: readonly TranslatedRun[], baseline: string): TranslatedRun[] {
  const standard = (translated.find(({ run }) => run.arm === baseline) ?? translated[0])?.refs.join('\n');
  return translated.filter(({ refs }) => refs.join('\n') === standard);
}
