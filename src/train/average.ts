import { UsageError } from '../errors.js';
import { modelDifference } from '../model/config.js';
import type { StoredTensor } from '../storage/safetensors.js';
import { CheckpointError, readCheckpoint, writeStoredParams } from './checkpoint.js';
import { keptCheckpoints } from './runFiles.js';

/**
 * Writes the mean of several checkpoints' parameters, taken in double precision.
 *
 * @param paths checkpoints of the same model
 * @param overwrite false refuses to replace an existing file
 * @throws CheckpointError naming the one that has another model
 * Source: fairseq's average_checkpoints.py (Vaswani et al. 2017, section 6.1).
 */
export function averageCheckpoints(paths: readonly string[], out: string, overwrite = false): void {
  if (paths.length === 0) throw new UsageError('there are no checkpoints to average.');
  const first = readCheckpoint(paths[0]);
  const sums = new Map(
    [...first.params].map(([name, { shape, data }]) => [name, { shape, sum: Float64Array.from(data) }]),
  );
  for (const path of paths.slice(1)) {
    const { config, params } = readCheckpoint(path);
    const key = modelDifference(config, first.config);
    if (key !== undefined)
      throw new CheckpointError(
        path,
        `its model.${key} is ${JSON.stringify(config[key])}, that of ${first.path} ${JSON.stringify(first.config[key])}`,
      );
    for (const [name, { data }] of params) {
      const { sum } = sums.get(name)!;
      for (let i = 0; i < sum.length; i++) sum[i] += data[i];
    }
  }
  const means = new Map<string, StoredTensor>();
  for (const [name, { shape, sum }] of sums)
    means.set(name, { dtype: 'F32', shape, data: Float32Array.from(sum, (value) => value / paths.length) });
  writeStoredParams(out, first.config, means, overwrite);
}

/**
 * The newest checkpoints that a run kept for averaging, of epochs or of updates, oldest first: as many as asked for, or
 * all if the run kept fewer.
 * @throws UsageError if the run kept none
 */
export function lastEpochCheckpoints(runDir: string, count: number): string[] {
  const kept = keptCheckpoints(runDir);
  if (kept.length === 0)
    throw new UsageError(
      `${runDir} has no epoch checkpoints to average. Train at least one epoch with train.keepEpochs above 0, or set train.keepEveryUpdates.`,
    );
  return kept.slice(-count);
}
