import type { KeptAt } from './checkpointStore.js';

/** The files in `checkpoints/` of a run's folder. */
export const checkpointNames = {
  /** To resume from: parameters, optimiser state, position. */
  last: 'last.safetensors',
  /** The one before `last`, in case that gets damaged. */
  previous: 'previous.safetensors',
  /** Parameters of the best validation. */
  best: 'best.safetensors',
  /** The best before a validation that only the end of the run called for, in case the run is prolonged. */
  bestBeforeEnd: 'best-before-end.safetensors',
  /** Parameters at the end of an epoch. */
  epoch: (epoch: number) => `epoch-${String(epoch).padStart(4, '0')}.safetensors`,
  /** Parameters after so many updates. */
  update: (update: number) => `update-${String(update).padStart(8, '0')}.safetensors`,
} as const;

/** The file of parameters that are kept for averaging. */
export function keptName(at: KeptAt): string {
  return 'epoch' in at ? checkpointNames.epoch(at.epoch) : checkpointNames.update(at.update);
}
