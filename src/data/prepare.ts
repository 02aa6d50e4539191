import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ColdstartError, DataError, UsageError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import { writeFolderAtomic } from '../storage/atomicFolder.js';
import { TextOutput } from '../storage/textOutput.js';
import { fileIdentity, type FileIdentity } from '../storage/checksum.js';
import { Dataset } from './dataset.js';
import { DatasetWriter } from './datasetWriter.js';
import type { PairFiles } from './linePairs.js';
import {
  damagedOutputs, manifestChanges, manifestFile, manifestFormat, manifestVersion, readPrepareManifest,
  type PrepareManifest, type SplitName, type SplitReport,
} from './prepareManifest.js';
import { describeFinding, readSplit, type LengthLimits, type SplitSource } from './prepareSplit.js';
import { eosId, firstOrdinaryId, unkId } from './specialIds.js';
import { openSegmenter, subwordFiles, type Segmenter, type SubwordOptions } from './subwords/segmenter.js';
import { saveTextPipeline } from './textPipeline.js';
import { TokenCounter } from './tokenCounter.js';
import { Vocabulary, type VocabularyLimits } from './vocabulary.js';

/** What to prepare. All paths are used as given; a configuration resolves them against its own folder first. */
export interface PrepareOptions extends LengthLimits {
  /** Folder to write; it appears whole or not at all. */
  readonly outDir: string;
  readonly srcLang: string;
  readonly trgLang: string;
  readonly train: PairFiles;
  readonly valid?: PairFiles;
  readonly test?: PairFiles;
  /** Subwords of both sides. */
  readonly subwords: SubwordOptions;
  /** Subwords of the target where they differ. */
  readonly trgSubwords?: SubwordOptions;
  readonly vocabulary: VocabularyLimits & {
    /** One vocabulary for both sides, counted over both. */
    readonly joined: boolean;
    /** Vocabulary file to use instead of building one (of both sides if `joined`). */
    readonly srcFile?: string;
    readonly trgFile?: string;
  };
}

