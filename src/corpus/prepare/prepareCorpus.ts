import { hasNonbreakingPrefixes } from '../../text/moses/nonbreakingPrefixes.js';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { ColdstartError, DataError } from '../../errors.js';
import { completed, integer, optionalInteger, type Section } from '../../field.js';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { checkPlace } from '../../storage/checkOutputs.js';
import { lockFolder } from '../../storage/folderLock.js';
import { corpusStages } from './corpusStages.js';
import { describeFinding } from './findings.js';
import {
  damagedOutputs,
  foreignNames,
  isDamagedCorpus,
  manifestChanges,
  manifestVersion,
  readPrepareManifest,
  type PrepareManifest,
  type SplitReport,
} from './manifest.js';
import { checkOptions, inputsOf, settingsOf, type PrepareOptions } from './options.js';
import { publishCorpus } from './publishCorpus.js';
import {
  planStages,
  runStages,
  type FileIdentities,
  type StageOutcome,
  type StagePlan,
  type StageProgress,
} from './runStages.js';
import { isFreeFolder, makeFolder } from '../../storage/makeFolder.js';

/** How `prepareCorpus` works, without influence on its result. */
export interface PrepareControl {
  /** Replace an existing corpus made from other inputs or settings, or damaged since. */
  readonly force?: boolean;
  /** Threads. Default: one per processor, at most 8. The result does not depend on it. */
  readonly workers?: number;
  /** Pairs per part of work. Default 25,000. The result does not depend on it. */
  readonly pairsPerPart?: number;
  readonly onProgress?: (progress: StageProgress) => void;
}

/** The outcome of `prepareCorpus`. */
export interface PrepareResult {
  /** `upToDate`: the folder already holds the result of the same inputs and settings; nothing was written. */
  readonly status: 'prepared' | 'upToDate';
  readonly manifest: PrepareManifest;
  /** The work done, by stage; empty if `upToDate`. */
  readonly stages: readonly StageOutcome[];
  readonly seconds: number;
  /** Findings for the user, one line each. */
  readonly warnings: readonly string[];
}

/** What `prepareCorpus` would do. */
export interface PreparePlan {
  readonly status: 'upToDate' | 'new' | 'changed';
  /** What differs from the corpus in the folder, one line each. */
  readonly changes: readonly string[];
  /** Empty if `upToDate`. */
  readonly stages: readonly StagePlan[];
}

export const controlFields = {
  workers: optionalInteger('Threads; default: the processors, at most 8.', { min: 1 }),
  pairsPerPart: integer(25_000, 'Pairs that are read, worked on and written together.', { min: 1, unit: 'pairs' }),
} as const satisfies Section;

/**
 * Turns text into a folder of ids on disk: binary datasets, vocabularies, subword files, held-out text for scoring and
 * a manifest (docs/reference/corpora.md describes each file).
 *
 * The work is done in stages in the folder `OUTDIR.stages`. After a kill at any moment, the same call resumes; with
 * changed settings or inputs, only the stages that depend on them are done again. Memory is bounded by the size of a
 * part, the distinct words, and a few bytes per pair.
 *
 * A second run with the same inputs and settings does nothing. With changed ones it refuses and says what changed,
 * unless `force` is set; `force` replaces only folders that hold a prepared corpus.
 *
 * @throws UsageError for impossible options; DataError for input that cannot be used; ColdstartError code
 *   CORPUS_CHANGED or FILE_EXISTS when the folder is in the way, WRITE_FAILED if nothing can be written, FOLDER_BUSY
 *   when another process prepares it
 */
