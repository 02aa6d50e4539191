import { add, concat, dispose, keep, reshape, tensor1d, tensor2d, tidy, type Tensor, type Tensor1D } from '@tensorflow/tfjs-core';
import { attention } from '../backend/ops/attention.js';
import { embedTokens, gatherRows } from '../backend/ops/embedding.js';
import { linear } from '../backend/ops/linear.js';
import type { Params } from '../backend/params.js';
import { padId } from '../data/specialIds.js';
import type { ModelConfig } from './config.js';
import { Dropouts } from './dropouts.js';
import { decoderLookup, outputMatrix } from './parameters.js';
import { sinusoidalPositions } from './positions.js';
import { closeAttention, feedForward, project, selfProjections, sourceProjections, type Encoded } from './transformer.js';

/** What one decoder layer keeps between steps. */
interface LayerCache {
  /** Keys and values of the source, computed once: [B*S, d]. */
  srcK: Tensor;
  srcV: Tensor;
  /** Keys and values of the tokens so far: [rows, step*d]. */
  k: Tensor | undefined;
  v: Tensor | undefined;
}

/**
 * The decoder one token at a time, for several sentences with `width` hypotheses each.
 *
 * Rows are sentence by sentence: hypothesis j of sentence i is row i * width + j. Hypotheses of one sentence are queries on
 * the same source, whose keys and values are therefore never copied per hypothesis. It owns its tensors: call `dispose`.
 */
export class IncrementalDecoder {
  private readonly layers: LayerCache[];
  private srcLengths: Tensor1D;
  private readonly srcLength: number;
  private batch: number;
  private width = 1;
  private step = 0;

  /** @param encoded the sources; the decoder keeps what it needs of them */
  constructor(private readonly params: Params, private readonly config: ModelConfig, encoded: Encoded) {
    this.batch = encoded.batch;
    this.srcLength = encoded.length;
    this.srcLengths = keep(encoded.lengths.clone());
    this.layers = tidy(() => Array.from({ length: config.numDecoderLayers }, (_, i) => {
      const [srcK, srcV] = sourceProjections(params, `decoder.layers.${i}.encoder_attn`, encoded.hidden);
      return { srcK: keep(srcK), srcV: keep(srcV), k: undefined, v: undefined };
    }));
  }

  /**
   * Reads one more token per row.
   * @param tokens [rows] the last token of every hypothesis; eosId first
   * @returns logits of the next token [rows, V]; the caller disposes them
   */
  advance(tokens: Int32Array): Tensor {
    return tidy(() => {
      const { params, config } = this;
      const noDropout = new Dropouts(undefined);
      const rows = this.batch * this.width;
      const length = this.step + 1;
      const { numHeads, dModel } = config;
      const self = { batch: rows, queryLength: 1, keyLength: length, numHeads, keyLengths: tensor1d(new Int32Array(rows).fill(length), 'int32'), causal: false };
      const cross = { batch: this.batch, queryLength: this.width, keyLength: this.srcLength, numHeads, keyLengths: this.srcLengths, causal: false };
      const position = tensor2d(sinusoidalPositions(1, dModel, this.step), [1, dModel]);
      let x: Tensor = add(embedTokens(tensor1d(tokens, 'int32'), decoderLookup(params), { scale: Math.sqrt(dModel), padId }), position); // [rows, d]
      this.layers.forEach((cache, i) => {
        const layer = `decoder.layers.${i}`;
        const [k, v, q] = selfProjections(params, `${layer}.self_attn`, x);
        replace(cache, 'k', cache.k === undefined ? k : concat([cache.k, k], 1)); // [rows, length*d]
        replace(cache, 'v', cache.v === undefined ? v : concat([cache.v, v], 1));
        const tokenRows = [rows * length, dModel] as [number, number];
        const heads = attention(q, reshape(cache.k!, tokenRows), reshape(cache.v!, tokenRows), self); // [rows, d]
        x = closeAttention(params, `${layer}.self_attn`, heads, x, config, noDropout);

        const srcQ = project(params, `${layer}.encoder_attn.q_proj`, x);
        x = closeAttention(params, `${layer}.encoder_attn`, attention(srcQ, cache.srcK, cache.srcV, cross), x, config, noDropout);

        x = feedForward(params, layer, x, config, noDropout);
      });
      this.step++;
      return linear(x, outputMatrix(params)); // [rows, V]
    });
  }

  /**
   * Goes on with some of the sentences and hypotheses.
   * @param sentences which sentences remain, by their present number
   * @param rows [sentences.length * width] the present row that each hypothesis continues
   * @param width hypotheses per sentence from now on
   */
  select(sentences: Int32Array, rows: Int32Array, width: number): void {
    if (!isIdentity(rows, this.batch * this.width)) {
      for (const cache of this.layers) {
        replace(cache, 'k', take(cache.k!, rows, this.batch * this.width));
        replace(cache, 'v', take(cache.v!, rows, this.batch * this.width));
      }
    }
    if (!isIdentity(sentences, this.batch)) {
      for (const cache of this.layers) {
        replace(cache, 'srcK', take(cache.srcK, sentences, this.batch));
        replace(cache, 'srcV', take(cache.srcV, sentences, this.batch));
      }
      const lengths = this.srcLengths.dataSync();
      this.srcLengths.dispose();
      this.srcLengths = keep(tensor1d(Int32Array.from(sentences, (sentence) => lengths[sentence]), 'int32'));
    }
    this.batch = sentences.length;
    this.width = width;
  }

  dispose(): void {
    this.srcLengths.dispose();
    for (const { srcK, srcV, k, v } of this.layers) dispose([srcK, srcV, ...(k && v ? [k, v] : [])]);
  }
}

function replace(cache: LayerCache, name: keyof LayerCache, tensor: Tensor): void {
  cache[name]?.dispose();
  cache[name] = keep(tensor);
}

/** Some of the `count` equal blocks of rows that a cache consists of. */
function take(cache: Tensor, blocks: Int32Array, count: number): Tensor {
  return tidy(() => {
    const taken = gatherRows(tensor1d(blocks, 'int32'), reshape(cache, [count, cache.size / count]));
    return reshape(taken, [-1, cache.shape[1]!]);
  });
}

/** Whether `numbers` are 0, 1, … count - 1. */
function isIdentity(numbers: Int32Array, count: number): boolean {
  return numbers.length === count && numbers.every((number, i) => number === i);
}
