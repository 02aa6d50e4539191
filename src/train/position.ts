import { precisions, type Precision } from '../backend/precisions.js';

/** Where a run stands between two updates: with parameters and optimiser state, all that is needed to go on. */
export interface TrainPosition {
  /** Seeds data order and dropout; a run cannot go on with another one. */
  readonly seed: number;
  /** Of matrix products; a run cannot go on with another one. Files written before there was a choice lack it: fp32. */
  readonly precision?: Precision;
  /** Updates done. */
  readonly update: number;
  /** Epoch under way, from 1. */
  readonly epoch: number;
  /** Batches of this epoch already used. */
  readonly batchesDone: number;
  /** Batches that this epoch has; tells when a run is resumed with other data. */
  readonly epochBatches: number;
  /** Target tokens trained on since the start. */
  readonly trgTokens: number;
  /** Seconds of training since the start, validation and checkpoints included. */
  readonly seconds: number;
  /** Best validation so far. */
  readonly best?: BestValidation;
  /** Validations since the best one, for patience. */
  readonly validationsSinceBest: number;
  /** A validation that should have followed the last update, but was interrupted. */
  readonly validationDue: boolean;
  /** Sums since the last logged interval. */
  readonly interval: IntervalSums;
}

export interface BestValidation {
  readonly update: number;
  readonly epoch: number;
  /** The criterion's value: validation loss, or BLEU. */
  readonly value: number;
  /** The criterion; a run cannot go on with another one. Files written before it was noted lack it. */
  readonly by?: 'loss' | 'bleu';
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

export const emptyInterval: IntervalSums = {
  updates: 0,
  lossSum: 0,
  nllSum: 0,
  trgTokens: 0,
  srcTokens: 0,
  gradNormSum: 0,
  clipped: 0,
  seconds: 0,
};

export function startPosition(
  { seed, precision }: { seed: number; precision: Precision },
  epochBatches: number,
): TrainPosition {
  return {
    seed,
    precision,
    update: 0,
    epoch: 1,
    batchesDone: 0,
    epochBatches,
    trgTokens: 0,
    seconds: 0,
    validationsSinceBest: 0,
    validationDue: false,
    interval: emptyInterval,
  };
}

/** The first field of a position read from a file that cannot be, as `name = value`; undefined if all are well. */
export function findWrongField(position: TrainPosition): string | undefined {
  const wrong = (name: string, value: unknown): string => `${name} = ${JSON.stringify(value)}`;
  if (typeof position !== 'object' || position === null) return wrong('position', position);
  for (const key of [
    'seed',
    'update',
    'epoch',
    'batchesDone',
    'epochBatches',
    'trgTokens',
    'validationsSinceBest',
  ] as const) {
    if (!(Number.isSafeInteger(position[key]) && position[key] >= 0)) return wrong(key, position[key]);
  }
  if (position.epoch < 1) return wrong('epoch', position.epoch);
  // an epoch that ends begins the next one before anything is saved
  if (position.batchesDone >= position.epochBatches) return wrong('batchesDone', position.batchesDone);
  if (position.precision !== undefined && !precisions.includes(position.precision))
    return wrong('precision', position.precision);
  if (!Number.isFinite(position.seconds)) return wrong('seconds', position.seconds);
  if (typeof position.validationDue !== 'boolean') return wrong('validationDue', position.validationDue);
  const { best } = position;
  const isCount = (value: unknown, least: number): boolean => Number.isSafeInteger(value) && (value as number) >= least;
  if (
    best !== undefined &&
    !(
      Number.isFinite(best?.value) &&
      isCount(best.update, 0) &&
      isCount(best.epoch, 1) &&
      [undefined, 'loss', 'bleu'].includes(best.by)
    )
  )
    return wrong('best', best);
  for (const key of Object.keys(emptyInterval) as (keyof IntervalSums)[]) {
    if (!Number.isFinite(position.interval?.[key])) return wrong(`interval.${key}`, position.interval?.[key]);
  }
  return undefined;
}
