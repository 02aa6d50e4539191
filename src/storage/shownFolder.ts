import { relative, sep } from 'node:path';

/** A folder as a user would type it: relative to the current one if it lies within, else whole. */
export function shownFolder(folder: string): string {
  const shown = relative('.', folder);
  return shown === '' ? '.' : shown === '..' || shown.startsWith(`..${sep}`) ? folder : shown;
}
