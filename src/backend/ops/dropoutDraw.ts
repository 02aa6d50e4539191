/** Which random mask a dropout uses: the same draw gives the same mask on every backend. */
export interface DropoutDraw {
  /** Probability that an element is set to zero, in [0, 1). */
  readonly rate: number;
  /** Integer from 0 to 2^53 - 1. */
  readonly seed: number;
  /** Training update. */
  readonly step: number;
  /** Which of the batches that one update accumulates. */
  readonly microBatch: number;
  /** Which dropout of the model. */
  readonly site: number;
}
