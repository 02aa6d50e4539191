import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../errors.js';
import { contentFault, type ExpectedContent } from '../../storage/http/download.js';
import { Downloads } from './downloads.js';
import { corpusFolder } from './fetchCorpus.js';
import { readManifest } from './fetchManifest.js';
import type { Recipe, RecipePair } from './recipe.js';

/** A verified file and its fault, if any. */
export interface CheckedFile {
  readonly path: string;
  /** How the file differs from its record, or null. */
  readonly fault: string | null;
}

/** Options of `verifyFetched`. */
export interface VerifyOptions {
  /** Folder of corpora. */
  readonly dir: string;
  /** The pair to check; default: everything in the folder. */
  readonly only?: { readonly recipe: Recipe; readonly pair: RecipePair };
  /** Recipes whose files may be among the downloads. */
  readonly recipes: readonly Recipe[];
  readonly signal?: AbortSignal;
  readonly onFile?: (path: string, numChecked: number) => void;
}

/**
 * Reads fetched files again and compares them with the sizes and checksums in recipes, `checksums.json` and the
 * corpora's manifests. Deleted downloads are skipped; missing text is a fault.
 *
 * @throws UsageError if there is nothing to check
 */
export async function verifyFetched({ dir, only, recipes, signal, onFile }: VerifyOptions): Promise<CheckedFile[]> {
  const downloads = new Downloads(join(dir, 'downloads'));
  const files = only ? only.pair.files : recipes.flatMap(({ pairs }) => pairs.flatMap((pair) => pair.files));
  const expected = new Map<string, ExpectedContent | string>(); // a text: the fault, if nothing needs to be read
  for (const { path, content } of downloads.present(files, { others: only === undefined })) expected.set(path, content);
  for (const folder of only ? [corpusFolder(dir, only.recipe, only.pair)] : foldersIn(dir)) {
    for (const [path, content] of textOf(folder)) expected.set(path, content);
  }
  if (expected.size === 0)
    throw new UsageError(
      `there is nothing to verify: ${only ? `neither downloads nor text of ${only.recipe.name} ${only.pair.src}-${only.pair.trg} are` : 'no corpus is'} in ${dir}. Another folder is named with --dir.`,
    );
  const checked: CheckedFile[] = [];
  for (const [path, content] of expected) {
    signal?.throwIfAborted();
    onFile?.(path, checked.length);
    checked.push({ path, fault: typeof content === 'string' ? content : (await contentFault(path, content)).fault });
  }
  return checked;
}

function foldersIn(dir: string): string[] {
  return existsSync(dir)
    ? readdirSync(dir)
        .sort()
        .map((name) => join(dir, name))
        .filter((folder) => readManifest(folder) !== null)
    : [];
}

function textOf(folder: string): [string, ExpectedContent | string][] {
  if (!existsSync(folder)) return [];
  const manifest = readManifest(folder);
  if (manifest === null) return [[join(folder, 'manifest.json'), 'missing, or not the manifest of a fetched corpus']];
  return Object.entries(manifest.outputs).map(([name, content]) => {
    const path = join(folder, name);
    return [path, existsSync(path) ? content : 'missing'];
  });
}
