import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileIdentity, fileIdentityShape, type FileIdentity } from '../../storage/checksum.js';
import { jsonObject, jsonRecord, jsonText, jsonValue, readJsonFile } from '../../storage/jsonFile.js';
import { filesBelow } from '../../storage/filesBelow.js';
import type { SetCounts } from './writeText.js';

/** `manifest.json` of a fetched corpus: its sources and its files. */
export interface FetchManifest {
  /** Differs from `manifestFormat` if another version wrote it. */
  readonly format: string;
  readonly version: string;
  readonly recipe: string;
  readonly srcLang: string;
  readonly trgLang: string;
  /** The archives and files that the text comes from. */
  readonly inputs: Readonly<Record<string, FileIdentity>>;
  readonly counts: SetCounts;
  /** Every file written, e.g. `raw/train.de`. */
  readonly outputs: Readonly<Record<string, FileIdentity>>;
}

/** 1: also with tokenised and segmented text. */
export const manifestFormat = 'coldstart corpus text 2';
export const manifestName = 'manifest.json';

/** The manifest in a folder; null if it is missing or cannot be read. */
export function readManifest(folder: string): FetchManifest | null {
  const path = join(folder, manifestName);
  if (!existsSync(path)) return null;
  try {
    return readJsonFile<FetchManifest>(path, {
      what: 'manifest of fetched text',
      maxBytes: 2 ** 20,
      shape: jsonObject({
        format: jsonValue('a format of fetched text', (value) => /^coldstart corpus text \d+$/.test(String(value))),
        recipe: jsonText,
        inputs: jsonRecord(fileIdentityShape),
        // names are joined to the folder's path: none may lead out of the folder
        outputs: jsonRecord(fileIdentityShape, /^\w+\/[\w-][\w.-]*$/),
      }),
      advice: 'Fetch the text again.',
    });
  } catch {
    return null;
  }
}

/**
 * Whether a folder has a manifest with any contents, and apart from it only folders that some version of the command
 * writes.
 */
export function holdsOnlyText(folder: string): boolean {
  const known = [manifestName, 'raw', 'tok', 'bpe'];
  return existsSync(join(folder, manifestName)) && readdirSync(folder).every((name) => known.includes(name));
}

/** Files in the folder of a fetched corpus that its manifest does not list. */
export function filesNotFetched(folder: string, { outputs }: FetchManifest): string[] {
  return filesBelow(folder).filter((name) => name !== manifestName && !Object.hasOwn(outputs, name));
}

/** Size and checksum of every file in a corpus's folder. */
export async function outputsOf(folder: string): Promise<Record<string, FileIdentity>> {
  const outputs: Record<string, FileIdentity> = {};
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => readdirSync(join(folder, name)).map((file) => `${name}/${file}`));
  for (const name of names.sort()) outputs[name] = await fileIdentity(join(folder, name));
  return outputs;
}

/** Files that are missing or have another size than recorded: a quick check that detects edited or truncated text. */
export function resizedOutputs(folder: string, { outputs }: FetchManifest): string[] {
  return Object.keys(outputs).filter((name) => {
    const path = join(folder, name);
    return !existsSync(path) || statSync(path).size !== outputs[name].bytes;
  });
}
