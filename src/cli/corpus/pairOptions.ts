import { extname } from 'node:path';
import { Option } from 'commander';
import { counted } from '../../counted.js';
import type { PairFiles } from '../../text/linePairs.js';
import { UsageError } from '../../errors.js';

/** @param done what the command does with the pairs that leak, e.g. removed */
export const heldOutOption = (done: 'removed' | 'counted') =>
  new Option(
    '--held-out <files...>',
    `validation and test sets, source and target of each: training pairs that share a side with them are ${done}`,
  );

/** Files named alternately as source and target. */
export function pairedFiles(files: readonly string[] = []): PairFiles[] {
  if (files.length % 2 !== 0)
    throw new UsageError(
      `--held-out names ${counted(files.length, 'file')}, expected source and target of each set: --held-out valid.de valid.en test.de test.en`,
    );
  return files.flatMap((src, i) => (i % 2 === 0 ? [{ src, trg: files[i + 1] }] : []));
}

/** The language that a file's ending names: de of train.de, or of train.de.gz. */
export function languageOf(path: string): string {
  return extname(path.replace(/\.gz$/, '')).slice(1);
}