export async function prepareCorpus(options: PrepareOptions, control: PrepareControl = {}): Promise<PrepareResult> {
  const { force = false, onProgress } = control;
  checkOptions(options);
  const { workers = Math.min(availableParallelism(), 8), pairsPerPart } = completed(control, controlFields);
  const started = performance.now();
  const found = findCorpus(options.outDir, force);
  // a corpus that is up to date may be in a folder without write permission
  if (!found.made) checkPlace(options.outDir);
  const asked = { version: manifestVersion, settings: settingsOf(options), inputs: await inputsOf(options) };
  const { made, changes } = await compare(options.outDir, asked, found);
  if (made && changes.length === 0)
    return {
      status: 'upToDate',
      manifest: made,
      stages: [],
      seconds: 0,
      warnings: [...languageWarnings(options), ...warningsOf(made)],
    };
  if (made) refuseForeign(options.outDir, made);
  if (made && !force) {
    throw new ColdstartError(
      'CORPUS_CHANGED',
      [
        `${options.outDir} holds a corpus that differs from the requested one:`,
        ...changes.map((line) => `  ${line}`),
        'Use --force to replace it, or choose another output folder.',
      ].join('\n'),
    );
  }
  if (made) checkPlace(options.outDir);
  const workFolder = stagesFolder(options.outDir);
  const release = await claimWorkFolder(workFolder);
  try {
    const stages = corpusStages(options, pairsPerPart);
    const { outcomes, result } = await runStages(workFolder, stages.all, identitiesOf(asked), { workers, onProgress });
    const manifest = await publishCorpus(options, stages, result, asked);
    const current = new Set(stages.all.map(({ name }) => name));
    for (const entry of readdirSync(workFolder, { withFileTypes: true }))
      if (entry.isDirectory() && !current.has(entry.name)) rmSync(join(workFolder, entry.name), { recursive: true });
    return {
      status: 'prepared',
      manifest,
      stages: outcomes,
      seconds: Math.round(performance.now() - started) / 1000,
      warnings: [...languageWarnings(options), ...warningsOf(manifest)],
    };
  } finally {
    release();
  }
}

/**
 * Says what `prepareCorpus` would do, and why; writes nothing. @throws the same errors, except for an existing corpus
 */
export async function planCorpus(
  options: PrepareOptions,
  {
    force = false,
    pairsPerPart = controlFields.pairsPerPart.default,
  }: Pick<PrepareControl, 'force' | 'pairsPerPart'> = {},
): Promise<PreparePlan> {
  checkOptions(options);
  const found = findCorpus(options.outDir, force);
  const asked = { version: manifestVersion, settings: settingsOf(options), inputs: await inputsOf(options) };
  const { made, changes } = await compare(options.outDir, asked, found);
  if (made && changes.length === 0) return { status: 'upToDate', changes, stages: [] };
  if (made) refuseForeign(options.outDir, made);
  return {
    status: changes.length > 0 ? 'changed' : 'new',
    changes,
    stages: planStages(stagesFolder(options.outDir), corpusStages(options, pairsPerPart).all, identitiesOf(asked)),
  };
}

function identitiesOf({ inputs }: Pick<PrepareManifest, 'inputs'>): FileIdentities {
  return new Map(Object.values(inputs).map(({ path, bytes, sha256 }) => [path, { bytes, sha256 }]));
}

/** The folder of a corpus's stages. It may be removed; then all stages run again when something changes. */
function stagesFolder(outDir: string): string {
  const target = resolve(outDir);
  return join(dirname(target), `${basename(target)}.stages`);
}

/** A corpus in the output folder, and the reasons to make it again. */
interface FoundCorpus {
  readonly made: PrepareManifest | null;
  readonly changes: readonly string[];
}

/** The corpus that the output folder holds. @throws ColdstartError code FILE_EXISTS if it holds something else */
function findCorpus(outDir: string, force = false): FoundCorpus {
  let made: PrepareManifest | null;
  try {
    made = readPrepareManifest(outDir);
  } catch (error) {
    // truncated by a power failure, for example; the corpus is made again and replaces it
    if (force && error instanceof DataError && isDamagedCorpus(outDir)) return { made: null, changes: [error.message] };
    throw error;
  }
  if (!made && !isFreeFolder(outDir)) {
    throw new ColdstartError(
      'FILE_EXISTS',
      `${outDir} is not empty and holds no prepared corpus. Choose another output folder, or empty it first.`,
    );
  }
  return { made, changes: [] };
}

/** @throws ColdstartError code FILE_EXISTS if the folder of a corpus also holds what preparing does not write */
function refuseForeign(outDir: string, made: PrepareManifest): void {
  const [first] = foreignNames(outDir, made);
  if (first !== undefined)
    throw new ColdstartError(
      'FILE_EXISTS',
      `${outDir} holds a corpus that differs from the requested one, and also ${first}, which preparing did not write. It is not replaced. Move ${first} elsewhere, or choose another output folder.`,
    );
}

