import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UsageError } from '../../errors.js';
import { contentFault } from '../../storage/http/download.js';
import type { LocalFile } from './downloads.js';
import type { RecipeFile, RecipePair } from './recipe.js';

/** The user's own files: archives as the recipe downloads them, or their unpacked contents. */
export interface LocalText {
  readonly archives: readonly LocalFile[];
  /** Unpacked files by their paths in the recipe. */
  readonly unpacked: ReadonlyMap<string, string>;
}

/**
 * A recipe's files in a folder of the user, or the one archive of the recipe.
 *
 * @param place a folder with the archives, or with the unpacked files (under their paths, or side by side); or an
 * archive
 * @param onNote receives a note on archives that differ from the recipe's
 * @throws UsageError naming missing files
 */
export async function findLocalText(
  place: string,
  pair: RecipePair,
  onNote: (note: string) => void = () => {},
): Promise<LocalText> {
  if (!existsSync(place)) throw new UsageError(`--from-local ${place}: there is no such file or folder.`);
  if (!statSync(place).isDirectory())
    return { archives: [await localFile(place, archiveFor(place, pair), onNote)], unpacked: new Map() };

  const unpacked = new Map<string, string>();
  for (const path of wantedPaths(pair)) {
    const found = [join(place, path), join(place, ...path.split('/').slice(1)), join(place, basename(path))].find(
      isFile,
    );
    if (found !== undefined) unpacked.set(path, found);
  }
  if (unpacked.size === wantedPaths(pair).length) return { archives: [], unpacked };
  const archives: LocalFile[] = [];
  const missing: string[] = [];
  for (const file of pair.files) {
    const path = namesOf(file)
      .map((name) => join(place, name))
      .find(isFile);
    if (path === undefined) missing.push(file.name);
    else archives.push(await localFile(path, file, onNote));
  }
  if (missing.length === 0) return { archives, unpacked: new Map() };
  const absent = wantedPaths(pair).filter((path) => !unpacked.has(path));
  throw new UsageError(
    `--from-local ${place} lacks ${missing.map((name) => basename(name)).join(', ')}; of the files inside of the archives it lacks ${absent.slice(0, 4).join(', ')}${absent.length > 4 ? ` and ${absent.length - 4} more` : ''}. Either the archives or what they hold are needed.`,
  );
}

/** All files that a pair's text is read from. */
export function wantedPaths({ text }: RecipePair): string[] {
  return [
    ...new Set(
      Object.values(text)
        .flat()
        .flatMap(({ src, trg }) => [src, trg]),
    ),
  ];
}

/** An archive may have its own name, the name of the archive inside it, or another ending. */
function archiveFor(place: string, pair: RecipePair): RecipeFile {
  const named = pair.files.find((file) => namesOf(file).some((name) => stemOf(name) === stemOf(place)));
  if (named !== undefined) return named;
  if (pair.files.length === 1) return pair.files[0];
  throw new UsageError(
    `--from-local ${place} is not one of the files of ${pair.src}-${pair.trg}: ${pair.files.map(({ name }) => basename(name)).join(', ')}. Put all of them into one folder and name that.`,
  );
}

function namesOf({ name, inner }: RecipeFile): string[] {
  return [name, basename(name), ...(inner === undefined ? [] : [inner, basename(inner)])];
}

function stemOf(path: string): string {
  return basename(path).replace(/\.(tar|tgz|zip|tar\.(gz|xz|zst|bz2))$/i, '');
}

async function localFile(
  path: string,
  { name, ...expected }: RecipeFile,
  onNote: (note: string) => void,
): Promise<LocalFile> {
  const isInner = expected.inner !== undefined && basename(path) !== basename(name);
  const { fault, identity } = await contentFault(path, isInner ? {} : expected);
  if (fault !== null) onNote(`${path} is not the file that the recipe knows: its ${fault}`);
  return { name, path, ...identity };
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
