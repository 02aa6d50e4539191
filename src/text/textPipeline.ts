import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../storage/atomicFile.js';
import {
  jsonBoolean,
  jsonList,
  jsonObject,
  jsonOneOf,
  jsonOptional,
  jsonRecord,
  jsonSha256,
  jsonText,
  readJsonFile,
  writeJsonFile,
  type JsonShape,
} from '../storage/jsonFile.js';
import { checkRecorded, readRecorded, sha256Of, type RecordedFiles } from '../storage/recordedFiles.js';
import { checkOwnFile } from '../storage/refusePipe.js';
import { readTextFile } from '../storage/textFile.js';
import { unicodeForms } from './moses/normalize.js';
import { createPreprocessor } from './preprocessing.js';
import { createPostprocessor, withFiles, type PreprocessingStep } from './preprocessingSteps.js';
import { openSegmenter, subwordFiles } from './subwords/segmenter.js';
import type { NamedOptions, Segmenter, Side } from './subwords/subwordMethod.js';
import { subwordMethods, type SubwordChoice, type SubwordOptions } from './subwords/subwordMethods.js';
import { readVocabulary } from './readVocabulary.js';
import type { Vocabulary } from './vocabulary.js';
import { makeFolder } from '../storage/makeFolder.js';

export type { Side };

/**
 * What lines are: `raw` as people write them, or `words` as the model's training text was after normalisation,
 * tokenisation and changes of letter case, before subwords. Where the corpus asked for none of these both are the same.
 */
export type TextForm = 'raw' | 'words';

/** Everything that turns lines into ids and ids into lines, as a model needs it: stored in a folder. */
export interface TextPipeline {
  readonly srcVocabulary: Vocabulary;
  readonly trgVocabulary: Vocabulary;
  /**
   * Ids of source lines, each ending with `eosId`.
   * @param form `raw`, the default: as a user writes them, to be preprocessed as the training text was; `words`:
   * preprocessed already
   */
  encodeSources(lines: readonly string[], form?: TextForm): Promise<Int32Array[]>;
  /** Ids of target lines, each ending with `eosId`. */
  encodeTargets(lines: readonly string[], form?: TextForm): Promise<Int32Array[]>;
  /** The line of target ids up to the first `eosId`, in the words of the training text: subword marks removed. */
  decodeTarget(ids: ArrayLike<number>): string;
  /** Running text for readers, if preparing tokenised the corpus; otherwise the unchanged line. */
  detokenizeTarget(line: string): string;
  /** Ends worker threads, if any. */
  close(): Promise<void>;
}

const settingsFile = 'text.json';
/** Of a copy in a run: SHA-256 of its files. Runs of earlier versions have none. */
const checksumsFile = 'checksums.json';
/** 1: without preprocessing; such folders are read too. */
const formatVersion = 2;
const vocabularyFile = (side: Side): string => `vocab.${side}.txt`;
const prefixFile = (side: Side): string => `prefixes.${side}.txt`;
const truecaseFile = (side: Side): string => `truecase.${side}.txt`;
const subwordFile = (side: Side, kind: string): string => `subwords.${side}.${kind}`;

/** Whether `saveTextPipeline` writes files of this name. */
export function isTextPipelineFile(name: string): boolean {
  return name === settingsFile || /^(vocab|prefixes|truecase)\.(src|trg)\.txt$|^subwords\.(src|trg)\.\w+$/.test(name);
}

/** How a method reads the files that its options name. */
type FileReaders = Readonly<Record<string, (path: string) => string | Uint8Array>>;

/** The parts of a text pipeline. */
export interface TextPipelineParts {
  readonly subwords: Readonly<Record<Side, SubwordOptions | NamedOptions>>;
  readonly vocabularies: Readonly<Record<Side, Vocabulary>>;
  /** Steps from raw text to words. */
  readonly preprocessing: Readonly<Record<Side, readonly PreprocessingStep[]>>;
}

/**
 * Saves the settings, vocabularies and copies of the subword files in a folder that `openTextPipeline` reads.
 */
