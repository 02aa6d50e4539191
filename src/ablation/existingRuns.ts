import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { settingOf } from '../config/loadConfig.js';
import type { Config } from '../config/schema.js';
import { readPrepareManifest } from '../corpus/prepare/manifest.js';
import { ColdstartError } from '../errors.js';
import { cellName, type AblationPlan, type AxisValue, type Cell, type PlannedRun } from './ablationPlan.js';
import { corpusIdentity, readRunConfig, differencesFromRun, runChanges, runPaths } from '../run/runFolder.js';
import { readRunScores } from '../run/runScores.js';

/** A complete run in the folder of an ablation. */
export interface FoundRun {
  /** Its folder below the ablation's: `ARM/seed-N` or `ARM/CELL/seed-N`. */
  readonly key: string;
  readonly arm: string;
  readonly cell: Cell;
  readonly seed: number;
  readonly config: Config;
}

/**
 * The complete runs in an ablation's folder: those of this machine and those copied from others. A run is identified by
 * its place and its own configuration; a folder whose name differs from what its configuration says is not a run.
 *
 * @param known keys that need not be looked for
 * @throws DataError or UsageError if the configuration of a run cannot be read
 */
export function findRuns(dir: string, known: ReadonlySet<string> = new Set()): FoundRun[] {
  return folders(dir)
    .flatMap((arm) =>
      folders(join(dir, arm)).flatMap((name) =>
        isSeed(name)
          ? [[arm, name]]
          : name.includes('=')
            ? folders(join(dir, arm, name))
                .filter(isSeed)
                .map((seed) => [arm, name, seed])
            : [],
      ),
    )
    .filter((path) => !known.has(path.join('/')) && isCompleteRun(join(dir, ...path)))
    .flatMap((path): FoundRun[] => {
      const config = readRunConfig(join(dir, ...path));
      const [arm, place, seed = place] = path;
      const keys = path.length === 2 ? [] : place.split(',').map((each) => each.slice(0, each.indexOf('=')));
      const cell = Object.fromEntries(keys.map((key) => [key, settingOf(config, key) as AxisValue]));
      const isItself = seed === `seed-${config.seed}` && (path.length === 2 || place === cellName(cell));
      return isItself ? [{ key: path.join('/'), arm, cell, seed: config.seed, config }] : [];
    });
}

/**
 * Checks the runs in an ablation's folder: those that the plan names must have its settings, and so must other seeds of
 * its arms. The folder must not be that of a single run.
 *
 * @throws ColdstartError code RUN_EXISTS for the folder of a run; code RUN_DIFFERS naming every run that was made with
 * other settings or another corpus, before any of them starts
 */
export function checkExistingRuns(plan: AblationPlan, dir: string): void {
  // reports of the folder would show the ablation, and the run no more
  if (existsSync(runPaths(dir).config))
    throw new ColdstartError(
      'RUN_EXISTS',
      `${dir} is the folder of a single run, so an ablation cannot use it. Choose another folder with --run.`,
    );
  const corpora = new Map(
    [...new Set(plan.runs.map(({ config }) => config.corpus.dir))].map((corpus) => [
      corpus,
      corpus === undefined ? undefined : readPrepareManifest(corpus),
    ]),
  );
  const otherSeeds = findRuns(dir, new Set(plan.runs.map(({ runDir }) => relative(dir, runDir)))).flatMap(
    ({ key, arm, cell, seed }) => {
      const like = plan.runs.find((run) => run.arm === arm && cellName(run.cell) === cellName(cell));
      return like ? [{ runDir: join(dir, key), config: { ...like.config, seed } }] : [];
    },
  );
  const planned = new Set(plan.runs.map(({ runDir }) => runDir));
  const differing = [...plan.runs, ...otherSeeds].flatMap(({ runDir, config }) => {
    if (!existsSync(runPaths(runDir).config)) return [];
    const manifest = corpora.get(config.corpus.dir);
    const { fixed, changeable } = runChanges(runDir, config, { corpus: manifest ? corpusIdentity(manifest) : {} });
    // a run of the plan may resume with other values of settings that may change; a complete one needs its checkpoints
    // for that
    const canChange = planned.has(runDir) && (!isCompleteRun(runDir) || existsSync(runPaths(runDir).last));
    const changes = canChange ? fixed : [...fixed, ...changeable];
    return changes.length === 0 ? [] : [`  ${runDir}`, ...changes.map((line) => `    ${line}`)];
  });
  if (differing.length === 0) return;
  throw new ColdstartError(
    'RUN_DIFFERS',
    [
      'runs of this ablation were made with other settings than the configuration now has:',
      ...differing,
      'Choose another folder with --run, or remove these runs.',
    ].join('\n'),
  );
}

/** Folders of the plan's runs that were made with other settings; their corpora are not compared. */
export function runsWithOtherSettings(plan: AblationPlan): string[] {
  return plan.runs
    .filter(
      ({ runDir, config }) => existsSync(runPaths(runDir).config) && differencesFromRun(runDir, config).length > 0,
    )
    .map(({ runDir }) => runDir);
}

const isSeed = (name: string): boolean => /^seed-\d+$/.test(name);

/** Whether a run is complete, with any outcome. Without its configuration it could not be identified. */
function isCompleteRun(runDir: string): boolean {
  const { scores, config, identity } = runPaths(runDir);
  return [scores, config, identity].every((path) => existsSync(path));
}

/** Whether a run of a plan needs nothing more: it is complete, with the settings that the plan has. */
export function isPlannedRunComplete({ runDir, config }: Pick<PlannedRun, 'runDir' | 'config'>): boolean {
  return (
    isCompleteRun(runDir) &&
    (readRunScores(runPaths(runDir).scores)?.status === 'diverged' || differencesFromRun(runDir, config).length === 0)
  );
}

/** Includes links to folders: runs may be on another disk. */
function folders(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => statSync(join(dir, name), { throwIfNoEntry: false })?.isDirectory())
    .sort();
}
