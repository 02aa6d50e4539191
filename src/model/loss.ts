import { tensor1d, type Scalar, type Tensor1D } from '@tensorflow/tfjs-core';
import { labelSmoothedCrossEntropy } from '../backend/ops/crossEntropy.js';
import type { Params } from '../backend/autodiff/valueAndGradients.js';
import type { Batch } from '../data/batch.js';
import { padId } from '../text/specialIds.js';
import { DataError } from '../errors.js';
import type { ModelConfig } from './config.js';
import type { DropoutKey } from './dropouts.js';
import { ForwardPass } from './forwardPass.js';
import { outputMatrix } from './parameters.js';
import { decode, encode, type Tokens } from './transformer.js';

export interface TranslationLossOptions {
  readonly config: ModelConfig;
  /** Probability mass spread evenly over the V - 1 wrong tokens. */
  readonly labelSmoothing: number;
  /** Absent: evaluation, without dropout. */
  readonly dropoutKey?: DropoutKey;
}

/**
 * Label-smoothed cross-entropy of a batch of sentence pairs, summed over target tokens, in nats.
 *
 * A pure function of parameters and batch. Divide by `batch.trgTokens` for the mean. Call it inside `tidy` or
 * `valueAndGradients`, which release intermediate tensors.
 *
 * @returns lossSum, and nllSum: the same without smoothing; no gradient flows through it
 * @throws DataError if the batch holds an id outside the model's vocabularies
 * Source: fairseq's label_smoothed_cross_entropy (smoothing mass over V - 1).
 */
export function translationLoss(
  params: Params,
  batch: Batch,
  { config, labelSmoothing, dropoutKey }: TranslationLossOptions,
): { lossSum: Scalar; nllSum: Scalar } {
  const pass = new ForwardPass(config, dropoutKey);
  const encoded = encode(params, sourceTokens(batch, config), pass);
  const hidden = decode(params, targetTokens(batch, config), encoded, pass); // [B*T, d]
  const targets = tensor1d(batch.trgOut, 'int32');
  return labelSmoothedCrossEntropy(hidden, outputMatrix(params), targets, { labelSmoothing, padId });
}

/** The batch's sources as tensors. @throws DataError for an id outside the source vocabulary */
export function sourceTokens({ src, numSentences, srcLength }: Batch, { srcVocabSize }: ModelConfig): Tokens {
  checkIds(src, srcVocabSize, 'source');
  return tokens(src, numSentences, srcLength);
}

/**
 * The batch's decoder inputs as tensors. @throws DataError for an id outside the target vocabulary, in inputs or
 * outputs
 */
export function targetTokens({ trgIn, trgOut, numSentences, trgLength }: Batch, { trgVocabSize }: ModelConfig): Tokens {
  checkIds(trgIn, trgVocabSize, 'target');
  checkIds(trgOut, trgVocabSize, 'target');
  return tokens(trgIn, numSentences, trgLength);
}

/** Kernels read memory at the rows that ids name, so none may lie outside. */
function checkIds(ids: Int32Array, vocabSize: number, side: string): void {
  for (const id of ids) {
    if (id < 0 || id >= vocabSize) {
      throw new DataError(
        `the batch has ${side} id ${id}, the model's ${side} vocabulary has ${vocabSize} entries. Prepare the corpus with the model's vocabulary.`,
      );
    }
  }
}

function tokens(ids: Int32Array, batch: number, length: number): Tokens {
  return { ids: tensor1d(ids, 'int32'), lengths: unpaddedLengths(ids, batch, length), batch, length };
}

/** Tokens of each row without the padding on its right: int32 [B]. */
function unpaddedLengths(ids: Int32Array, batch: number, length: number): Tensor1D {
  const lengths = new Int32Array(batch);
  for (let row = 0; row < batch; row++) {
    let end = length;
    while (end > 0 && ids[row * length + end - 1] === padId) end--;
    lengths[row] = end;
  }
  return tensor1d(lengths, 'int32');
}
