import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import { readTextFile } from '../storage/textFile.js';
import { openSegmenter, type Segmenter, type SubwordOptions } from './subwords/segmenter.js';
import { Vocabulary } from './vocabulary.js';

/** Which side of a sentence pair. */
export type Side = 'src' | 'trg';

/** Everything that turns lines into ids and ids into lines, as a model needs it: kept in a folder of its own files. */
export interface TextPipeline {
  readonly srcVocabulary: Vocabulary;
  readonly trgVocabulary: Vocabulary;
  /** Ids of source lines, each ending with `eosId`. */
  encodeSources(lines: readonly string[]): Promise<Int32Array[]>;
  /** Ids of target lines, each ending with `eosId`. */
  encodeTargets(lines: readonly string[]): Promise<Int32Array[]>;
  /** The line that target ids up to the first `eosId` stand for, subword marks removed. */
  decodeTarget(ids: ArrayLike<number>): string;
  /** Ends worker threads, if any. */
  close(): Promise<void>;
}

const settingsFile = 'text.json';
const formatVersion = 1;
const vocabularyFile = (side: Side): string => `vocab.${side}.txt`;
const subwordFile = (side: Side, kind: string): string => `subwords.${side}.${kind}`;

/** Subword settings as saved: the files they name are beside them under fixed names. */
interface SavedSubwords {
  readonly method: SubwordOptions['method'];
  readonly joiner?: string;
  readonly hasVocabulary?: boolean;
  readonly vocabularyThreshold?: number;
  readonly glossaries?: readonly string[];
}

/**
 * Saves the settings, vocabularies and copies of the subword files in a folder that `openTextPipeline` reads.
 */
export function saveTextPipeline(
  folder: string,
  subwords: Readonly<Record<Side, SubwordOptions>>,
  vocabularies: Readonly<Record<Side, Vocabulary>>,
): void {
  mkdirSync(folder, { recursive: true });
  for (const side of ['src', 'trg'] as const) {
    writeFileAtomic(join(folder, vocabularyFile(side)), vocabularies[side].toText());
    const options = subwords[side];
    if (options.method === 'bpe') {
      writeFileAtomic(join(folder, subwordFile(side, 'codes')), readTextFile(options.codes, 'BPE codes file'));
      if (options.vocabulary !== undefined) writeFileAtomic(join(folder, subwordFile(side, 'vocabulary')), readTextFile(options.vocabulary, 'BPE vocabulary'));
    }
    if (options.method === 'sentencepiece') writeFileAtomic(join(folder, subwordFile(side, 'model')), readFileSync(options.model));
  }
  const settings = { format: 'coldstart text pipeline', version: formatVersion, src: savedSubwords(subwords.src), trg: savedSubwords(subwords.trg) };
  writeFileAtomic(join(folder, settingsFile), `${JSON.stringify(settings, null, 2)}\n`);
}

/** Copies a saved pipeline, e.g. from the prepared corpus into a run. */
export function copyTextPipeline(from: string, to: string): void {
  readSettings(from);
  mkdirSync(to, { recursive: true });
  for (const side of ['src', 'trg'] as const) {
    for (const name of [vocabularyFile(side), ...['codes', 'vocabulary', 'model'].map((kind) => subwordFile(side, kind))]) {
      if (existsSync(join(from, name))) copyFileSync(join(from, name), join(to, name));
    }
  }
  writeFileAtomic(join(to, settingsFile), readFileSync(join(from, settingsFile))); // last: it marks the copy as whole
}

/**
 * Opens a pipeline saved in a folder.
 *
 * @throws DataError if a file is missing or not what it should be
 */
export async function openTextPipeline(folder: string): Promise<TextPipeline> {
  const settings = readSettings(folder);
  const srcVocabulary = Vocabulary.read(join(folder, vocabularyFile('src')));
  const trgVocabulary = Vocabulary.read(join(folder, vocabularyFile('trg')));
  const srcSegmenter = await openSegmenter(subwordOptions(folder, 'src', settings.src));
  const trgSegmenter = await openSegmenter(subwordOptions(folder, 'trg', settings.trg));
  const encode = async (segmenter: Segmenter, vocabulary: Vocabulary, lines: readonly string[]): Promise<Int32Array[]> =>
    (await segmenter.segment(lines)).map((tokens) => vocabulary.encode(tokens));
  return {
    srcVocabulary,
    trgVocabulary,
    encodeSources: (lines) => encode(srcSegmenter, srcVocabulary, lines),
    encodeTargets: (lines) => encode(trgSegmenter, trgVocabulary, lines),
    decodeTarget: (ids) => trgSegmenter.join(trgVocabulary.decode(ids)),
    async close() {
      await srcSegmenter.close();
      await trgSegmenter.close();
    },
  };
}

function savedSubwords(options: SubwordOptions): SavedSubwords {
  switch (options.method) {
    case 'none':
      return { method: 'none', joiner: options.joiner };
    case 'bpe':
      return { method: 'bpe', hasVocabulary: options.vocabulary !== undefined, vocabularyThreshold: options.vocabularyThreshold, glossaries: options.glossaries };
    case 'sentencepiece':
      return { method: 'sentencepiece' };
  }
}

function subwordOptions(folder: string, side: Side, saved: SavedSubwords): SubwordOptions {
  const path = (kind: string): string => join(folder, subwordFile(side, kind));
  switch (saved.method) {
    case 'none':
      return { method: 'none', joiner: saved.joiner };
    case 'bpe':
      return {
        method: 'bpe', codes: path('codes'), vocabulary: saved.hasVocabulary ? path('vocabulary') : undefined,
        vocabularyThreshold: saved.vocabularyThreshold, glossaries: saved.glossaries,
      };
    case 'sentencepiece':
      return { method: 'sentencepiece', model: path('model') };
  }
}

function readSettings(folder: string): { src: SavedSubwords; trg: SavedSubwords } {
  const path = join(folder, settingsFile);
  let settings: { format?: unknown; version?: unknown; src?: SavedSubwords; trg?: SavedSubwords };
  try {
    settings = JSON.parse(readTextFile(path, 'text settings', 2 ** 20)) as typeof settings;
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`${path} is not JSON: ${(cause as Error).message}. Re-run "coldstart corpus prepare".`, { cause });
  }
  const known = (saved: SavedSubwords | undefined): boolean => ['none', 'bpe', 'sentencepiece'].includes(saved?.method ?? '');
  if (settings?.format !== 'coldstart text pipeline' || settings.version !== formatVersion || !known(settings.src) || !known(settings.trg)) {
    throw new DataError(`${path} does not hold text settings of version ${formatVersion}. Re-run "coldstart corpus prepare".`);
  }
  return { src: settings.src!, trg: settings.trg! };
}