async function compare(
  outDir: string,
  asked: Pick<PrepareManifest, 'version' | 'settings' | 'inputs'>,
  found: FoundCorpus,
): Promise<FoundCorpus> {
  const { made } = found;
  if (!made) return found;
  return { made, changes: [...manifestChanges(made, asked), ...(await damagedOutputs(outDir, made))] };
}

const markFile = 'coldstart-stages';
const markText = 'Intermediate results of "coldstart corpus prepare". This folder may be removed.\n';
const lockFile = 'lock';
/** Also the temporary file next to it while another process takes the lock. */
const lockFiles = /^\.?lock(\.|$)/;

/** Locks the folder for this process. @returns a function that releases it */
async function claimWorkFolder(folder: string): Promise<() => void> {
  makeFolder(folder);
  const entries = readdirSync(folder);
  if (entries.length > 0 && !entries.includes(markFile) && entries.some((name) => !lockFiles.test(name))) {
    throw new ColdstartError(
      'FILE_EXISTS',
      `${folder} is needed for intermediate results, but holds something else. Move it, or choose another output folder.`,
    );
  }
  const release = await lockFolder(join(folder, lockFile), 'preparing this corpus');
  if (!existsSync(join(folder, markFile))) writeFileAtomic(join(folder, markFile), markText);
  return release;
}

/** Languages of which Moses' tokeniser knows nothing. */
function languageWarnings(options: PrepareOptions): string[] {
  if (!options.tokenize) return [];
  const { srcLang, trgLang, tokenize } = options;
  return [
    { language: srcLang, key: 'srcPrefixes', prefixes: tokenize.srcPrefixes },
    { language: trgLang, key: 'trgPrefixes', prefixes: tokenize.trgPrefixes },
  ]
    .filter(({ language, prefixes }) => prefixes === undefined && !hasNonbreakingPrefixes(language))
    .map(
      ({ language, key }) =>
        `no abbreviations of language "${language}" are known, the English ones are used. corpus.tokenize.${key} names a list.`,
    );
}

/** Files named twice, as their contents say it: a slip that no later step notices. */
function sameTextWarnings({ inputs }: PrepareManifest): string[] {
  const isSame = (one: string, other: string): boolean =>
    inputs[one] !== undefined && inputs[one].sha256 === inputs[other]?.sha256;
  return [
    ...['train', 'valid', 'test']
      .filter((split) => isSame(`${split}.src`, `${split}.trg`))
      .map((split) => `${split}: both sides are the same text, so there is nothing to translate`),
    ...['valid', 'test']
      .filter((split) => isSame(`${split}.src`, 'train.src') && isSame(`${split}.trg`, 'train.trg'))
      .map((split) => `${split}: it is the training set, so its scores say nothing about new text`),
  ];
}

function warningsOf(manifest: PrepareManifest): string[] {
  const { splits } = manifest;
  const warnings = sameTextWarnings(manifest);
  for (const [split, report] of Object.entries(splits)) {
    const fate = split === 'train' ? 'left out' : 'kept';
    for (const [reason, count] of Object.entries(report.removed ?? {}))
      warnings.push(`${split}: ${count} ${count === 1 ? 'pair' : 'pairs'} removed by rule ${reason}`);
    const kinds: [
      keyof SplitReport & ('invalidUtf8' | 'emptySide' | 'tooLong' | 'ratio' | 'carriageReturn'),
      string,
    ][] = [
      ['invalidUtf8', `not valid UTF-8, ${fate}`],
      ['emptySide', `with an empty side, ${fate}`],
      ['tooLong', `longer than maxLengthTokens, ${fate}`],
      ['ratio', `beyond maxLengthRatio, ${fate}`],
      ['carriageReturn', 'ending in a carriage return, read without it'],
    ];
    for (const [kind, what] of kinds)
      if (report[kind].count > 0) warnings.push(`${split}: ${describeFinding(report[kind])} ${what}`);
  }
  return warnings;
}
