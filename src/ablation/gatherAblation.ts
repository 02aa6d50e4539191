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
import { scoredText, type ScoredText } from './scoredText.js';

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
  const translated = inFolders.flatMap(withText);
  const untranslated = inFolders
    .filter(({ run }) => run.scores?.test && !translated.some((each) => each.run === run))
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

/** A run with its test set. */
interface TranslatedRun extends RunInFolder {
  readonly text: ScoredText;
}

function withText(each: RunInFolder): TranslatedRun[] {
  const { run, folder } = each;
  const text = run.scores?.test && scoredText(folder, run.config, run.scores.test);
  return text ? [{ ...each, text }] : [];
}

function withComparisons(
  results: AblationResults,
  translated: readonly TranslatedRun[],
  numSamples: number,
): AblationResults {
  const inCell = (arm: string, cell: string): TranslatedRun[] =>
    translated.filter(({ run }) => run.arm === arm && cellName(run.cell) === cell);
  const reference = results.arms.find(({ name }) => name === results.baseline)!;
  const [first] = inCell(reference.name, reference.cells[reference.selected].name);
  const config = first?.run.config;
  if (config === undefined) return results;
  const { refs } = first.text;
  // scores on other references, or by another BLEU, cannot be compared
  const isComparable = ({ run, text }: TranslatedRun): boolean =>
    run.scores?.test?.signature === first.run.scores?.test?.signature && text.refs.join('\n') === refs.join('\n');
  const translations = (arm: string, cell: string): TestTranslations[] =>
    inCell(arm, cell)
      .filter(isComparable)
      .map(({ run, text }) => ({ trainSeed: run.seed, hyps: text.hyps }));
  const baseline = translations(reference.name, reference.cells[reference.selected].name);
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
                    comparison: compareArms(translations(arm.name, cell.name), baseline, refs, options, numSamples),
                  }
                : cell,
            ),
          },
    ),
  };
}

function sampleTranslations(translated: readonly TranslatedRun[], count: number): SampleTranslation[] {
  const first = translated.find(({ text }) => text.src !== undefined);
  if (first === undefined || count === 0) return [];
  const { src = [], refs } = first.text;
  const wanted = Math.min(count, src.length);
  return Array.from({ length: wanted }, (_, i) => {
    const at = Math.floor((i * src.length) / wanted);
    return {
      line: at + 1,
      src: src[at],
      ref: refs[at],
      hyps: Object.fromEntries(translated.map(({ run, text }) => [run.key, text.hyps[at]])),
    };
  });
}
