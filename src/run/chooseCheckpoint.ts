import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Config } from '../config/schema.js';
import { DataError, UsageError } from '../errors.js';
import { averageCheckpoints } from '../train/average.js';
import { keptCheckpoints } from '../train/runFiles.js';
import { runPaths } from './runFolder.js';

export interface ChosenCheckpoint {
  readonly path: string;
  /** The kind of the parameters: best if an average was requested but cannot be made. */
  readonly use: Config['decode']['checkpoint'];
  /** In words, for reports. */
  readonly description: string;
}

/**
 * The checkpoint of a run that `decode.checkpoint` names; an average is made and kept in the run. An average of several
 * epochs needs two; if fewer were kept, the best parameters are used, and the description says why.
 * @throws DataError if the run does not have it
 */
export function chooseCheckpoint(
  runDir: string,
  { checkpoint, averageLast }: Pick<Config['decode'], 'checkpoint' | 'averageLast'>,
): ChosenCheckpoint {
  const paths = runPaths(runDir);
  if (checkpoint === 'average') {
    const newest = keptCheckpoints(runDir).slice(-averageLast);
    if (newest.length < Math.min(averageLast, 2)) {
      const kept = newest.length === 0 ? 'no checkpoint was kept' : 'one checkpoint was kept';
      const best = chooseCheckpoint(runDir, { checkpoint: 'best', averageLast });
      return { ...best, description: `${best.description}; ${kept}, an average needs two` };
    }
    averageCheckpoints(newest, paths.average, true);
    return {
      path: paths.average,
      use: 'average',
      description: averageOf(newest),
    };
  }
  const path = paths[checkpoint];
  if (!existsSync(path)) {
    const last = checkpoint === 'best' && existsSync(paths.last) ? ', or translate with the last one (--use last)' : '';
    throw new DataError(`${runDir} has no ${checkpoint} checkpoint (${path}). Train further with --resume${last}.`);
  }
  return { path, use: checkpoint, description: checkpoint === 'best' ? 'best of validation' : 'last' };
}

/** @throws UsageError for a choice among the checkpoints of a run where no run is named */
export function refuseUseWithoutRun(use: Config['decode']['checkpoint'] | undefined, hasRun: boolean): void {
  if (use !== undefined && !hasRun)
    throw new UsageError('--use chooses among the checkpoints of a run: give it with --run.');
}

/** What an average of these checkpoints is, in words. */
function averageOf(kept: readonly string[]): string {
  const last = /^update-0*(\d+)/.exec(basename(kept.at(-1)!));
  if (last === null)
    return kept.length === 1 ? 'parameters of the last epoch' : `average of the last ${kept.length} epochs`;
  return kept.length === 1
    ? `parameters after update ${last[1]}`
    : `average of ${kept.length} checkpoints up to update ${last[1]}`;
}

/** Refuses an average of more checkpoints than training keeps. @throws UsageError naming the settings */
export function checkAverage({ decode, train }: Pick<Config, 'decode' | 'train'>): void {
  if (decode.checkpoint === 'average' && train.keepEpochs < Math.min(decode.averageLast, 2))
    throw new UsageError(
      `decode.checkpoint is average and train.keepEpochs is ${train.keepEpochs}: there will be no epochs to average. ` +
        'Set train.keepEpochs to at least 2, or decode.checkpoint to best.',
    );
}

/**
 * Refuses a beam that the target vocabulary has no continuations for, before training.
 * @param trgVocabSize entries of the target vocabulary
 * @throws UsageError naming the setting
 */
export function checkDecode({ decode }: Pick<Config, 'decode'>, trgVocabSize: number): void {
  if (2 * decode.beamSize > trgVocabSize)
    throw new UsageError(
      `decode.beamSize is ${decode.beamSize}, expected at most ${Math.floor(trgVocabSize / 2)}: ` +
        `a beam looks at twice as many continuations, and the target vocabulary has ${trgVocabSize} entries.`,
    );
}
