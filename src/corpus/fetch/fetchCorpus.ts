import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ColdstartError } from '../../errors.js';
import { checkOutputs } from '../../storage/checkOutputs.js';
import { writeFolderAtomic } from '../../storage/atomicFolder.js';
import { fileIdentity } from '../../storage/checksum.js';
import { version } from '../../package.js';
import { Downloads, type DownloadsOptions, type LocalFile } from './downloads.js';
import {
  filesNotFetched,
  holdsOnlyText,
  manifestFormat,
  manifestName,
  outputsOf,
  readManifest,
  resizedOutputs,
  type FetchManifest,
} from './fetchManifest.js';
import { findLocalText, wantedPaths } from './localFiles.js';
import type { Recipe, RecipePair } from './recipe.js';
import { unpackText } from './unpackText.js';
import { writeText } from './writeText.js';
import { writeJsonFile } from '../../storage/jsonFile.js';

/** Folders and sources of `fetchCorpus`. */
export interface FetchOptions extends DownloadsOptions {
  /** Folder for all corpora: downloads go to its `downloads`, this corpus to its NAME-SRC-TRG. */
  readonly dir: string;
  /** The user's own files: a folder, or the archive. Then nothing is downloaded. */
  readonly fromLocal?: string;
  /** Write the text again, and replace a corpus made from other files. */
  readonly force?: boolean;
  readonly onWork?: (what: string, done: number) => void;
}

/** The fetched corpus: its folder, its manifest, and whether it was written now. */
export interface FetchResult {
  readonly folder: string;
  readonly status: 'written' | 'upToDate';
  readonly manifest: FetchManifest;
}

/**
 * A corpus by its name: downloads and verifies missing files, unpacks them, and writes aligned text files as published.
 * The corpus's folder appears whole or not at all.
 *
 * @throws ColdstartError DOWNLOAD_FAILED; FILE_EXISTS if the folder holds something else; DataError for damaged files
 */
export async function fetchCorpus(recipe: Recipe, pair: RecipePair, options: FetchOptions): Promise<FetchResult> {
  const { dir, fromLocal, signal, onNote, onWork } = options;
  const folder = corpusFolder(dir, recipe, pair);
  const present = readManifest(folder);
  const isDamaged = present === null && holdsOnlyText(folder);
  if (isDamaged && !options.force)
    throw new ColdstartError(
      'FILE_EXISTS',
      `${join(folder, manifestName)} cannot be read as the manifest of fetched text. To fetch the text again, run with --force.`,
    );
  if (present === null && !isDamaged && existsSync(folder)) {
    throw new ColdstartError(
      'FILE_EXISTS',
      `${folder} is there already and holds no corpus of this command. Choose another folder with --dir, or remove it.`,
    );
  }
  if (present !== null && present.format !== manifestFormat && !options.force) {
    throw new ColdstartError(
      'FILE_EXISTS',
      `${folder} was written by another version of coldstart (${present.format}, expected ${manifestFormat}). Its raw text can be prepared as it is. To fetch the text again, run with --force.`,
    );
  }
  const [other] = present !== null && options.force ? filesNotFetched(folder, present) : [];
  if (other !== undefined)
    throw new ColdstartError(
      'FILE_EXISTS',
      `${folder} also holds ${other}, which this command did not write. It is not replaced. Move ${other} elsewhere, or choose another folder with --dir.`,
    );
  checkOutputs([folder], { kind: 'folder', replace: true });
  const local = fromLocal === undefined ? null : await findLocalText(fromLocal, pair, onNote);
  const archives = local?.archives ?? (await downloadAll(pair, join(dir, 'downloads'), options));
  const unpacked = local?.unpacked ?? new Map<string, string>();

  const inputs = await identities(archives, unpacked, pair);
  if (present !== null && !options.force) {
    if (!sameInputs(present.inputs, inputs))
      throw new ColdstartError(
        'FILE_EXISTS',
        `${folder} was made from other files. Run with --force to replace it, or choose another folder with --dir.`,
      );
    const changed = resizedOutputs(folder, present);
    if (changed.length === 0) return { folder, status: 'upToDate', manifest: present };
    throw new ColdstartError(
      'FILE_EXISTS',
      `${changed.map((name) => join(folder, name)).join(', ')}: changed since written. Run with --force to write the corpus again, or with --verify to see all that differs.`,
    );
  }
  const manifest = await writeFolderAtomic(folder, async (target) => {
    const files = join(target, 'unpacked');
    const found = await unpackText(pair, archives, files, unpacked, {
      signal,
      onProgress: (name, bytes) => onWork?.(`unpack ${name}`, bytes),
    });
    const counts = await writeText(pair, found, target, { signal, onProgress: onWork });
    rmSync(files, { recursive: true });
    const complete: FetchManifest = {
      format: manifestFormat,
      version,
      recipe: recipe.name,
      srcLang: pair.src,
      trgLang: pair.trg,
      inputs,
      counts,
      outputs: await outputsOf(target),
    };
    writeJsonFile(join(target, manifestName), complete);
    return complete;
  });
  return { folder, status: 'written', manifest };
}

/** The folder of a recipe's corpus. */
export function corpusFolder(dir: string, recipe: Recipe, { src, trg }: RecipePair): string {
  return join(dir, `${recipe.name}-${src}-${trg}`);
}

async function downloadAll(pair: RecipePair, folder: string, options: FetchOptions): Promise<LocalFile[]> {
  const downloads = new Downloads(folder);
  const files: LocalFile[] = [];
  try {
    for (const file of pair.files) files.push(await downloads.file(file, options));
  } catch (error) {
    if (!(error instanceof ColdstartError && error.code === 'DOWNLOAD_FAILED')) throw error;
    throw new ColdstartError(
      error.code,
      `${error.message}\nWhat arrived is kept, and the next call continues from there. Files from elsewhere can be used with --from-local.`,
      { cause: error },
    );
  }
  return files;
}

async function identities(
  archives: readonly LocalFile[],
  unpacked: ReadonlyMap<string, string>,
  pair: RecipePair,
): Promise<FetchManifest['inputs']> {
  const found: Record<string, FetchManifest['inputs'][string]> = {};
  for (const { name, bytes, sha256 } of archives) found[name] = { bytes, sha256 };
  // unpacked files count only if their archive is not read
  if (archives.length === 0)
    for (const path of wantedPaths(pair)) found[path] = await fileIdentity(unpacked.get(path)!);
  return found;
}

function sameInputs(present: FetchManifest['inputs'], found: FetchManifest['inputs']): boolean {
  return JSON.stringify(Object.entries(present).sort()) === JSON.stringify(Object.entries(found).sort());
}
