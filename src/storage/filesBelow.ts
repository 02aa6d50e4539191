import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Everything in a folder and its subfolders that is not a folder, by its path there with slashes, sorted. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)).replaceAll('\\', '/'))
    .sort();
}
