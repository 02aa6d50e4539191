import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../errors.js';

/** The vocabularies and subwords of a checkpoint: `text/` of its run, or next to it; undefined if missing. */
export function textFolderNear(checkpointPath: string): string | undefined {
  const folder = dirname(resolve(checkpointPath));
  return [join(dirname(folder), 'text'), join(folder, 'text'), folder].find((candidate) =>
    existsSync(join(candidate, 'text.json')),
  );
}

/** The same. @throws UsageError if they are missing */
export function findTextFolder(checkpointPath: string): string {
  const found = textFolderNear(checkpointPath);
  if (found === undefined)
    throw new UsageError(
      `no vocabularies were found near ${checkpointPath}. Name their folder with --text: text/ of the run that made the checkpoint, or the prepared corpus.`,
    );
  return found;
}
