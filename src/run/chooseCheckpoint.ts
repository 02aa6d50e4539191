import { existsSync } from 'node:fs';
import type { Config } from '../config/schema.js';
import { counted } from '../counted.js';
import { DataError } from '../errors.js';
import { averageCheckpoints } from '../train/average.js';
import { epochCheckpoints } from '../train/runFiles.js';
import { runPaths } from './runFolder.js';
import type { CheckpointUse } from './runScores.js';

export interface ChosenCheckpoint {
  readonly path: string;
  /** What it is: best also where an average was asked for and could not be made. */
  readonly use: CheckpointUse;
  /** In words, for reports. */
  readonly description: string;
}

/** Fewer than this many epochs are no average. */
const fewestToAverage = 2;

/** The epoch checkpoints that an average takes, oldest first; empty where fewer than two can be averaged. */
export function epochsToAverage(runDir: string, { averageLast }: Pick<Config['decode'], 'averageLast'>): string[] {
  const newest = epochCheckpoints(runDir).slice(-averageLast);
  return newest.length < fewestToAverage ? [] : newest;
}

/**
 * The checkpoint of a run that `decode.checkpoint` asks for. An average is made and kept in the run. Where there are not two epochs
 * to average, the best parameters are taken: those of a single epoch can be from long before the run's end.
 * @throws DataError if the run does not have it
 */
export function chooseCheckpoint(
  runDir: string,
  { checkpoint, averageLast }: Pick<Config['decode'], 'checkpoint' | 'averageLast'>,
): ChosenCheckpoint {
  const paths = runPaths(runDir);
  if (checkpoint === 'average') {
    const newest = epochsToAverage(runDir, { averageLast });
    if (newest.length > 0) {
      averageCheckpoints(newest, paths.average, true);
      return { path: paths.average, use: 'average', description: `average of the last ${newest.length} epochs` };
    }
    const best = chooseCheckpoint(runDir, { checkpoint: 'best', averageLast });
    const kept = epochCheckpoints(runDir).length;
    const why =
      kept < fewestToAverage
        ? `${kept === 0 ? 'no epoch was' : counted(kept, 'epoch was', 'epochs were')} kept`
        : `decode.averageLast is ${averageLast}`;
    return { ...best, description: `${best.description}, not an average: ${why}, an average needs ${fewestToAverage}` };
  }
  const path = paths[checkpoint];
  if (!existsSync(path))
    throw new DataError(`${runDir} has no ${checkpoint} checkpoint yet (${path}). Train further with --resume.`);
  return { path, use: checkpoint, description: checkpoint === 'best' ? 'best of validation' : 'last' };
}
