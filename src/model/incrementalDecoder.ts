import {
  add,
  dispose,
  keep,
  reshape,
  tensor1d,
  tensor2d,
  tidy,
  type Tensor,
  type Tensor1D,
} from '@tensorflow/tfjs-core';
import { attention } from '../backend/ops/attention.js';
import { cachedAttention } from '../backend/ops/cachedAttention.js';
import { embedTokens, gatherRows } from '../backend/ops/embedding.js';
import type { Params } from '../backend/autodiff/valueAndGradients.js';
import { ShapeError } from '../errors.js';
import { padId } from '../text/specialIds.js';
import type { ModelConfig } from './config.js';
import { ForwardPass } from './forwardPass.js';
import { decoderLookup } from './parameters.js';
import { sinusoidalPositions } from './positions.js';
import { closeStack } from './residual.js';
import {
  closeAttention,
  feedForward,
  selfProjections,
  sourceProjections,
  sourceQuery,
  type Encoded,
} from './transformer.js';

/** The state of one decoder layer between steps. */
interface LayerCache {
  /** Keys and values of the source, computed once: [B*S, d]. */
  srcK: Tensor;
  srcV: Tensor;
  /** Keys and values of the tokens that each step read: [rows of that step, d]. */
  readonly keys: Tensor[];
  readonly values: Tensor[];
}

/**
 * The decoder one token at a time, for several sentences with `width` hypotheses each.
 *
 * Rows are sentence by sentence: hypothesis j of sentence i is row i * width + j. Hypotheses of one sentence are
 * queries on the same source, whose keys and values are therefore never copied per hypothesis. Keys and values of
 * earlier tokens stay where they were made: `ancestors` says which row of which step a hypothesis descends from. It
 * owns its tensors: call `dispose`.
 */
export class IncrementalDecoder {
  private readonly layers: LayerCache[];
  private srcLengths: Tensor1D;
  private readonly srcLength: number;
  private batch: number;
  private width = 1;
  private step = 0;
  /** [rows, step] row-major */
  private ancestors = new Int32Array(0);

  /** @param encoded the sources; the decoder keeps what it needs of them */
  constructor(
    private readonly params: Params,
    private readonly config: ModelConfig,
    encoded: Encoded,
  ) {
    this.batch = encoded.batch;
    this.srcLength = encoded.length;
    this.srcLengths = keep(encoded.lengths.clone());
    this.layers = tidy(() =>
      Array.from({ length: config.numDecoderLayers }, (_, i) => {
        const [srcK, srcV] = sourceProjections(params, `decoder.layers.${i}.encoder_attn`, encoded.hidden);
        return { srcK: keep(srcK), srcV: keep(srcV), keys: [], values: [] };
      }),
    );
  }

  /**
   * Reads one more token per row.
   * @param tokens [rows] the last token of every hypothesis; eosId first
   * @returns hidden states [rows, d], which times the output matrix are the next token's logits; the caller disposes
   * them
   */
  advance(tokens: Int32Array): Tensor {
    const rows = this.batch * this.width;
    this.ancestors = withOwnRow(this.ancestors, rows, this.step);
    return tidy(() => {
      const { params, config, ancestors } = this;
      const pass = new ForwardPass(config);
      const { numHeads, dModel } = config;
      const cross = {
        batch: this.batch,
        queryLength: this.width,
        keyLength: this.srcLength,
        numHeads,
        keyLengths: this.srcLengths,
        causal: false,
      };
      const position = tensor2d(sinusoidalPositions(1, dModel, this.step), [1, dModel]);
      let x: Tensor = add(
        embedTokens(tensor1d(tokens, 'int32'), decoderLookup(params), { scale: Math.sqrt(dModel), padId }),
        position,
      ); // [rows, d]
      this.layers.forEach(({ srcK, srcV, keys, values }, i) => {
        const layer = `decoder.layers.${i}`;
        const [k, v, q] = selfProjections(params, `${layer}.self_attn`, x, config);
        keys.push(keep(k));
        values.push(keep(v));
        x = closeAttention(
          params,
          `${layer}.self_attn`,
          cachedAttention(q, { keys, values, ancestors }, numHeads),
          x,
          pass,
        );

        const srcQ = sourceQuery(params, `${layer}.encoder_attn`, x, config);
        x = closeAttention(params, `${layer}.encoder_attn`, attention(srcQ, srcK, srcV, cross), x, pass);

        x = feedForward(params, layer, x, pass);
      });
      this.step++;
      return closeStack(params, 'decoder', x, config);
    });
  }

  /**
   * Continues with some of the sentences and hypotheses.
   * @param sentences which sentences remain, by their present number
   * @param rows [sentences.length * width] the present row that each hypothesis continues
   * @param width hypotheses per sentence from now on
   * @throws ShapeError for a sentence or row that does not exist
   */
  select(sentences: Int32Array, rows: Int32Array, width: number): void {
    checkNumbers('sentences', sentences, this.batch);
    checkNumbers('rows', rows, this.batch * this.width);
    if (rows.length !== sentences.length * width)
      throw new ShapeError(
        `${rows.length} rows for ${sentences.length} sentences of ${width} hypotheses, expected ${sentences.length * width}.`,
      );
    const ancestors = new Int32Array(rows.length * this.step);
    rows.forEach((row, i) =>
      ancestors.set(this.ancestors.subarray(row * this.step, (row + 1) * this.step), i * this.step),
    );
    this.ancestors = ancestors;
    if (!isIdentity(sentences, this.batch)) {
      for (const cache of this.layers) {
        cache.srcK = take(cache.srcK, sentences, this.batch);
        cache.srcV = take(cache.srcV, sentences, this.batch);
      }
      const lengths = this.srcLengths.dataSync();
      this.srcLengths.dispose();
      this.srcLengths = keep(
        tensor1d(
          Int32Array.from(sentences, (sentence) => lengths[sentence]),
          'int32',
        ),
      );
    }
    this.batch = sentences.length;
    this.width = width;
  }

  dispose(): void {
    this.srcLengths.dispose();
    for (const { srcK, srcV, keys, values } of this.layers) dispose([srcK, srcV, ...keys, ...values]);
  }
}

/** The table [rows, steps] with one more column: each row descends from itself in the step that is about to be done. */
function withOwnRow(ancestors: Int32Array, rows: number, steps: number): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(rows * (steps + 1));
  for (let row = 0; row < rows; row++) {
    longer.set(ancestors.subarray(row * steps, (row + 1) * steps), row * (steps + 1));
    longer[row * (steps + 1) + steps] = row;
  }
  return longer;
}

/** Some of the `count` equal blocks of rows of a cache, which it replaces. */
function take(cache: Tensor, blocks: Int32Array, count: number): Tensor {
  const taken = tidy(() =>
    keep(
      reshape(gatherRows(tensor1d(blocks, 'int32'), reshape(cache, [count, cache.size / count])), [
        -1,
        cache.shape[1]!,
      ]),
    ),
  );
  cache.dispose();
  return taken;
}

function checkNumbers(what: string, numbers: Int32Array, count: number): void {
  const wrong = numbers.find((number) => number < 0 || number >= count);
  if (wrong !== undefined) throw new ShapeError(`${what} has ${wrong}, expected numbers from 0 to ${count - 1}.`);
}

/** Whether `numbers` are 0, 1, … count - 1. */
function isIdentity(numbers: Int32Array, count: number): boolean {
  return numbers.length === count && numbers.every((number, i) => number === i);
}
