import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../../errors.js';
import { fileIdentity, fileIdentityShape, type FileIdentity } from '../../storage/checksum.js';
import {
  jsonAny,
  jsonBoolean,
  jsonCount,
  jsonObject,
  jsonOneOf,
  jsonOptional,
  jsonRecord,
  jsonSha256,
  jsonText,
  jsonValue,
  parseJson,
  readJsonFile,
} from '../../storage/jsonFile.js';
import { readTextFile } from '../../storage/textFile.js';
import { isTextPipelineFile } from '../../text/textPipeline.js';
import type { CleanRuleName } from '../../text/clean/fault.js';
import { isThere } from '../../storage/isThere.js';

/** A kind of line that was left out or needs attention: the count, and the numbers of the first few lines (from 1). */
export interface LineFinding {
  readonly count: number;
  readonly firstLines: readonly number[];
}

/** The result of one split. */
export interface SplitReport {
  readonly lines: number;
  readonly pairs: number;
  /** Tokens of the pairs kept, `eosId` included. */
  readonly srcTokens: number;
  readonly trgTokens: number;
  /** Tokens that are not in the vocabulary. */
  readonly srcUnknown: number;
  readonly trgUnknown: number;
  /** Pairs of the training set that the rules of `clean` removed, by reason. */
  readonly removed?: Readonly<Partial<Record<CleanRuleName, number>>>;
  /** Pairs left out of the training set by reason; in valid and test they stay and are only counted. */
  readonly invalidUtf8: LineFinding;
  readonly emptySide: LineFinding;
  readonly tooLong: LineFinding;
  readonly ratio: LineFinding;
  /** Pairs with a carriage return at the end of a side; it was removed. */
  readonly carriageReturn: LineFinding;
}

export type SplitName = 'train' | 'valid' | 'test';

/** `manifest.json` of a prepared corpus: its inputs, settings and results. */
export interface PrepareManifest {
  readonly format: typeof manifestFormat;
  readonly version: number;
  /** Settings by dotted name; files are under `inputs`. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly inputs: Readonly<Record<string, FileIdentity & { readonly path: string }>>;
  /** `headerSha256` of datasets covers the whole file and is compared when it is opened; older manifests lack it. */
  readonly outputs: Readonly<Record<string, FileIdentity & { readonly headerSha256?: string }>>;
  readonly vocabularySizes: { readonly src: number; readonly trg: number; readonly joined: boolean };
  readonly splits: Readonly<Partial<Record<SplitName, SplitReport>>>;
}

export interface LengthLimits {
  /** Longest side kept, in tokens without the end mark. Default: no limit. */
  readonly maxLengthTokens?: number;
  /**
   * Pairs with more than this many times as many tokens on one side as on the other are left out. Default: no limit.
   */
  readonly maxLengthRatio?: number;
}

export const manifestFormat = 'coldstart prepared corpus';
/** Increased whenever the same inputs and settings would give other files. */
export const manifestVersion = 2;
export const manifestFile = 'manifest.json';

/**
 * The manifest in a folder, or null without one. @throws DataError if the file is not a manifest, with advice on
 * --force only where it may replace the folder
 */
export function readPrepareManifest(folder: string): PrepareManifest | null {
  const path = join(folder, manifestFile);
  if (!isThere(path)) return null;
  const read = (advice: string): PrepareManifest =>
    readJsonFile<PrepareManifest>(path, { what: 'manifest of a prepared corpus', shape: manifestShape, advice });
  try {
    return read('Name another folder.');
  } catch (error) {
    if (!(error instanceof DataError && isDamagedCorpus(folder))) throw error;
    return read('Run "coldstart corpus prepare" again with --force, or name another folder.');
  }
}

/**
 * Whether a folder, whose manifest cannot be read, is still known as a prepared corpus: every name in it is one that
 * preparing writes, and its manifest is not that of something else.
 */
