import { ShapeError } from '../errors.js';
import { eosId, padId } from '../text/specialIds.js';

/**
 * One padded batch of sentence pairs as plain arrays; the model turns it into tensors.
 *
 * Sources and targets end with `eosId`; `trgIn` is `eosId` followed by the target without its last token
 * (fairseq's `prev_output_tokens`). All rows are padded on the right with `padId`.
 */
export interface Batch {
  /** Row numbers in the dataset, in batch order [B]. */
  readonly indices: Int32Array;
  /** B: sentence pairs. */
  readonly numSentences: number;
  /** S: padded source length in tokens. */
  readonly srcLength: number;
  /** T: padded target length in tokens. */
  readonly trgLength: number;
  /** [B * S] ids, row-major. */
  readonly src: Int32Array;
  /** [B * T] ids, row-major. */
  readonly trgIn: Int32Array;
  /** [B * T] ids, row-major. */
  readonly trgOut: Int32Array;
  /** Non-pad tokens on each side (with `eosId`). */
  readonly srcTokens: number;
  readonly trgTokens: number;
}

/** One sentence pair as ids; both sides end with `eosId`. */
export interface IdPair {
  readonly src: ArrayLike<number>;
  readonly trg: ArrayLike<number>;
}

/**
 * The padded batch of some sentence pairs, in the order given.
 *
 * @param pairs at least one; both sides of each end with `eosId`
 * @param indices row numbers to record, one per pair (default 0, 1, 2, ...)
 * @throws ShapeError if there is no pair, or a side does not end with `eosId`
 */
export function makeBatch(pairs: readonly IdPair[], indices: ArrayLike<number> = pairs.map((_, row) => row)): Batch {
  if (pairs.length === 0) throw new ShapeError('a batch needs at least one sentence pair, found none');
  let srcLength = 0;
  let trgLength = 0;
  let srcTokens = 0;
  let trgTokens = 0;
  pairs.forEach(({ src, trg }, row) => {
    for (const [side, ids] of [
      ['source', src],
      ['target', trg],
    ] as const) {
      if (ids.length === 0 || ids[ids.length - 1] !== eosId) {
        throw new ShapeError(
          `the ${side} of pair ${indices[row]} does not end with eosId (${eosId}): [${Array.from(ids).slice(-5).join(', ')}]`,
        );
      }
    }
    srcLength = Math.max(srcLength, src.length);
    trgLength = Math.max(trgLength, trg.length);
    srcTokens += src.length;
    trgTokens += trg.length;
  });
  const src = new Int32Array(pairs.length * srcLength).fill(padId);
  const trgIn = new Int32Array(pairs.length * trgLength).fill(padId);
  const trgOut = new Int32Array(pairs.length * trgLength).fill(padId);
  pairs.forEach((pair, row) => {
    src.set(pair.src, row * srcLength);
    trgOut.set(pair.trg, row * trgLength);
    trgIn[row * trgLength] = eosId;
    for (let t = 1; t < pair.trg.length; t++) trgIn[row * trgLength + t] = pair.trg[t - 1];
  });
  return {
    indices: Int32Array.from(indices),
    numSentences: pairs.length,
    srcLength,
    trgLength,
    src,
    trgIn,
    trgOut,
    srcTokens,
    trgTokens,
  };
}

/** The pair in one row of a batch, without padding. */
export function batchRow(batch: Batch, row: number): { src: Int32Array; trg: Int32Array } {
  return {
    src: withoutPadding(batch.src.subarray(row * batch.srcLength, (row + 1) * batch.srcLength)),
    trg: withoutPadding(batch.trgOut.subarray(row * batch.trgLength, (row + 1) * batch.trgLength)),
  };
}

/**
 * Rows `start` to `end - 1` of a batch as a new batch, padded only as far as these rows need.
 *
 * @throws ShapeError if the range is empty or leaves the batch
 */
export function sliceBatch(batch: Batch, start: number, end: number): Batch {
  if (!(start >= 0 && start < end && end <= batch.numSentences)) {
    throw new ShapeError(
      `rows ${start} to ${end} of a batch of ${batch.numSentences}: expected 0 <= start < end <= ${batch.numSentences}`,
    );
  }
  const pairs: IdPair[] = [];
  for (let row = start; row < end; row++) pairs.push(batchRow(batch, row));
  return makeBatch(pairs, batch.indices.subarray(start, end));
}

/**
 * The two overlapping parts GradInit uses of one batch: the gradient is taken on the first two thirds, the loss after
 * the step on the last two. With n sentences and k = floor(n/3): rows 0..2k-1 and rows k..n-1.
 *
 * @throws ShapeError if the batch has fewer than 3 sentences
 * Source: the authors' released code of GradInit (arXiv 2102.08098).
 */
export function gradInitParts(batch: Batch): { first: Batch; second: Batch } {
  const third = Math.floor(batch.numSentences / 3);
  if (third === 0)
    throw new ShapeError(
      `GradInit divides a batch into thirds and needs at least 3 sentences, found ${batch.numSentences}. Raise maxTokens.`,
    );
  return { first: sliceBatch(batch, 0, 2 * third), second: sliceBatch(batch, third, batch.numSentences) };
}

/**
 * A batch as batches of consecutive rows, each with sentences x padded length of the longer side <= maxTokens (a longer
 * sentence gets its own batch). A batch that keeps within the bound is returned as it is.
 */
export function cutBatch(batch: Batch, maxTokens: number): Batch[] {
  if (batch.numSentences * Math.max(batch.srcLength, batch.trgLength) <= maxTokens) return [batch];
  const pieces: Batch[] = [];
  let [start, longest] = [0, 0];
  for (let row = 0; row < batch.numSentences; row++) {
    const { src, trg } = batchRow(batch, row);
    const length = Math.max(src.length, trg.length);
    const isFull = (row + 1 - start) * Math.max(longest, length) > maxTokens;
    if (isFull && row > start) {
      pieces.push(sliceBatch(batch, start, row));
      [start, longest] = [row, 0];
    }
    longest = Math.max(longest, length);
  }
  pieces.push(sliceBatch(batch, start, batch.numSentences));
  return pieces;
}

/** Padding is only on the right, so the last `eosId` ends the sentence. */
function withoutPadding(row: Int32Array): Int32Array {
  let length = row.length;
  while (length > 0 && row[length - 1] === padId) length--;
  return row.slice(0, length);
}
