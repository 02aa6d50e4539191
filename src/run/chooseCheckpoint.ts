import { existsSync } from 'node:fs';
import type { Config } from '../config/schema.js';
import { DataError } from '../errors.js';
import { averageCheckpoints } from '../train/average.js';
import { epochCheckpoints } from '../train/runFiles.js';
import { runPaths } from './runFolder.js';

export interface ChosenCheckpoint {
  readonly path: string;
  /** In words, for reports. */
  readonly description: string;
}

/**
 * The checkpoint of a run that `decode.checkpoint` asks for; an average is made and kept in the run.
 * @throws DataError if the run does not have it
 */
export function chooseCheckpoint(
  runDir: string,
  { checkpoint, averageLast }: Pick<Config['decode'], 'checkpoint' | 'averageLast'>,
): ChosenCheckpoint {
  const paths = runPaths(runDir);
  if (checkpoint === 'average') {
    const newest = epochCheckpoints(runDir).slice(-averageLast);
    if (newest.length === 0)
      throw new DataError(
        `${runDir} has no epoch checkpoints to average. Train for at least one epoch with train.keepEpochs above 0, or set decode.checkpoint to best.`,
      );
    averageCheckpoints(newest, paths.average, true);
    return {
      path: paths.average,
      description: newest.length === 1 ? 'parameters of the last epoch' : `average of the last ${newest.length} epochs`,
    };
  }
  const path = paths[checkpoint];
  if (!existsSync(path))
    throw new DataError(`${runDir} has no ${checkpoint} checkpoint yet (${path}). Train further with --resume.`);
  return { path, description: checkpoint === 'best' ? 'best of validation' : 'last' };
}
