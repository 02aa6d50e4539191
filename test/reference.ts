import { fileURLToPath } from 'node:url';

/** The project's folder, seen from a compiled test helper. */
const project = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Path of a file of test/reference: numbers that other programs gave, each folder with a README that says which.
 * @param path below test/reference, e.g. 'text/moses/de.json'
 */
export function referencePath(path: string): string {
  return `${project}test/reference/${path}`;
}

/**
 * Path of a file of the real corpora that only `npm run test:corpora` reads: they are too large, and not ours, to be
 * kept in the repository.
 * @param path below the corpora's folder, e.g. 'multi30k/train.de.gz'
 */
export function corpusPath(path: string): string {
  return `${process.env.COLDSTART_CORPORA}/${path}`;
}
