import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of coldstart's package.json: the checkout, or the package in node_modules. */
export const packageFolder: string = folderAbove(dirname(fileURLToPath(import.meta.url)));

/** The version in package.json. */
export const version: string = (
  JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }
).version;

/** Compiled files are one folder deeper in a checkout (dist/src) than in the package (dist). */
function folderAbove(folder: string): string {
  const parent = dirname(folder);
  return existsSync(join(folder, 'package.json')) || parent === folder ? folder : folderAbove(parent);
}
