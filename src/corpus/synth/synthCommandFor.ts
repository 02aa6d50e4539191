import { basename, dirname, resolve, sep } from 'node:path';
import { shownFolder } from '../../storage/shownFolder.js';

/** The names of the folders in which the shipped configurations expect the built-in corpus. */
const textFolder = ['builtin', 'text'];

/**
 * The command that writes a file, if it is one of the built-in corpus where the shipped configurations expect it;
 * undefined otherwise.
 */
export function synthCommandFor(path: string): string | undefined {
  const folder = dirname(resolve(path));
  const names = folder.split(sep).slice(-textFolder.length);
  if (!/^(train|valid|test)\.(de|en)$/.test(basename(path)) || names.join(sep) !== textFolder.join(sep))
    return undefined;
  return `coldstart corpus synth --out ${shownFolder(folder)}`;
}
