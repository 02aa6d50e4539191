import type { EpochBatches } from '../data/batches.js';
import { ColdstartError } from '../errors.js';
import { modelDifference, type ModelConfig } from '../model/config.js';
import type { Checkpoint } from './checkpointBytes.js';
import type { Optimizer } from './optimizer.js';
import type { TrainPosition } from './position.js';
import type { TrainOptions } from './trainOptions.js';

/**
 * The training state of a checkpoint, if a run with this model and these options can resume from it. Rates, schedule,
 * betas, clipping, label smoothing and updateFreq are not compared: callers of the library may change them midway. (A
 * run folder's whole configuration, and its corpus, are compared by claimRunFolder.)
 * @throws ColdstartError code CHECKPOINT naming what differs
 */
export function checkResumable(
  checkpoint: Checkpoint,
  config: ModelConfig,
  options: TrainOptions<{ readonly optimizer: string }>,
  { slots }: Optimizer,
): NonNullable<Checkpoint['training']> {
  const { training } = checkpoint;
  if (training === undefined) throw refuse(checkpoint, 'holds parameters only. Use checkpoints/last.safetensors');
  const key = modelDifference(checkpoint.config, config);
  if (key !== undefined) {
    throw refuse(
      checkpoint,
      `has model.${key} ${JSON.stringify(checkpoint.config[key])}, the configuration says ${JSON.stringify(config[key])}. Resume with the run's own configuration`,
    );
  }
  if (training.position.seed !== options.seed) {
    throw refuse(
      checkpoint,
      `was trained with seed ${training.position.seed}, the configuration says ${options.seed}. Resume with the same seed`,
    );
  }
  const { precision = 'fp32' } = training.position;
  if (precision !== options.precision) {
    throw refuse(
      checkpoint,
      `was trained with precision ${precision}, the configuration says ${options.precision}. Resume with the same precision`,
    );
  }
  const by = training.position.best?.by;
  if (by !== undefined && by !== options.bestBy) {
    throw refuse(
      checkpoint,
      `has a best validation by ${by}, the configuration says train.bestBy ${options.bestBy}. Resume with the same criterion`,
    );
  }
  const [found, expected] = [[...training.slots.keys()], slots].map((names) => names.join(' and ') || 'none');
  if (found !== expected && training.optimizerStep > 0) {
    throw refuse(
      checkpoint,
      `holds the state of another optimiser (${found}; ${options.optimizer} as configured has ${expected}). Resume with the same optimiser`,
    );
  }
  return training;
}

/**
 * Does not detect other text of the same shape. @throws ColdstartError code CHECKPOINT if the current epoch has another
 * number of batches than when the checkpoint was written
 */
export function checkSameData(checkpoint: Checkpoint, position: TrainPosition, epochBatches: EpochBatches): void {
  if (position.epochBatches !== epochBatches.length) {
    throw refuse(
      checkpoint,
      `was trained on ${position.epochBatches} batches in epoch ${position.epoch}, the data now gives ${epochBatches.length}. ` +
        'Resume with the same corpus and batch size, or start a new run',
    );
  }
}

function refuse({ path }: Checkpoint, what: string): ColdstartError {
  return new ColdstartError('CHECKPOINT', `checkpoint ${path} cannot be resumed: it ${what}.`);
}
