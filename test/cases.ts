import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of an input that once went wrong. */
export function casePath(name: string): string {
  return fileURLToPath(new URL(`../../test/cases/${name}`, import.meta.url));
}

/** The lines of such an input, without line feeds. */
export function caseLines(name: string): string[] {
  return readFileSync(casePath(name), 'utf8').replace(/\n$/, '').split('\n');
}
