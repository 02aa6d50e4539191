import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ColdstartError } from '../../errors.js';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { checkOutputs } from '../../storage/checkOutputs.js';
import { writeFolderAtomic } from '../../storage/atomicFolder.js';
import { fileIdentity } from '../../storage/checksum.js';
import { version } from '../../package.js';
import { buildText } from './buildText.js';
import { Downloads, type DownloadsOptions, type LocalFile } from './downloads.js';
import {
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

export interface FetchOptions extends DownloadsOptions {
  /** Folder for all corpora: downloads go to its `downloads`, this corpus to its NAME-SRC-TRG. */
  readonly dir: string;
  /** Files that are there already: a folder, or the archive. Nothing is downloaded then. */
  readonly fromLocal?: string;
  /** Write the text as published, without the recipe's steps. */
  readonly rawOnly?: boolean;
  /** Write the text again, also over a corpus made from other files or by other steps. */
  readonly force?: boolean;
  readonly onWork?: (what: string, done: number) => void;
}

export interface FetchResult {
  readonly folder: string;
  readonly status: 'written' | 'upToDate';
  readonly manifest: FetchManifest;
}

/**
 * A corpus by its name: downloads and verifies what is missing, unpacks it, and writes aligned text files, those of the
 * recipe's steps included. The corpus's folder appears whole or not at all.
 *
 * @throws ColdstartError DOWNLOAD_FAILED; FILE_EXISTS if the folder holds something else; DataError for damaged files
 */
export async function fetchCorpus(recipe: Recipe, pair: RecipePair, options: FetchOptions): Promise<FetchResult> {
  const { dir, fromLocal, rawOnly = false, signal, onNote, onWork } = options;
  const folder = corpusFolder(dir, recipe, pair);
  const work: Work = {
    format: manifestFormat,
    version,
    recipe: recipe.name,
    srcLang: pair.src,
    trgLang: pair.trg,
    steps: rawOnly ? [] : pair.steps,
  };
  const present = readManifest(folder);
  if (present === null && existsSync(folder)) {
    throw new ColdstartError(
      'FILE_EXISTS',
      `${folder} is there already and holds no corpus of this command. Choose another folder with --dir, or remove it.`,
    );
  }
  const refuseOther = (same: boolean): void => {
    if (present === null || options.force || same) return;
    throw new ColdstartError(
      'FILE_EXISTS',
      `${folder} was made from other files or by other steps. Run with --force to replace it, or choose another folder with --dir.`,
    );
  };
  refuseOther(present !== null && sameWork(present, work)); // before anything is downloaded
  checkOutputs([folder], { kind: 'folder', replace: true });
  const local = fromLocal === undefined ? null : await findLocalText(fromLocal, pair, onNote);
  const archives = local?.archives ?? (await downloadAll(pair, join(dir, 'downloads'), options));
  const unpacked = local?.unpacked ?? new Map<string, string>();

  const inputs = await identities(archives, unpacked, pair);
  refuseOther(present !== null && sameInputs(present.inputs, inputs));
  if (present !== null && !options.force) {
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
    const counts = await buildText(pair, found, target, { rawOnly, signal, onProgress: onWork });
    rmSync(files, { recursive: true });
    const complete: FetchManifest = { ...work, inputs, counts, outputs: await outputsOf(target) };
    writeFileAtomic(join(target, manifestName), `${JSON.stringify(complete, null, 2)}\n`);
    return complete;
  });
  return { folder, status: 'written', manifest };
}

/** Where a corpus of a recipe is written. */
export function corpusFolder(dir: string, recipe: Recipe, { src, trg }: RecipePair): string {
  return join(dir, `${recipe.name}-${src}-${trg}`);
}

type Work = Omit<FetchManifest, 'inputs' | 'counts' | 'outputs'>;

async function downloadAll(pair: RecipePair, folder: string, options: FetchOptions): Promise<LocalFile[]> {
  const downloads = new Downloads(folder);
  const files: LocalFile[] = [];
  try {
    for (const file of pair.files) files.push(await downloads.file(file, options));
  } catch (error) {
    if (!(error instanceof ColdstartError && error.code === 'DOWNLOAD_FAILED')) throw error;
    throw new ColdstartError(
      error.code,
      `${error.message}\nWhat came stays and is gone on with next time. Files from elsewhere can be used with --from-local.`,
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
  // of unpacked files only those count that no archive is read for
  if (archives.length === 0)
    for (const path of wantedPaths(pair)) found[path] = await fileIdentity(unpacked.get(path)!);
  return found;
}

function sameWork(present: FetchManifest, asked: Work): boolean {
  const comparable = ({ recipe, srcLang, trgLang, steps }: Work): string =>
    JSON.stringify([recipe, srcLang, trgLang, steps]);
  return comparable(present) === comparable(asked);
}

function sameInputs(present: FetchManifest['inputs'], found: FetchManifest['inputs']): boolean {
  return JSON.stringify(Object.entries(present).sort()) === JSON.stringify(Object.entries(found).sort());
}
