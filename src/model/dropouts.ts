import type { DropoutDraw } from '../backend/ops/dropoutDraw.js';

/** Which random masks a training step uses. Without a key there is no dropout (evaluation). */
export interface DropoutKey {
  /** Integer from 0 to 2^53 - 1, one for a whole run. */
  readonly seed: number;
  /** Training update, from 0. */
  readonly step: number;
  /** Which of the batches that one update accumulates, from 0. */
  readonly microBatch: number;
}

/**
 * Gives the draws of one forward pass. Sites are numbered in the order of the model's dropouts from 0, also where the
 * rate is 0, so that changing one rate does not change the other masks.
 */
export class Dropouts {
  private site = 0;

  constructor(private readonly key: DropoutKey | undefined) {}

  next(rate: number): DropoutDraw | undefined {
    const site = this.site++;
    return this.key === undefined || rate === 0 ? undefined : { ...this.key, rate, site };
  }
}