export function isDamagedCorpus(folder: string): boolean {
  const path = join(folder, manifestFile);
  if (foreignNames(folder).length > 0) return false;
  let text: string;
  try {
    text = readTextFile(path, 'manifest of a prepared corpus');
  } catch {
    return true; // not readable as text: the other names decide
  }
  let value: unknown;
  try {
    value = parseJson(text, jsonAny, path, '');
  } catch {
    // a manifest that was cut short, or its bytes changed; one alone must say what it is
    return text.includes(manifestFormat) || readdirSync(folder).length > 1;
  }
  if (value === null) return readdirSync(folder).length > 1;
  return (value as { format?: unknown }).format === manifestFormat;
}

/**
 * What a folder holds that preparing does not write, sorted; subfolders and links are such.
 * @param manifest of the corpus there: its outputs count as written too, as other versions may name files otherwise
 */
export function foreignNames(folder: string, manifest?: PrepareManifest): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(
      (entry) => !entry.isFile() || !(isCorpusFile(entry.name) || Object.hasOwn(manifest?.outputs ?? {}, entry.name)),
    )
    .map(({ name }) => name)
    .sort();
}

function isCorpusFile(name: string): boolean {
  return (
    name === manifestFile ||
    isTextPipelineFile(name) ||
    /^(train|valid|test)(-\d{5,}-of-\d{5,})?\.bin$|^(valid|test)\.(src|trg)(\.raw)?\.txt$/.test(name)
  );
}

const setting = jsonValue('a text, a number or true or false', (value) =>
  ['string', 'number', 'boolean'].includes(typeof value),
);

const manifestShape = jsonObject({
  format: jsonOneOf([manifestFormat]),
  version: jsonCount,
  settings: jsonRecord(setting),
  inputs: jsonRecord(jsonObject({ bytes: jsonCount, sha256: jsonSha256, path: jsonText })),
  outputs: jsonRecord((value, field) => {
    fileIdentityShape(value, field);
    jsonObject({ headerSha256: jsonOptional(jsonSha256) })(value, field);
  }, /^(?!\.\.)[\w.-]+$/),
  vocabularySizes: jsonObject({ src: jsonCount, trg: jsonCount, joined: jsonBoolean }),
  splits: jsonRecord(jsonObject({ lines: jsonCount, pairs: jsonCount, srcTokens: jsonCount, trgTokens: jsonCount })),
});

/** Names of a split's dataset files, in the order of their rows. */
export function datasetFiles({ outputs }: PrepareManifest, split: SplitName): string[] {
  return Object.keys(outputs)
    .filter((name) => name === `${split}.bin` || (name.startsWith(`${split}-`) && name.endsWith('.bin')))
    .sort();
}

/** The differences between the inputs and settings of a corpus and the requested ones, one line each. */
export function manifestChanges(
  made: PrepareManifest,
  asked: Pick<PrepareManifest, 'version' | 'settings' | 'inputs'>,
): string[] {
  const changes: string[] = [];
  if (made.version !== asked.version) changes.push(`format version: ${made.version}, now ${asked.version}`);
  for (const name of new Set([...Object.keys(made.settings), ...Object.keys(asked.settings)])) {
    const [before, now] = [made.settings[name], asked.settings[name]];
    if (before !== now) changes.push(`setting ${name}: ${before ?? 'not set'}, now ${now ?? 'not set'}`);
  }
  for (const name of new Set([...Object.keys(made.inputs), ...Object.keys(asked.inputs)])) {
    const [before, now] = [made.inputs[name], asked.inputs[name]];
    if (!before || !now) changes.push(`input ${name}: ${before?.path ?? 'none'}, now ${now?.path ?? 'none'}`);
    else if (before.sha256 !== now.sha256)
      changes.push(
        `input ${name} (${now.path}): content changed, ${before.bytes} bytes, now ${now.bytes} (sha256 ${before.sha256.slice(0, 12)}, now ${now.sha256.slice(0, 12)})`,
      );
  }
  return changes;
}

/** Output files that are missing or changed since they were written, one line each. */
export async function damagedOutputs(folder: string, manifest: PrepareManifest): Promise<string[]> {
  const damaged: string[] = [];
  for (const [name, made] of Object.entries(manifest.outputs)) {
    if (!isThere(join(folder, name))) damaged.push(`output ${name}: missing`);
    else if ((await fileIdentity(join(folder, name))).sha256 !== made.sha256)
      damaged.push(`output ${name}: changed since it was written`);
  }
  return damaged;
}