export function saveTextPipeline(
  folder: string,
  { subwords, vocabularies, preprocessing }: TextPipelineParts,
  methods: SubwordChoice = subwordMethods,
): void {
  makeFolder(folder);
  for (const side of ['src', 'trg'] as const) {
    writeFileAtomic(join(folder, vocabularyFile(side)), vocabularies[side].toText());
    for (const step of preprocessing[side]) {
      if (step.step === 'tokenize' && step.prefixes !== undefined)
        writeFileAtomic(join(folder, prefixFile(side)), readTextFile(step.prefixes, 'list of non-breaking prefixes'));
      if (step.step === 'truecase')
        writeFileAtomic(join(folder, truecaseFile(side)), readTextFile(step.model, 'truecasing model', 2 ** 30));
    }
    const options = subwords[side];
    const { files } = methods.method(options.method);
    for (const [kind, path] of Object.entries(subwordFiles(options, methods)))
      writeFileAtomic(join(folder, subwordFile(side, kind)), (files as FileReaders)[kind](path));
  }
  const settings = {
    format: 'coldstart text pipeline',
    version: formatVersion,
    src: methods.method(subwords.src.method).save(subwords.src),
    trg: methods.method(subwords.trg.method).save(subwords.trg),
    preprocessing: { src: savedSteps(preprocessing.src, 'src'), trg: savedSteps(preprocessing.trg, 'trg') },
  };
  writeJsonFile(join(folder, settingsFile), settings);
}

/**
 * Copies a saved pipeline, e.g. from the prepared corpus into a run, and records the checksums of the copies.
 *
 * @param sha256 of the files by name, as the pipeline was opened
 * @throws DataError if a file was changed since
 */
export function copyTextPipeline(
  from: string,
  to: string,
  sha256: Readonly<Record<string, string>>,
  methods: SubwordChoice = subwordMethods,
): void {
  readSettings(from, methods);
  makeFolder(to);
  const own: RecordedFiles = {
    sha256,
    writer: '"coldstart corpus prepare"',
    advice: 'It was changed while the run began: run "coldstart corpus prepare" with --force, then train again.',
  };
  const copied: Record<string, string> = {};
  const copy = (name: string): void => {
    const bytes = readRecorded(from, name, own);
    copied[name] = sha256Of(bytes);
    writeFileAtomic(join(to, name), bytes);
  };
  for (const name of filesBesideSettings(from, methods)) copy(name);
  rmSync(join(to, checksumsFile), { force: true });
  copy(settingsFile);
  writeJsonFile(join(to, checksumsFile), { sha256: copied });
}

/** Names of the files that a pipeline has next to its settings. */
function filesBesideSettings(folder: string, methods: SubwordChoice = subwordMethods): string[] {
  return (['src', 'trg'] as const)
    .flatMap((side) => [
      vocabularyFile(side),
      prefixFile(side),
      truecaseFile(side),
      ...methods.files.map((kind) => subwordFile(side, kind)),
    ])
    .filter((name) => existsSync(join(folder, name)));
}

/** SHA-256 of all that a pipeline consists of: the same for two folders whose pipelines do the same. */
export function textPipelineSha256(folder: string): string {
  const names = [settingsFile, ...filesBesideSettings(folder)];
  const checksums = names.map((name) => `${name} ${sha256Of(readFileSync(join(folder, name)))}`);
  return sha256Of(Buffer.from(checksums.join('\n')));
}

/**
 * The parts of a saved pipeline; its files are read in place.
 *
 * @throws DataError if the settings or a vocabulary is missing or damaged
 */
export function readTextPipeline(folder: string, methods: SubwordChoice = subwordMethods): TextPipelineParts {
  const settings = readSettings(folder, methods);
  for (const name of filesBesideSettings(folder, methods)) checkOwnFile(join(folder, name), 'text settings');
  const forBoth = <T>(of: (side: Side) => T): Record<Side, T> => ({ src: of('src'), trg: of('trg') });
  return {
    subwords: forBoth((side) => {
      const saved = settings[side];
      return methods.method(saved.method).load(saved, (kind) => join(folder, subwordFile(side, kind)));
    }),
    vocabularies: forBoth((side) => readVocabulary(join(folder, vocabularyFile(side)))),
    preprocessing: forBoth((side) => openedSteps(folder, side, settings.preprocessing[side])),
  };
}

/** The vocabularies of a pipeline saved in a folder. @throws DataError if a file is missing or damaged */
export function readVocabularies(folder: string): Record<Side, Vocabulary> {
  checkRecorded(folder, readChecksums(folder));
  return readTextPipeline(folder).vocabularies;
}

/**
 * Opens a pipeline saved in a folder. Its files are compared with their checksums before and after they are read, so
 * that the used bytes are those compared.
 *
 * @param recorded checksums. Default: those in the folder of a run; a folder without them is read unverified
 * @throws DataError if a file is missing or damaged
 */
export async function openTextPipeline(
  folder: string,
  recorded: RecordedFiles = readChecksums(folder),
  methods: SubwordChoice = subwordMethods,
): Promise<TextPipeline> {
  checkRecorded(folder, recorded);
  const pipeline = await openUnchecked(folder, methods);
  try {
    checkRecorded(folder, recorded);
  } catch (error) {
    await pipeline.close();
    throw error;
  }
  return pipeline;
}

