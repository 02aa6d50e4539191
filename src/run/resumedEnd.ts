import type { Config } from '../config/schema.js';
import { counted } from '../counted.js';
import { UsageError } from '../errors.js';
import { readLastCheckpoint } from '../train/runFiles.js';
import { readInitReport } from './initRecords.js';
import { runPaths } from './runFolder.js';

/**
 * A run that is resumed with another end must not be past it: its configuration would say that it was trained for less
 * than it was.
 *
 * @throws UsageError saying how far the run is, and the earliest end
 */
export function checkEndsLater(runDir: string, { train }: Config): void {
  const position = readLastCheckpoint(runDir)?.training?.position;
  if (position === undefined) return;
  const { maxUpdates, maxEpochs, countInit } = train;
  const refuse = (setting: string, value: number, done: string, earliest: number): void => {
    throw new UsageError(
      `${setting} is ${value}, and ${runDir} has been trained for ${done} already. Set it to ${earliest} to end the run now, or higher to train on.`,
    );
  };
  const cost = countInit ? Math.ceil(readInitReport(runPaths(runDir).initReport)?.cost.updateEquivalents ?? 0) : 0;
  const updates = position.update + cost;
  if (maxUpdates > 0 && maxUpdates < updates)
    refuse(
      'train.maxUpdates',
      maxUpdates,
      counted(updates, 'update') + (cost > 0 ? ` (${cost} of them is what initialisation cost)` : ''),
      updates,
    );
  const epochs = position.epoch - 1 + (position.batchesDone > 0 ? 1 : 0);
  if (maxEpochs > 0 && maxEpochs < epochs)
    refuse(
      'train.maxEpochs',
      maxEpochs,
      counted(epochs, 'epoch') + (position.batchesDone > 0 ? ' (the last one in part)' : ''),
      epochs,
    );
}
