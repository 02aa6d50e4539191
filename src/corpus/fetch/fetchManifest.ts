import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileIdentity, type FileIdentity } from '../../storage/checksum.js';
import type { TextCounts } from './buildText.js';
import type { RecipePair } from './recipe.js';

/** `manifest.json` of a fetched corpus: what it was made from, how, and what came out. */
export interface FetchManifest {
  readonly format: typeof manifestFormat;
  readonly version: string;
  readonly recipe: string;
  readonly srcLang: string;
  readonly trgLang: string;
  readonly steps: RecipePair['steps'];
  /** Archives and files that the text is from. */
  readonly inputs: Readonly<Record<string, FileIdentity>>;
  readonly counts: TextCounts;
  /** Every file written, e.g. `raw/train.de`. Early versions did not record them. */
  readonly outputs?: Readonly<Record<string, FileIdentity>>;
}

export const manifestFormat = 'coldstart corpus text 1';
export const manifestName = 'manifest.json';

/** The manifest in a folder; null if there is none that can be read. */
export function readManifest(folder: string): FetchManifest | null {
  const path = join(folder, manifestName);
  if (!existsSync(path) || statSync(path).size > 2 ** 20) return null;
  try {
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as FetchManifest;
    // names are joined to the folder: none may lead out of it
    const ownFiles = Object.keys(manifest.outputs ?? {}).every((name) => /^(raw|tok|bpe)\/[\w-][\w.-]*$/.test(name));
    return manifest.format === manifestFormat && ownFiles ? manifest : null;
  } catch {
    return null;
  }
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

/** Files that are missing or have another size than was written: quick, and enough to notice text that was edited or cut off. */
export function resizedOutputs(folder: string, { outputs = {} }: FetchManifest): string[] {
  return Object.keys(outputs).filter((name) => {
    const path = join(folder, name);
    return !existsSync(path) || statSync(path).size !== outputs[name].bytes;
  });
}