export interface PrepareResult {
  /** `upToDate`: the folder holds the result of the same inputs and settings already, nothing was written. */
  readonly status: 'prepared' | 'upToDate';
  readonly manifest: PrepareManifest;
  /** Findings a user should read, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Turns text into a folder of ids on disk: binary datasets, vocabularies, subword files, held-out text for scoring and
 * a manifest (docs/corpora.md describes each file).
 *
 * A second run with the same inputs and settings does nothing. With changed ones it refuses and says what changed,
 * unless `force` is set; `force` replaces only folders that hold a prepared corpus.
 *
 * @param control.force replace an existing corpus made from other inputs or settings, or damaged since
 * @param control.onProgress called with the split and the lines read so far
 * @throws UsageError for impossible options; DataError for input that cannot be used; ColdstartError code
 *   CORPUS_CHANGED or FILE_EXISTS when the folder is in the way
 */
export async function prepareCorpus(
  options: PrepareOptions,
  control: { force?: boolean; onProgress?: (split: SplitName, lines: number) => void } = {},
): Promise<PrepareResult> {
  checkOptions(options);
  const started = performance.now();
  const asked = { version: manifestVersion, settings: settingsOf(options), inputs: await inputsOf(options) };
  const made = readPrepareManifest(options.outDir);
  if (made) {
    const differences = [...manifestChanges(made, asked), ...(await damagedOutputs(options.outDir, made))];
    if (differences.length === 0) return { status: 'upToDate', manifest: made, warnings: warningsOf(made) };
    if (!control.force) {
      throw new ColdstartError('CORPUS_CHANGED', [
        `${options.outDir} holds a corpus that differs from what was asked for:`, ...differences.map((line) => `  ${line}`),
        'Use --force to replace it, or choose another output folder.',
      ].join('\n'));
    }
  } else if (existsSync(options.outDir) && readdirSync(options.outDir).length > 0) {
    throw new ColdstartError('FILE_EXISTS', `${options.outDir} is not empty and holds no prepared corpus. Choose another output folder, or empty it first.`);
  }

  const manifest = await writeFolderAtomic(options.outDir, async (folder): Promise<PrepareManifest> => {
    const { splits, vocabularySizes } = await writeCorpus(folder, options, control.onProgress);
    const outputs: Record<string, FileIdentity> = {};
    for (const name of readdirSync(folder).sort()) outputs[name] = await fileIdentity(join(folder, name));
    const seconds = Math.round(performance.now() - started) / 1000;
    const whole: PrepareManifest = { format: manifestFormat, ...asked, outputs, vocabularySizes, splits, seconds };
    writeFileAtomic(join(folder, manifestFile), `${JSON.stringify(whole, null, 2)}\n`);
    return whole;
  });
  return { status: 'prepared', manifest, warnings: warningsOf(manifest) };
}

async function writeCorpus(
  folder: string,
  options: PrepareOptions,
  onProgress?: (split: SplitName, lines: number) => void,
): Promise<Pick<PrepareManifest, 'splits' | 'vocabularySizes'>> {
  const subwords = { src: options.subwords, trg: options.trgSubwords ?? options.subwords };
  const src = await openSegmenter(subwords.src);
  const trg = options.trgSubwords ? await openSegmenter(options.trgSubwords) : src;
  const sourceOf = (split: SplitName, files: PairFiles): SplitSource => ({
    files, segmenters: { src, trg },
    limits: split === 'train' ? { maxLengthTokens: options.maxLengthTokens, maxLengthRatio: options.maxLengthRatio } : undefined,
    onProgress: (lines) => onProgress?.(split, lines),
  });
  try {
    const { report, vocabularies } = await writeTrainingSet(folder, sourceOf('train', options.train), options);
    const splits: Partial<Record<SplitName, SplitReport>> = { train: report };
    for (const split of ['valid', 'test'] as const) {
      const files = options[split];
      if (files) splits[split] = await writeHeldOutSet(folder, split, sourceOf(split, files), vocabularies, subwords);
    }
    saveTextPipeline(folder, subwords, vocabularies);
    return { splits, vocabularySizes: { src: vocabularies.src.size, trg: vocabularies.trg.size, joined: options.vocabulary.joined } };
  } finally {
    await closeAll(src, trg);
  }
}

/**
 * Reads the training text once: tokens get provisional ids in order of appearance, and their final ids when the
 * counts are known. Memory holds the distinct tokens, not the text.
 */
async function writeTrainingSet(
  folder: string,
  source: SplitSource,
  { vocabulary: options }: PrepareOptions,
): Promise<{ report: SplitReport; vocabularies: { src: Vocabulary; trg: Vocabulary } }> {
  const srcCounter = new TokenCounter();
  const trgCounter = options.joined ? srcCounter : new TokenCounter();
  const provisionalPath = join(folder, 'train.provisional');
  const provisional = new DatasetWriter(provisionalPath, 2 ** 31, 2 ** 31);
  const findings = await closing([provisional], async () => {
    const read = await readSplit(source, ({ src, trg }) => provisional.add({ src: srcCounter.count(src), trg: trgCounter.count(trg) }));
    if (provisional.numPairs === 0) throw new DataError(`no sentence pair is left of ${read.lines} lines in ${source.files.src} and ${source.files.trg}. Check the files and the length limits.`);
    provisional.finish();
    return read;
  });
  const src = options.srcFile ? Vocabulary.read(options.srcFile) : Vocabulary.fromCounts(srcCounter.counts(), options);
  const trg = options.joined ? src : options.trgFile ? Vocabulary.read(options.trgFile) : Vocabulary.fromCounts(trgCounter.counts(), options);

  const writer = new DatasetWriter(join(folder, 'train.bin'), src.size, trg.size);
  const pairs = Dataset.open(provisionalPath);
  const unknown = { src: 0, trg: 0 };
  await closing([writer], async () => {
    const srcIds = srcCounter.finalIds(src);
    const trgIds = trgCounter.finalIds(trg);
    for (let row = 0; row < pairs.length; row++) {
      const [pair] = pairs.pairs([row]);
      unknown.src += translateIds(pair.src, srcIds);
      unknown.trg += translateIds(pair.trg, trgIds);
      writer.add(pair);
    }
    writer.finish();
  });
  const { numPairs, srcTokens, trgTokens } = pairs.header;
  pairs.close();
  rmSync(provisionalPath);
  return {
    report: { ...findings, pairs: numPairs, srcTokens, trgTokens, srcUnknown: unknown.src, trgUnknown: unknown.trg },
    vocabularies: { src, trg },
  };
}

/** Replaces provisional ids by final ones, in place; returns how many became unknown. */
function translateIds(ids: Int32Array, finalIds: Int32Array): number {
  let unknown = 0;
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === eosId) continue;
    ids[i] = finalIds[ids[i] - firstOrdinaryId];
    if (ids[i] === unkId) unknown++;
  }
  return unknown;
}

async function writeHeldOutSet(
  folder: string,
  split: SplitName,
  source: SplitSource,
  { src, trg }: { src: Vocabulary; trg: Vocabulary },
  subwords: { src: SubwordOptions; trg: SubwordOptions },
): Promise<SplitReport> {
  const { segmenters } = source;
  const writer = new DatasetWriter(join(folder, `${split}.bin`), src.size, trg.size);
  const srcText = new TextOutput(join(folder, `${split}.src.txt`));
  const trgText = new TextOutput(join(folder, `${split}.trg.txt`));
  const unknown = { src: 0, trg: 0 };
  return closing([writer, srcText, trgText], async () => {
    const findings = await readSplit(source, (pair) => {
      const ids = { src: src.encode(pair.src), trg: trg.encode(pair.trg) };
      unknown.src += countUnknown(ids.src);
      unknown.trg += countUnknown(ids.trg);
      writer.add(ids);
      // text that came segmented is shown joined, as a scorer should see it
      srcText.line(subwords.src.method === 'none' ? segmenters.src.join(pair.src) : pair.srcLine);
      trgText.line(subwords.trg.method === 'none' ? segmenters.trg.join(pair.trg) : pair.trgLine);
    });
    srcText.finish();
    trgText.finish();
    const { numPairs, srcTokens, trgTokens } = writer.finish();
    return { ...findings, pairs: numPairs, srcTokens, trgTokens, srcUnknown: unknown.src, trgUnknown: unknown.trg };
  });
}

