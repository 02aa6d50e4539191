import { precisions, type Precision } from '../backend/precisions.js';

/** A run's position between two updates: together with parameters and optimiser state, everything needed to resume. */
export interface TrainPosition {
  /** Seeds data order and dropout; a run cannot resume with another one. */
  readonly seed: number;
  /** Of matrix products; a run cannot resume with another one. Older files lack it: fp32. */
  readonly precision?: Precision;
  /** Updates done. */
  readonly update: number;
  /** Epoch under way, from 1. */
  readonly epoch: number;
  /** Batches of this epoch already used. */
  readonly batchesDone: number;
  /** Batches of this epoch; detects resuming with other data. */
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
  /** Updates done at the last validation; 0: no validation so far. Files written before it was recorded lack it. */
  readonly validatedAt?: number;
  /** Present if the run has ended: the changes by its end, which are undone if the run is prolonged. */
  readonly beforeEnd?: BeforeEnd;
  /** Sums since the last logged interval. */
  readonly interval: IntervalSums;
}

/**
 * What a run that ends later would have in place of the same fields: a run validates at its end although no validation
 * is due there, and logs an interval that is not full.
 */
export type BeforeEnd = Pick<TrainPosition, 'best' | 'validationsSinceBest' | 'validatedAt' | 'interval'>;

export interface BestValidation {
  readonly update: number;
  readonly epoch: number;
  /** The criterion's value: validation loss, or BLEU. */
  readonly value: number;
  /** The criterion; a run cannot resume with another one. Files written before it was recorded lack it. */
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
    validatedAt: 0,
    interval: emptyInterval,
  };
}

/** Where training ends; 0: no limit. */
export interface TrainLimits {
  readonly maxUpdates: number;
  readonly maxEpochs: number;
  readonly patience: number;
}

/** At the last update; its validation may still be due. */
export function isAtLimit({ update, epoch, validationsSinceBest }: TrainPosition, limits: TrainLimits): boolean {
  const { maxUpdates, maxEpochs, patience } = limits;
  return (
    (maxUpdates > 0 && update >= maxUpdates) ||
    (maxEpochs > 0 && epoch > maxEpochs) ||
    (patience > 0 && validationsSinceBest >= patience)
  );
}

/** The position with the changes by the end of the run; the first end counts. */
export function endedPosition(position: TrainPosition): TrainPosition {
  if (position.beforeEnd) return position;
  const { best, validationsSinceBest, validatedAt, interval } = position;
  return { ...position, beforeEnd: { best, validationsSinceBest, validatedAt, interval } };
}

/** The position without the changes by the end of the run. */
function openPosition({ beforeEnd, ...rest }: TrainPosition): TrainPosition {
  if (!beforeEnd) return rest;
  // one by one: a file lacks what was undefined
  const { best, validationsSinceBest, validatedAt, interval } = beforeEnd;
  return { ...rest, best, validationsSinceBest, validatedAt, interval, validationDue: false };
}

/**
 * The position that a run resumes from. If it had ended and the limits let it train further, the changes by its end are
 * undone, so that it continues like a run with this length from the start. If the limits end it here, and it has not
 * been validated here, a validation is due.
 */
export function resumedPosition(position: TrainPosition, limits: TrainLimits): TrainPosition {
  const open = openPosition(position);
  if (!isAtLimit(open, limits)) return open;
  const { update, validatedAt, best, validationDue } = position;
  const isValidated = validatedAt === undefined ? best !== undefined : validatedAt === update;
  return validationDue || isValidated ? position : { ...endedPosition(position), validationDue: true };
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
  // at the end of an epoch the next one begins before anything is saved
  if (position.batchesDone >= position.epochBatches) return wrong('batchesDone', position.batchesDone);
  if (position.precision !== undefined && !precisions.includes(position.precision))
    return wrong('precision', position.precision);
  if (!Number.isFinite(position.seconds)) return wrong('seconds', position.seconds);
  if (typeof position.validationDue !== 'boolean') return wrong('validationDue', position.validationDue);
  const { validatedAt, beforeEnd } = position;
  const isCount = (value: unknown, least: number): boolean => Number.isSafeInteger(value) && (value as number) >= least;
  if (validatedAt !== undefined && !isCount(validatedAt, 0)) return wrong('validatedAt', validatedAt);
  if (beforeEnd !== undefined) {
    if (typeof beforeEnd !== 'object' || beforeEnd === null) return wrong('beforeEnd', beforeEnd);
    if (!isCount(beforeEnd.validationsSinceBest, 0))
      return wrong('beforeEnd.validationsSinceBest', beforeEnd.validationsSinceBest);
    if (beforeEnd.validatedAt !== undefined && !isCount(beforeEnd.validatedAt, 0))
      return wrong('beforeEnd.validatedAt', beforeEnd.validatedAt);
  }
  for (const [within, { best, interval }] of [
    ['', position],
    ...(beforeEnd ? [['beforeEnd.', beforeEnd] as const] : []),
  ] as const) {
    if (
      best !== undefined &&
      !(
        Number.isFinite(best?.value) &&
        isCount(best.update, 0) &&
        isCount(best.epoch, 1) &&
        [undefined, 'loss', 'bleu'].includes(best.by)
      )
    )
      return wrong(`${within}best`, best);
    for (const key of Object.keys(emptyInterval) as (keyof IntervalSums)[]) {
      if (!Number.isFinite(interval?.[key])) return wrong(`${within}interval.${key}`, interval?.[key]);
    }
  }
  return undefined;
}
