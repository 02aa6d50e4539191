import { shellWord } from '../format.js';
import { copyFileSync, linkSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CheckpointError, readCheckpoint, type Checkpoint } from './checkpoint.js';
import { checkpointNames, keptName } from './checkpointNames.js';
import type { KeptAt } from './checkpointStore.js';
import { isThere } from '../storage/isThere.js';

/** The folder and paths of a run's checkpoints; checkpointNames.ts says what they hold. */
export const checkpointPaths = (runDir: string) => {
  const folder = join(runDir, 'checkpoints');
  const { last, previous, best, bestBeforeEnd } = checkpointNames;
  return {
    folder,
    last: join(folder, last),
    previous: join(folder, previous),
    best: join(folder, best),
    bestBeforeEnd: join(folder, bestBeforeEnd),
    /** Of parameters that are kept for averaging. */
    kept: (at: KeptAt) => join(folder, keptName(at)),
  };
};

/**
 * Paths of the checkpoints that a run kept for averaging, of epochs or of updates (train.keepEveryUpdates), oldest
 * first. A run has both kinds if it was resumed with keepEveryUpdates, and those of epochs are then the older ones.
 */
export function keptCheckpoints(runDir: string): string[] {
  const { folder } = checkpointPaths(runDir);
  if (!isThere(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => {
      const found = /^(epoch|update)-(\d{4,})\.safetensors$/.exec(name);
      return found ? [{ name, kind: found[1] === 'epoch' ? 0 : 1, number: Number(found[2]) }] : [];
    })
    .sort((a, b) => a.kind - b.kind || a.number - b.number)
    .map(({ name }) => join(folder, name));
}

/**
 * The checkpoint that a run is resumed from.
 *
 * @returns undefined if the run has none
 * @throws CheckpointError if it cannot be used, offering the one before it where that is good
 */
export function readLastCheckpoint(runDir: string): Checkpoint | undefined {
  const { last, previous } = checkpointPaths(runDir);
  if (!isThere(last) && !isThere(previous)) return undefined;
  try {
    return readCheckpoint(last);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(last, `${error.what}. ${offerPrevious(last, previous)}`, error);
  }
}

/** Keeps the last checkpoint as the previous one before a new one is written. At every moment one of them is whole. */
export function keepLastAsPrevious(runDir: string): void {
  const { last, previous } = checkpointPaths(runDir);
  keep(last, previous);
}

/** Keeps the best checkpoint before a validation that only the end of the run calls for replaces it. */
export function keepBestBeforeEnd(runDir: string): void {
  const { best, bestBeforeEnd } = checkpointPaths(runDir);
  keep(best, bestBeforeEnd);
}

/**
 * Undoes the change of the best checkpoint by the end of a run, or by a run killed at its end. If there was no best
 * before, that of the end remains until the next validation replaces it: a run that has validated always has a best.
 */
export function restoreBestBeforeEnd(runDir: string): void {
  const { best, bestBeforeEnd } = checkpointPaths(runDir);
  if (isThere(bestBeforeEnd)) renameSync(bestBeforeEnd, best);
}

/** Removes the record of that change when training starts from the beginning. */
export function forgetBestBeforeEnd(runDir: string): void {
  rmSync(checkpointPaths(runDir).bestBeforeEnd, { force: true });
}

function keep(path: string, kept: string): void {
  if (!isThere(path)) return;
  rmSync(kept, { force: true });
  try {
    linkSync(path, kept);
  } catch {
    copyFileSync(path, kept); // some file systems have no hard links
  }
}

function offerPrevious(last: string, previous: string): string {
  if (!isThere(previous)) return 'There is no earlier checkpoint to resume from';
  try {
    const { training } = readCheckpoint(previous);
    return `The one before it is good (update ${training?.position.update}). To resume from there: cp ${shellWord(previous)} ${shellWord(last)}`;
  } catch (error) {
    return `The checkpoint before it cannot be used either: ${(error as Error).message}`.replace(/\.$/, '');
  }
}