function countUnknown(ids: Int32Array): number {
  let count = 0;
  for (const id of ids) if (id === unkId) count++;
  return count;
}

/** Runs the work; on failure the unfinished files are removed. */
async function closing<T>(files: readonly { abandon(): void }[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    for (const file of files) file.abandon();
    throw error;
  }
}

async function closeAll(src: Segmenter, trg: Segmenter): Promise<void> {
  await src.close();
  if (trg !== src) await trg.close();
}

function checkOptions({ vocabulary, maxLengthTokens, maxLengthRatio }: PrepareOptions): void {
  const { joined, minCount, maxSize, srcFile, trgFile } = vocabulary;
  if (joined && trgFile !== undefined) throw new UsageError('vocabulary.trgFile is set although vocabulary.joined is true: a joined vocabulary is given as srcFile alone.');
  if (srcFile !== undefined && (trgFile !== undefined || joined) && ((minCount ?? 1) > 1 || maxSize !== undefined)) {
    throw new UsageError('vocabulary.minCount and maxSize have no effect on vocabularies read from files. Remove them, or the files.');
  }
  if (minCount !== undefined && !(Number.isInteger(minCount) && minCount >= 1)) throw new UsageError(`vocabulary.minCount is ${minCount}, expected a positive integer.`);
  if (maxSize !== undefined && !(Number.isInteger(maxSize) && maxSize > firstOrdinaryId)) throw new UsageError(`vocabulary.maxSize is ${maxSize}, expected an integer above ${firstOrdinaryId} (the special tokens count).`);
  if (maxLengthTokens !== undefined && !(Number.isInteger(maxLengthTokens) && maxLengthTokens >= 1)) throw new UsageError(`maxLengthTokens is ${maxLengthTokens}, expected a positive integer.`);
  if (maxLengthRatio !== undefined && !(maxLengthRatio >= 1)) throw new UsageError(`maxLengthRatio is ${maxLengthRatio}, expected a number of at least 1.`);
}

/** Settings by dotted name, without files (they count by content) and without what has no value. */
function settingsOf(options: PrepareOptions): Record<string, string | number | boolean> {
  const fileKeys = new Set(['outDir', 'train', 'valid', 'test', 'codes', 'model', 'srcFile', 'trgFile']);
  const settings: Record<string, string | number | boolean> = {};
  const collect = (value: object, prefix: string): void => {
    for (const [key, part] of Object.entries(value)) {
      const isSubwordVocabulary = key === 'vocabulary' && typeof part === 'string';
      if (fileKeys.has(key) || isSubwordVocabulary || part === undefined) continue;
      if (Array.isArray(part)) settings[prefix + key] = JSON.stringify(part);
      else if (typeof part === 'object' && part !== null) collect(part as object, `${prefix}${key}.`);
      else settings[prefix + key] = part as string | number | boolean;
    }
  };
  collect(options, '');
  return settings;
}

async function inputsOf(options: PrepareOptions): Promise<PrepareManifest['inputs']> {
  const paths: [string, string | undefined][] = [];
  for (const split of ['train', 'valid', 'test'] as const) {
    paths.push([`${split}.src`, options[split]?.src], [`${split}.trg`, options[split]?.trg]);
  }
  for (const [name, subwords] of [['subwords', options.subwords], ['trgSubwords', options.trgSubwords]] as const) {
    if (subwords) for (const [kind, path] of Object.entries(subwordFiles(subwords))) paths.push([`${name}.${kind}`, path]);
  }
  paths.push(['vocabulary.srcFile', options.vocabulary.srcFile], ['vocabulary.trgFile', options.vocabulary.trgFile]);
  const inputs: Record<string, FileIdentity & { path: string }> = {};
  for (const [name, path] of paths) {
    if (path !== undefined) inputs[name] = { path, ...(await fileIdentity(path)) };
  }
  return inputs;
}

function warningsOf({ splits }: PrepareManifest): string[] {
  const warnings: string[] = [];
  for (const [split, report] of Object.entries(splits)) {
    const fate = split === 'train' ? 'left out' : 'kept';
    const kinds: [keyof SplitReport & ('invalidUtf8' | 'emptySide' | 'tooLong' | 'ratio' | 'carriageReturn'), string][] = [
      ['invalidUtf8', `not valid UTF-8, ${fate}`], ['emptySide', `with an empty side, ${fate}`], ['tooLong', `longer than maxLengthTokens, ${fate}`],
      ['ratio', `beyond maxLengthRatio, ${fate}`], ['carriageReturn', 'ending in a carriage return, kept as part of the text'],
    ];
    for (const [kind, what] of kinds) if (report[kind].count > 0) warnings.push(`${split}: ${describeFinding(report[kind])} ${what}`);
  }
  return warnings;
}
