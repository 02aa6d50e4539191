import { nextTurn } from '../backend/nextTurn.js';
import { readComputed, readValues } from '../backend/readValues.js';
import { mean, slice, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { attentionProbabilities } from '../backend/ops/attention.js';
import { linear } from '../backend/ops/linear.js';
import { rowLogSumExp } from '../backend/ops/rowLogSumExp.js';
import { DataError } from '../errors.js';
import { greatest } from '../extremes.js';
import { outputMatrix } from '../model/parameters.js';
import { decode, encode } from '../model/transformer.js';
import { eosId } from '../text/specialIds.js';
import { ForwardPass } from '../model/forwardPass.js';
import { checkFields } from '../field.js';
import { decodeBatchFields } from './decodeOptions.js';
import { batchesByLength, type BatchLimits } from './batchesByLength.js';
import { checkSource, notFinite } from './beamSearch.js';
import type { LoadedModel } from './loadedModel.js';
import { paddedTokens } from './paddedTokens.js';

/** A source and a translation of it: ids, each ending with eosId. */
export interface ForcedPair {
  readonly source: Int32Array;
  readonly target: Int32Array;
}

/** Limits of a batch count the tokens of the longer side. */
export interface ForcedDecodingOptions extends BatchLimits {
  /** Whether `attention` is wanted. Default false. */
  readonly attention?: boolean;
  /** Stops between two batches with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface ForcedScore {
  /** Log-probability of each target token given the source and the tokens before it, in nats; eosId's is the last. */
  readonly logProbs: number[];
  /** If requested: for each target token, how much attention each source token gets (rows sum to 1). */
  readonly attention?: number[][];
}

/** Logits of so many tokens and words are computed at once: 64 MiB. */
const logitsAtOnce = 2 ** 24;

/**
 * How probable the models find given translations: the log-probabilities that beam search would give the same tokens.
 * Several models of the same vocabularies give the logarithm of the mean of their probabilities.
 *
 * Attention is that of the decoder's last layer to the source, averaged over heads and models, as fairseq's
 * --print-alignment takes it.
 *
 * @returns for each pair, in their order
 * @throws UsageError for limits out of range, DataError for a pair that is not one, ColdstartError code NOT_FINITE
 */
export async function forcedDecoding(
  models: readonly LoadedModel[],
  pairs: readonly ForcedPair[],
  options: ForcedDecodingOptions,
): Promise<ForcedScore[]> {
  checkFields(options, decodeBatchFields);
  for (const model of models) pairs.forEach((pair, i) => checkPair(pair, i, model));
  const scores = new Array<ForcedScore>(pairs.length);
  const all = pairs.map((_, i) => i);
  const lengthOf = (i: number): number => Math.max(pairs[i].source.length, pairs[i].target.length);
  for (const batch of batchesByLength(all, lengthOf, options)) {
    options.signal?.throwIfAborted();
    const together = batch.map((i) => pairs[i]);
    (await scoreBatch(models, together, options.attention ?? false)).forEach((score, row) => {
      scores[batch[row]] = score;
    });
    await nextTurn();
  }
  return scores;
}

async function scoreBatch(
  models: readonly LoadedModel[],
  pairs: readonly ForcedPair[],
  wantsAttention: boolean,
): Promise<ForcedScore[]> {
  const targetLength = greatest(pairs.map(({ target }) => target.length));
  const sourceLength = greatest(pairs.map(({ source }) => source.length));
  const targets = new Int32Array(pairs.length * targetLength).fill(-1);
  pairs.forEach(({ target }, row) => targets.set(target, row * targetLength));
  const attentions: (Float32Array | undefined)[] = [];
  const logProbs: Float32Array[] = [];
  for (const model of models) {
    const { hidden, attention } = outputOf(model, pairs, wantsAttention);
    try {
      attentions.push(await attention);
      logProbs.push(await tokenLogProbs(hidden, outputMatrix(model.params), targets));
    } finally {
      hidden.dispose();
    }
  }
  return pairs.map(({ source, target }, row) => ({
    logProbs: Array.from(target, (_, t) => logMeanExp(logProbs.map((each) => each[row * targetLength + t]))),
    ...(wantsAttention && {
      attention: Array.from(target, (_, t) => {
        const start = (row * targetLength + t) * sourceLength;
        return Array.from(source, (__, s) => meanOf(attentions.map((attention) => attention![start + s])));
      }),
    }),
  }));
}

/** @returns hidden states [B*T, d]; attention [B*T*S] where it is wanted */
function outputOf(
  { params, config }: LoadedModel,
  pairs: readonly ForcedPair[],
  wantsAttention: boolean,
): { hidden: Tensor; attention?: Promise<Float32Array> } {
  const watchedLayer = config.numDecoderLayers - 1;
  let attention: Promise<Float32Array> | undefined;
  const hidden = tidy(() => {
    const encoded = encode(params, paddedTokens(pairs.map(({ source }) => source)), new ForwardPass(config));
    const prefixes = paddedTokens(pairs.map(({ target }) => afterEnd(target)));
    const watched = new ForwardPass(config, undefined, (layer, q, k, attended) => {
      if (wantsAttention && layer === watchedLayer)
        attention = readValues([mean(attentionProbabilities(q, k, attended), 1)]).then(([values]) => values);
    });
    return decode(params, prefixes, encoded, watched);
  });
  return { hidden, attention };
}

/** What the decoder reads: the end mark, then all tokens but the last. */
function afterEnd(target: Int32Array): Int32Array {
  const prefix = new Int32Array(target.length);
  prefix[0] = eosId;
  prefix.set(target.subarray(0, -1), 1);
  return prefix;
}

/**
 * Log-probability of one token per row.
 * @param hidden [N, d]
 * @param embedding [V, d]
 * @param tokens [N], negative where none is asked for
 * @returns [N]
 */
async function tokenLogProbs(hidden: Tensor, embedding: Tensor, tokens: Int32Array): Promise<Float32Array> {
  const [rows, dModel] = hidden.shape as [number, number];
  const vocabSize = embedding.shape[0];
  const atOnce = Math.max(1, Math.floor(logitsAtOnce / vocabSize));
  const found = new Float32Array(rows);
  for (let start = 0; start < rows; start += atOnce) {
    const count = Math.min(atOnce, rows - start);
    const [values, normalisers] = await readComputed(() => {
      const logits = linear(slice(hidden, [start, 0], [count, dModel]), embedding); // [count, V]
      return [logits, rowLogSumExp(logits)];
    });
    for (let row = 0; row < count; row++) {
      const token = tokens[start + row];
      if (token >= 0) found[start + row] = values[row * vocabSize + token] - normalisers[row];
    }
  }
  return found;
}

/** The logarithm of the mean of numbers that are given by their logarithms. */
function logMeanExp(logs: readonly number[]): number {
  if (!logs.every(Number.isFinite)) throw notFinite();
  const most = greatest(logs);
  return logs.length === 1 ? most : most + Math.log(meanOf(logs.map((log) => Math.exp(log - most))));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function checkPair({ source, target }: ForcedPair, index: number, { config }: LoadedModel): void {
  checkSource(source, index, config);
  if (target.length === 0 || target[target.length - 1] !== eosId)
    throw new DataError(`target ${index} does not end with eosId (${eosId}): [${target.slice(-5).join(', ')}].`);
  const outside = target.find((id) => id < 0 || id >= config.trgVocabSize);
  if (outside !== undefined)
    throw new DataError(
      `target ${index} holds id ${outside}, outside the model's target vocabulary of ${config.trgVocabSize} entries. Use the vocabulary that the model was trained with.`,
    );
}
