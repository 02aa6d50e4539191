import { relative, sep } from 'node:path';

/** A folder as a user would type it: relative to the current one if it is inside, otherwise absolute. */
export function shownFolder(folder: string): string {
  const shown = relative('.', folder);
  return shown === '' ? '.' : shown === '..' || shown.startsWith(`..${sep}`) ? folder : shown;
}
