import { join } from 'node:path';
import { fileIdentity, fileIdentityShape, type FileIdentity } from '../../storage/checksum.js';
import {
  jsonBoolean,
  jsonCount,
  jsonObject,
  jsonOneOf,
  jsonOptional,
  jsonRecord,
  jsonSha256,
  jsonText,
  jsonValue,
  readJsonFile,
} from '../../storage/jsonFile.js';
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

/** The manifest in a folder, or null if there is none. @throws DataError if the file is not a manifest */
export function readPrepareManifest(folder: string): PrepareManifest | null {
  const path = join(folder, manifestFile);
  if (!isThere(path)) return null;
  return readJsonFile<PrepareManifest>(path, {
    what: 'manifest of a prepared corpus',
    shape: manifestShape,
    advice: 'Run "coldstart corpus prepare" again with --force, or name another folder.',
  });
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
