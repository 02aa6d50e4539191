import { DataError } from '../errors.js';
import { completed, flag, integer, optionalInteger, orInfinity, type Section } from '../field.js';
import { seedField } from '../random/seedField.js';
import { makeBatch, type Batch } from './batch.js';
import type { PairSource } from './pairSource.js';
import { Random } from '../random/xoshiro.js';

/** What configurations and library calls may set of the size of batches: bounds, default and help. */
export const batchingFields = {
  maxTokens: integer(4096, 'Batch size: sentences times padded length of the longer side.', {
    min: 1,
    unit: 'tokens',
  }),
  maxSentences: optionalInteger('Most sentences per batch.', { min: 1, unit: 'sentences' }),
} as const satisfies Section;

/** The fields of library calls. */
export const createBatchesFields = {
  maxTokens: batchingFields.maxTokens,
  maxSentences: orInfinity(batchingFields.maxSentences),
  seed: seedField,
  shuffle: flag(true, 'Draw the order.'),
} as const satisfies Section;

/** Limits and order of the batches of `createBatches`. */
export interface BatchingOptions {
  /**
   * Upper bound on sentences x padded length of the longer side, `eosId` included: B * max(S, T) <= maxTokens.
   * This is fairseq's --max-tokens. Default: `batchingFields`.
   */
  readonly maxTokens?: number;
  /** Upper bound on sentences per batch. Default: none. */
  readonly maxSentences?: number;
  /** Draws the order; equal seeds give equal batches. Default: `seedField`. */
  readonly seed?: number;
  /** false keeps batches from short to long and equal lengths in the dataset's order, for evaluation. Default true. */
  readonly shuffle?: boolean;
}

/** The batches of one epoch; any of them can be read at any time, so a position is just an epoch and a number. */
export interface EpochBatches {
  readonly length: number;
  batch(position: number): Batch;
}

/**
 * The pairs of each epoch, of which only the lengths and ids differ: for text that is split again in every epoch.
 * @param epoch from 1
 */
export type EpochPairs = (epoch: number) => PairSource;

/** A dataset cut into batches, epoch by epoch (epochs count from 1). */
export interface Batches {
  /** The batches of an epoch. @param epoch from 1 */
  epochBatches(epoch: number): EpochBatches;
}

/** The size of a padded batch. */
export interface BatchShape {
  /** B */
  readonly numSentences: number;
  /** S */
  readonly srcLength: number;
  /** T */
  readonly trgLength: number;
}

/**
 * The sizes of the batches of an epoch, the same for every epoch, from short sentences to long ones. @throws as
 * `createBatches`
 */
export function batchShapes(
  pairs: PairSource,
  options: Pick<BatchingOptions, 'maxTokens' | 'maxSentences'>,
): BatchShape[] {
  const { maxTokens, maxSentences = Infinity } = completed(options, createBatchesFields);
  const order = sortByLengths(
    Int32Array.from({ length: pairs.length }, (_, row) => row),
    pairs,
  );
  const starts = cut(order, pairs, maxTokens, maxSentences);
  return starts.slice(1).map((end, i) => {
    const rows = order.subarray(starts[i], end);
    const longest = (lengths: Int32Array): number => rows.reduce((most, row) => Math.max(most, lengths[row]), 0);
    return { numSentences: rows.length, srcLength: longest(pairs.srcLengths), trgLength: longest(pairs.trgLengths) };
  });
}

/**
 * Cuts a dataset into batches of similar length: every pair once per epoch, little padding.
 *
 * Pairs are sorted by source length, then target length; pairs of equal lengths are in an order drawn again for each
 * epoch; a batch is the longest run of neighbours within `maxTokens` and `maxSentences`; the batches are then put into
 * random order. The number of batches and the shapes are the same in every epoch, and an epoch depends only on the
 * dataset's lengths, the options and its own number. Pairs that differ between epochs also give other batches.
 *
 * @throws UsageError for options that cannot be used
 * @throws DataError if the dataset is empty or a single pair exceeds `maxTokens`
 * Source: fairseq's ordered_indices and batch_by_size; there the order within equal lengths is drawn once for all
 * epochs, and batches are rounded to multiples of eight sentences.
 */
export function createBatches(dataset: PairSource | EpochPairs, options: BatchingOptions = {}): Batches {
  const { maxTokens, maxSentences = Infinity, seed, shuffle } = completed(options, createBatchesFields);
  if (dataset.length === 0 && typeof dataset !== 'function')
    throw new DataError('the dataset has no sentence pairs: there is nothing to cut into batches.');

  return {
    epochBatches(epoch) {
      const pairs = typeof dataset === 'function' ? dataset(epoch) : dataset;
      if (pairs.length === 0)
        throw new DataError(`epoch ${epoch} has no sentence pairs: there is nothing to cut into batches.`);
      const random = new Random(seed, epoch);
      const rows = Int32Array.from({ length: pairs.length }, (_, row) => row);
      const order = sortByLengths(shuffle ? random.shuffle(rows) : rows, pairs);
      const starts = cut(order, pairs, maxTokens, maxSentences);
      const numBatches = starts.length - 1;
      const positions = Int32Array.from({ length: numBatches }, (_, position) => position);
      if (shuffle) random.shuffle(positions);
      return {
        length: numBatches,
        batch(position) {
          if (!(Number.isInteger(position) && position >= 0 && position < numBatches)) {
            throw new DataError(`epoch ${epoch} has batches 0 to ${numBatches - 1}, batch ${position} was asked for.`);
          }
          const members = order.subarray(starts[positions[position]], starts[positions[position] + 1]);
          return makeBatch(pairs.pairs(members), members);
        },
      };
    },
  };
}

/** Rows by source length, then target length; equal ones keep their order. */
function sortByLengths(rows: Int32Array, { srcLengths, trgLengths }: PairSource): Int32Array {
  return countingSort(countingSort(rows, trgLengths), srcLengths);
}

function countingSort(rows: Int32Array, keys: Int32Array): Int32Array {
  let longest = 0;
  for (const key of keys) longest = Math.max(longest, key);
  const next = new Int32Array(longest + 2);
  for (const row of rows) next[keys[row] + 1]++;
  for (let key = 1; key < next.length; key++) next[key] += next[key - 1];
  const sorted = new Int32Array(rows.length);
  for (const row of rows) sorted[next[keys[row]]++] = row;
  return sorted;
}

/** Where each batch starts in `order`, and the end of the last. */
function cut(
  order: Int32Array,
  { srcLengths, trgLengths }: PairSource,
  maxTokens: number,
  maxSentences: number,
): number[] {
  const starts = [0];
  let longest = 0;
  order.forEach((row, at) => {
    const length = Math.max(srcLengths[row], trgLengths[row]);
    if (length > maxTokens) {
      throw new DataError(
        `pair ${row} has ${length} tokens on its longer side, more than maxTokens ${maxTokens}. Raise train.maxTokens, or leave longer training pairs out with corpus.maxLengthTokens.`,
      );
    }
    longest = Math.max(longest, length);
    const sentences = at + 1 - starts[starts.length - 1];
    if (sentences > maxSentences || sentences * longest > maxTokens) {
      starts.push(at);
      longest = length;
    }
  });
  starts.push(order.length);
  return starts;
}
