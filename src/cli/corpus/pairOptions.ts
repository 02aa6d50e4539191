import { extname } from 'node:path';
import { Option } from 'commander';
import type { PairFiles } from '../../text/linePairs.js';
import { UsageError } from '../../errors.js';

export const heldOutOption = () =>
  new Option(
    '--held-out <files...>',
    'validation and test sets, source and target of each: training pairs that share a side with them are removed',
  );

/** Files named alternately as source and target. */
export function pairedFiles(files: readonly string[] = []): PairFiles[] {
  if (files.length % 2 !== 0)
    throw new UsageError(
      `--held-out names ${files.length} files, expected source and target of each set: --held-out valid.de valid.en test.de test.en`,
    );
  return files.flatMap((src, i) => (i % 2 === 0 ? [{ src, trg: files[i + 1] }] : []));
}

/** The language that a file's ending names: de of train.de, or of train.de.gz. */
export function languageOf(path: string): string {
  return extname(path.replace(/\.gz$/, '')).slice(1);
}
