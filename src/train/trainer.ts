import { folderStore } from './folderStore.js';
import type { OptimizerOptions } from './optimizers.js';
import { Team } from './team.js';
import { trainLoop, type LoopTask, type TrainResult } from './trainLoop.js';

export type { Evaluation, TrainEvent, TrainResult, ValidSample } from './trainLoop.js';

/** The model, batches, options and folder of `train`. */
export interface TrainTask<O extends { readonly optimizer: string } = OptimizerOptions> extends Omit<
  LoopTask<O>,
  'store' | 'team'
> {
  /** Checkpoints go to `checkpoints/` below it. */
  readonly runDir: string;
}

/**
 * Trains until `maxUpdates`, `maxEpochs`, patience or the signal ends it, with the checkpoints in the run's folder. A
 * resumed run continues bit for bit like the unbroken one on the same backend, and one that is resumed with later
 * limits as if it had had these from the start.
 *
 * @throws DivergenceError when the loss, a gradient or a parameter is not finite
 * @throws UsageError when the options contradict themselves, ColdstartError when `resumeFrom` belongs to another run
 */
export function train<O extends { readonly optimizer: string }>({
  runDir,
  ...task
}: TrainTask<O>): Promise<TrainResult> {
  return trainLoop({ ...task, store: folderStore(runDir), team: task.world && new Team(task.world) });
}
