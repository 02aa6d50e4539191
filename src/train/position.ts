/** Where a run stands between two updates: with parameters and optimiser state, all that is needed to go on. */
export interface TrainPosition {
  /** Seeds data order and dropout; a run cannot go on with another one. */
  readonly seed: number;
  /** Updates done. */
  readonly update: number;
  /** Epoch under way, from 1. */
  readonly epoch: number;
  /** Batches of this epoch already used. */
  readonly batchesDone: number;
  /** Target tokens trained on since the start. */
  readonly trgTokens: number;
  /** Seconds of training since the start, validation and checkpoints included. */
  readonly seconds: number;
  /** Best validation so far. */
  readonly best?: BestValidation;
  /** Validations since the best one, for patience. */
  readonly validationsSinceBest: number;
  /** Sums since the last logged interval. */
  readonly interval: IntervalSums;
}

export interface BestValidation {
  readonly update: number;
  readonly epoch: number;
  /** The criterion's value: validation loss, or BLEU. */
  readonly value: number;
}

export interface IntervalSums {
  readonly updates: number;
  readonly lossSum: number;
  readonly nllSum: number;
  readonly trgTokens: number;
  readonly srcTokens: number;
  readonly gradNormSum: number;
  readonly clipped: number;
  readonly seconds: number;
}

export const emptyInterval: IntervalSums = { updates: 0, lossSum: 0, nllSum: 0, trgTokens: 0, srcTokens: 0, gradNormSum: 0, clipped: 0, seconds: 0 };

export function startPosition(seed: number): TrainPosition {
  return { seed, update: 0, epoch: 1, batchesDone: 0, trgTokens: 0, seconds: 0, validationsSinceBest: 0, interval: emptyInterval };
}
