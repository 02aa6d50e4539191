import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { defaultsByGradInit, type DefaultsByGradInit } from '../config/trainOptions.js';
import {
  configDifferences,
  configToYaml,
  defaultConfig,
  loadRunConfig,
  settingKey,
  settingOf,
  type Change,
} from '../config/loadConfig.js';
import { gradInitSettings } from '../initial/gradInitSettings.js';
import type { Config } from '../config/schema.js';
import type { PrepareManifest } from '../corpus/prepare/manifest.js';
import { version } from '../package.js';
import { ColdstartError, DataError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import {
  jsonList,
  jsonObject,
  jsonOptional,
  jsonRecord,
  jsonText,
  readJsonFile,
  writeJsonFile,
  type JsonFile,
} from '../storage/jsonFile.js';
import { crc32Of } from '../storage/recordedFiles.js';
import { readOwnTextFile } from '../storage/textFile.js';
import { checkpointPaths } from '../train/runFiles.js';
import { fallsToMaxUpdates } from '../train/schedule.js';
import { isSameSource, readInitSourceRecord } from './initSourceRecord.js';
import { readRunScores, type RunScores } from './runScores.js';
import { makeFolder } from '../storage/makeFolder.js';
import { isThere } from '../storage/isThere.js';

/** The files of a run. */
export const runPaths = (runDir: string) => ({
  config: join(runDir, 'config.yaml'),
  identity: join(runDir, 'run.json'),
  lock: join(runDir, '.lock'),
  log: join(runDir, 'log.jsonl'),
  text: join(runDir, 'text'),
  initial: join(runDir, 'initial.safetensors'),
  initFrom: join(runDir, 'init-from.json'),
  initReport: join(runDir, 'gradinit.json'),
  learningLog: join(runDir, 'learning.jsonl'),
  gradients: join(runDir, 'gradients.json'),
  average: join(runDir, 'checkpoints', 'average.safetensors'),
  testHyp: join(runDir, 'test.hyp'),
  testSrc: join(runDir, 'test.src'),
  testRef: join(runDir, 'test.ref'),
  scores: join(runDir, 'scores.json'),
  last: checkpointPaths(runDir).last,
  best: checkpointPaths(runDir).best,
});

/** The inputs of a run, besides its configuration. */
export interface RunIdentity {
  readonly program: string;
  readonly corpus: Readonly<Record<string, string>>;
  /** Keys of the settings that command lines gave, which resuming keeps. Runs of earlier versions lack it. */
  readonly set?: readonly string[];
  /** The learned initialisation that a library user's program brought, with its settings. */
  readonly ownInit?: string;
  readonly startedAt: string;
}

/** What a new run of this program on a corpus is made from. */
export function runIdentity(manifest: PrepareManifest): Pick<RunIdentity, 'program' | 'corpus'> {
  return { program: `coldstart ${version}`, corpus: corpusIdentity(manifest) };
}

/** SHA-256 of the prepared files that determine a run's numbers. */
export function corpusIdentity({ outputs }: PrepareManifest): RunIdentity['corpus'] {
  return Object.fromEntries(
    Object.entries(outputs)
      .filter(([name]) => /\.bin$|^vocab\./.test(name))
      .map(([name, { sha256 }]) => [name, sha256]),
  );
}

/** The configuration of a run, without the ablation section, which does not affect its runs. */
export function runConfig(config: Config): Config {
  const train = { ...config.train, ...defaultsByGradInit(config) };
  return { ...config, train, ablation: defaultConfig().ablation };
}

/** A folder that a run may use, and its contents. */
export interface FoundFolder {
  readonly isNew?: boolean;
  /** Scores, if the run is complete already. */
  readonly scores?: RunScores;
  /** Settings that are changed for the rest of the run, as `key: a → b`. */
  readonly changed: readonly string[];
}

/**
 * What a run finds in its folder: nothing, or this run, unfinished or complete. Anything else is refused. With
 * `resume`, settings that do not affect the numbers so far may differ. Nothing is written.
 *
 * @throws ColdstartError code RUN_EXISTS or RUN_DIFFERS saying what the folder contains and what can be done
 */
export function findRun(
  runDir: string,
  config: Config,
  identity: Pick<RunIdentity, 'corpus' | 'ownInit'>,
  resume: boolean,
): FoundFolder {
  const paths = runPaths(runDir);
  if (!isThere(paths.config)) {
    // a run killed at its very beginning has only its identity
    if (
      isThere(runDir) &&
      readdirSync(runDir).some((name) => !name.startsWith('.') && name !== basename(paths.identity))
    ) {
      throw new ColdstartError(
        'RUN_EXISTS',
        `${runDir} is not empty and holds no run. Choose another folder with --run, or empty it first.`,
      );
    }
    return { isNew: true, changed: [] };
  }
  const { fixed, changeable } = runChanges(runDir, config, identity);
  if (fixed.length > 0) {
    throw new ColdstartError(
      'RUN_DIFFERS',
      [
        `${runDir} holds a run that differs from the requested one:`,
        ...fixed.map((line) => `  ${line}`),
        'Its numbers so far depend on that. Choose another folder with --run, or remove this one.',
      ].join('\n'),
    );
  }
  const scores = readRunScores(paths.scores);
  if (changeable.length > 0 && !resume) {
    throw new ColdstartError(
      'RUN_DIFFERS',
      [
        `${runDir} holds this run with other settings:`,
        ...changeable.map((line) => `  ${line}`),
        'These may change: resume with --resume, or choose another folder with --run.',
      ].join('\n'),
    );
  }
  if (scores === undefined && !resume) {
    const begun = [paths.last, paths.initial, paths.learningLog].some((path) => isThere(path));
    throw new ColdstartError(
      'RUN_EXISTS',
      `${runDir} holds this run, ${begun ? 'unfinished' : 'begun but without a checkpoint'}. Resume it with --resume, choose another folder with --run, or remove this one.`,
    );
  }
  // no setting that may change undoes a divergence
  if (changeable.length === 0 || scores?.status === 'diverged') return { scores, changed: [] };
  if (scores && !isThere(paths.last))
    throw new ColdstartError(
      'RUN_EXISTS',
      `${runDir} holds this run complete but without checkpoints, so it cannot take other settings. Choose another folder with --run.`,
    );
  return { scores, changed: changeable };
}

/**
 * Claims the folder that a run found: writes the configuration, and makes a complete run with changed settings
 * unfinished again.
 */
export function claimRunFolder(
  runDir: string,
  config: Config,
  identity: Omit<RunIdentity, 'startedAt'>,
  { isNew = false, changed }: FoundFolder,
): void {
  const paths = runPaths(runDir);
  if (isNew) {
    makeFolder(runDir);
    writeJsonFile(paths.identity, { ...identity, startedAt: new Date().toISOString() } satisfies RunIdentity);
    writeConfig(runDir, config);
  } else if (changed.length > 0) {
    const { set = [], ...own } = readRunIdentity(runDir);
    const keys = new Set([...set, ...(identity.set ?? [])]);
    // in this order: a kill in between leaves an unfinished run that requests the change again
    rmSync(paths.scores, { force: true });
    if (keys.size > set.length) writeJsonFile(paths.identity, { ...own, set: [...keys] } satisfies RunIdentity);
    writeConfig(runDir, config);
  }
}

/**
 * Settings that earlier command lines gave a run, with the values that it recorded, as `key=value`. Resuming keeps
 * those that are not given again.
 *
 * @param given the settings of this command line
 */
export function keptSettings(runDir: string, given: readonly Change[]): string[] {
  const { config, identity } = runPaths(runDir);
  if (!isThere(config) || !isThere(identity)) return [];
  const own = readRunConfig(runDir);
  const again = new Set(given.map(settingKey));
  return (readRunIdentity(runDir).set ?? [])
    .filter((key) => !again.has(key) && settingOf(own, key) !== undefined)
    .map((key) => `${key}=${JSON.stringify(settingOf(own, key))}`);
}

const configSeal = /^# Resolved configuration of this run\.\n# CRC-32 of the lines below: ([0-9a-f]{8})\n/;

function writeConfig(runDir: string, config: Config): void {
  const text = `\n${configToYaml(runConfig(config))}`;
  writeFileAtomic(
    runPaths(runDir).config,
    `# Resolved configuration of this run.\n# CRC-32 of the lines below: ${crc32Of(text)}\n${text}`,
  );
}

/** Runs of earlier versions have no checksum there. @throws DataError if the checksum differs */
function checkConfigText(path: string): void {
  const text = readOwnTextFile(path, 'configuration');
  if (text.trim() === '')
    throw new DataError(`${path} is empty, a run writes every setting to it. Restore it from a copy.`);
  const [seal, recorded] = configSeal.exec(text) ?? ['', undefined];
  const found = crc32Of(text.slice(seal.length));
  if (recorded !== undefined && recorded !== found)
    throw new DataError(
      `${path} was changed or damaged after the run wrote it: its lines have the checksum ${found}, it says ${recorded}. Restore it from a copy. To change settings of a run, put them in a configuration of your own and resume with it. If you changed it on purpose, remove the line with the checksum.`,
    );
}

/** The differences between a run and the requested one, one line each. */
export interface RunChanges {
  /** Settings on which its numbers so far depend. */
  readonly fixed: readonly string[];
  /** Settings that may change on resuming. */
  readonly changeable: readonly string[];
}

/** The differences between the run in a folder and the requested one; empty for the same run. */
export function runChanges(
  runDir: string,
  config: Config,
  identity: Pick<RunIdentity, 'corpus' | 'ownInit'>,
): RunChanges {
  const madeFrom = readRunIdentity(runDir);
  const own = readRunConfig(runDir);
  const all = differencesFromRun(runDir, config);
  const changeable = all.filter((line) => mayChange(keyOf(line), own, config));
  const fixed = all
    .filter((line) => !changeable.includes(line))
    .map((line) => line + whyFixed(keyOf(line), own, config));
  for (const [file, sha256] of Object.entries(identity.corpus)) {
    if (madeFrom.corpus[file] !== sha256)
      fixed.push(`corpus file ${file}: its content is not what the run was begun with`);
  }
  if (madeFrom.ownInit !== identity.ownInit)
    fixed.push(`learned initialisation: ${madeFrom.ownInit ?? 'none'} → ${identity.ownInit ?? 'none'}`);
  return { fixed, changeable };
}

/** The setting named in a line of `configDifferences`. */
function keyOf(line: string): string {
  return line.slice(0, line.indexOf(':'));
}

/** Whether a change, as `key: a → b`, can make a complete run train further. */
export function letsTrainOn(change: string): boolean {
  return ['train.maxUpdates', 'train.maxEpochs', 'train.patience'].includes(keyOf(change));
}

/** Settings on which BLEU of the validation set depends; batching does not affect it. */
function changesValidationBleu(key: string): boolean {
  return (
    /^decode\.(beamSize|lengthPenalty|maxLenA|maxLenB|bleu|lowercase)$/.test(key) ||
    /^train\.validateBleu(Sentences)?$/.test(key)
  );
}

/** The reason in brackets if another setting keeps a setting from changing on resuming; otherwise empty. */
function whyFixed(key: string, own: Config, wanted: Config): string {
  const { train } = own;
  const name = key.replace(/^train\./, '') as keyof DefaultsByGradInit;
  if (name in defaultsByGradInit(own) && wanted.train[name] === undefined) {
    const byDefault = defaultsByGradInit({ ...own, train: { ...train, [name]: undefined } })[name];
    if (byDefault !== train[name])
      return ` (not set, and its default is another: --set ${key}=${train[name]} keeps that of the run)`;
  }
  if (key === 'train.keepEveryUpdates') return ' (its checkpoints are of updates; another number above 0 may be set)';
  if (key === 'train.maxUpdates')
    return ` (the ${train.schedule} schedule falls towards it, so every rate so far depends on it)`;
  return changesValidationBleu(key)
    ? ' (train.bestBy is bleu, so which validation is the best so far depends on it; to translate with it, use "coldstart translate")'
    : '';
}

/** Whether a setting may change on resuming, since nothing so far depends on it. */
function mayChange(key: string, { train }: Config, wanted: Config): boolean {
  // checkpoints of epochs would count as older than those of updates
  if (key === 'train.keepEveryUpdates') return wanted.train.keepEveryUpdates > 0;
  if (key === 'train.maxUpdates') return !fallsToMaxUpdates(train.schedule);
  if (train.bestBy === 'bleu' && changesValidationBleu(key)) return false;
  return (
    key.startsWith('decode.') ||
    [
      'train.maxEpochs',
      'train.patience',
      'train.keepEpochs',
      'train.logEveryUpdates',
      'train.saveEveryUpdates',
      'train.validateEveryUpdates',
      'train.validateBleu',
      'train.validateBleuSentences',
    ].includes(key)
  );
}

/** The differences between two runs in settings that determine their numbers, one line each. */
function runDifferences(a: Config, b: Config): string[] {
  return configDifferences(comparableConfig(a), comparableConfig(b));
}

/** As {@link runDifferences}, from the run in a folder: the model that it started from is compared by its content. */
export function differencesFromRun(runDir: string, config: Config): string[] {
  const isSame = (): boolean => isSameSource(runPaths(runDir).initFrom, config.init.from, (run) => runPaths(run).best);
  return runDifferences(readRunConfig(runDir), config).filter((line) => keyOf(line) !== 'init.from' || !isSame());
}

/** As {@link runDifferences}, between the runs in two folders as if they had one seed. */
export function differencesBetweenRuns(aDir: string, bDir: string): string[] {
  const [a, b] = [aDir, bDir].map((dir) => readRunConfig(dir));
  const [aSource, bSource] = [aDir, bDir].map((dir) => readInitSourceRecord(runPaths(dir).initFrom)?.sha256);
  return runDifferences({ ...a, seed: b.seed }, b).filter(
    (line) => keyOf(line) !== 'init.from' || aSource === undefined || aSource !== bSource,
  );
}

/** The configuration of a run without what changes no number. */
export function comparableConfig(config: Config): Config {
  // the corpus's place does not matter, its contents do; settings that are only recorded change nothing
  const { corpus, record } = defaultConfig();
  return {
    ...runConfig(config),
    backend: 'auto',
    corpus,
    record,
    // an explicit default is the same setting; without an algorithm no setting of the group counts
    gradinit: config.gradinit.algorithm === 'none' ? defaultConfig().gradinit : gradInitSettings(config.gradinit),
  };
}

/**
 * The resolved configuration saved in a run. @throws DataError if the folder is not a run, or its configuration was
 * changed after the run wrote it
 */
export function readRunConfig(runDir: string): Config {
  const { config } = runPaths(runDir);
  if (!isThere(config))
    throw new DataError(`${runDir} is not a run: it has no config.yaml. Name a folder that "coldstart train" made.`);
  checkConfigText(config);
  return loadRunConfig(config);
}

/** The inputs of a run. @throws DataError if its run.json cannot be used */
export function readRunIdentity(runDir: string): RunIdentity {
  return readJsonFile<RunIdentity>(runPaths(runDir).identity, identityFile);
}

const identityFile: JsonFile = {
  what: 'record of a run',
  advice: 'Restore it from a copy, or start the run again in another folder.',
  shape: jsonObject({
    program: jsonText,
    corpus: jsonRecord(jsonText),
    set: jsonOptional(jsonList(jsonText)),
    ownInit: jsonOptional(jsonText),
    startedAt: jsonText,
  }),
};