function readChecksums(folder: string): RecordedFiles {
  const path = join(folder, checksumsFile);
  const advice =
    'Restore the folder from a copy, or resume the run ("coldstart train --resume"), which writes it again.';
  const none = { sha256: {} };
  const { sha256 } = existsSync(path)
    ? readJsonFile<typeof none>(path, {
        what: 'checksums of the text settings of a run',
        shape: jsonObject({ sha256: jsonRecord(jsonSha256, /^(?!\.\.)[\w.-]+$/) }),
        advice,
      })
    : none;
  return { sha256, writer: 'the run', advice };
}

async function openUnchecked(folder: string, methods: SubwordChoice): Promise<TextPipeline> {
  const { subwords, vocabularies, preprocessing } = readTextPipeline(folder, methods);
  const { src: srcVocabulary, trg: trgVocabulary } = vocabularies;
  const srcSegmenter = await openSegmenter(subwords.src, methods);
  const trgSegmenter = await openSegmenter(subwords.trg, methods);
  const srcSteps = createPreprocessor(preprocessing.src);
  const trgSteps = createPreprocessor(preprocessing.trg);
  const encode = async (
    preprocess: (line: string) => string,
    segmenter: Segmenter,
    vocabulary: Vocabulary,
    lines: readonly string[],
    form: TextForm = 'raw',
  ): Promise<Int32Array[]> =>
    (await segmenter.segment(form === 'raw' ? lines.map(preprocess) : lines)).map((tokens) =>
      vocabulary.encode(tokens),
    );
  return {
    srcVocabulary,
    trgVocabulary,
    encodeSources: (lines, form) => encode(srcSteps, srcSegmenter, srcVocabulary, lines, form),
    encodeTargets: (lines, form) => encode(trgSteps, trgSegmenter, trgVocabulary, lines, form),
    decodeTarget: (ids) => trgSegmenter.join(trgVocabulary.decode(ids)),
    detokenizeTarget: createPostprocessor(preprocessing.trg),
    async close() {
      await srcSegmenter.close();
      await trgSegmenter.close();
    },
  };
}

/** Steps as saved: their files are next to them under fixed names. */
function savedSteps(steps: readonly PreprocessingStep[], side: Side): PreprocessingStep[] {
  return steps.map((step) => withFiles(step, prefixFile(side), truecaseFile(side)));
}

function openedSteps(folder: string, side: Side, saved: readonly PreprocessingStep[]): PreprocessingStep[] {
  return saved.map((step) => withFiles(step, join(folder, prefixFile(side)), join(folder, truecaseFile(side))));
}

interface SavedSettings {
  readonly src: NamedOptions;
  readonly trg: NamedOptions;
  readonly preprocessing: Readonly<Record<Side, readonly PreprocessingStep[]>>;
}

function readSettings(folder: string, methods: SubwordChoice): SavedSettings {
  const path = join(folder, settingsFile);
  const settings = readJsonFile<SavedSettings & { readonly version: number }>(path, {
    what: 'text settings',
    maxBytes: 2 ** 20,
    shape: settingsShape(methods),
    advice: 'Run "coldstart corpus prepare" again.',
  });
  return settings.version === 1 ? { ...settings, preprocessing: { src: [], trg: [] } } : settings;
}

const stepShapes: Readonly<Record<PreprocessingStep['step'], JsonShape>> = {
  normalize: jsonObject({
    language: jsonText,
    unicode: jsonOptional(jsonOneOf(unicodeForms)),
    punctuation: jsonOptional(jsonBoolean),
    nonPrinting: jsonOptional(jsonBoolean),
  }),
  tokenize: jsonObject({
    language: jsonText,
    aggressive: jsonOptional(jsonBoolean),
    escape: jsonOptional(jsonBoolean),
    protectedPatterns: jsonOptional(jsonList(jsonText)),
    prefixes: jsonOptional(jsonText),
  }),
  lowercase: jsonObject({}),
  truecase: jsonObject({ model: jsonText }),
};

const stepsShape = jsonList((value, field) => {
  jsonObject({ step: jsonOneOf(Object.keys(stepShapes)) })(value, field);
  stepShapes[(value as PreprocessingStep).step](value, field);
});

const settingsShape =
  ({ savedShape }: SubwordChoice): JsonShape =>
  (value, field) => {
    jsonObject({
      format: jsonOneOf(['coldstart text pipeline']),
      version: jsonOneOf([1, formatVersion]),
      src: savedShape,
      trg: savedShape,
    })(value, field);
    // version 1 had no preprocessing
    if ((value as { version: number }).version === formatVersion)
      jsonObject({ preprocessing: jsonObject({ src: stepsShape, trg: stepsShape }) })(value, field);
  };
