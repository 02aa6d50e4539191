import { add, reshape, tensor2d, tidy, type Tensor, type Tensor1D } from '@tensorflow/tfjs-core';
import { attention } from '../backend/ops/attention.js';
import { dropout } from '../backend/ops/dropout.js';
import { embedTokens } from '../backend/ops/embedding.js';
import { linear, linears } from '../backend/ops/linear.js';
import type { Params } from '../backend/autodiff/valueAndGradients.js';
import { padId } from '../text/specialIds.js';
import type { ModelConfig } from './config.js';
import type { ForwardPass } from './forwardPass.js';
import { decoderLookup, encoderEmbedding, parameter } from './parameters.js';
import { sinusoidalPositions } from './positions.js';
import { closeStack, openSublayer } from './residual.js';

/*
 * The encoder-decoder Transformer (Vaswani et al. 2017) with fairseq's conventions; residual.ts defines where layer
 * norms are and how a sublayer is added to its input.
 *
 * Activations stay flat, [B*S, d]: one row per token, sentence by sentence. Sentences are padded on the right. Nothing
 * reads the rows of pads (attention masks them as keys, the loss skips them), so they are not zeroed. Every layer is
 * tidied: tensors that the backward pass does not need are released at once, not at the end of the pass (the tape has
 * its own references to the others).
 */

/** A batch of padded sentences on one side. */
export interface Tokens {
  /** int32 [B*length] ids, padded on the right. */
  readonly ids: Tensor1D;
  /** int32 [B] tokens of each sentence. */
  readonly lengths: Tensor1D;
  readonly batch: number;
  /** Padded length: S or T. */
  readonly length: number;
}

/** The encoded source for the decoder. */
export interface Encoded {
  /** [B*S, d] */
  readonly hidden: Tensor;
  readonly lengths: Tensor1D;
  readonly batch: number;
  readonly length: number;
}

/**
 * The encoder's output for a batch of sources.
 * @returns hidden [B*S, d]; rows of pads have no meaning
 */
export function encode(params: Params, src: Tokens, pass: ForwardPass): Encoded {
  const { config } = pass;
  const { batch, length, lengths } = src;
  const self = {
    batch,
    queryLength: length,
    keyLength: length,
    numHeads: config.numHeads,
    keyLengths: lengths,
    causal: false,
  };
  let x = embed(parameter(params, encoderEmbedding), src, pass); // [B*S, d]
  for (let i = 0; i < config.numEncoderLayers; i++) {
    x = tidy(() => {
      const layer = `encoder.layers.${i}`;
      const [k, v, q] = selfProjections(params, `${layer}.self_attn`, x, config);
      const heads = attention(q, k, v, { ...self, dropout: pass.nextDropout(config.attentionDropout) });
      const attended = closeAttention(params, `${layer}.self_attn`, heads, x, pass);
      return feedForward(params, layer, attended, pass);
    });
  }
  return { hidden: closeStack(params, 'encoder', x, config), lengths, batch, length };
}

/**
 * The decoder's output for target prefixes; times the output matrix it gives the logits.
 * @param trgIn eosId followed by the target without its end
 * @returns [B*T, d]; rows of pads have no meaning
 */
export function decode(params: Params, trgIn: Tokens, encoded: Encoded, pass: ForwardPass): Tensor {
  const { config } = pass;
  const { numHeads } = config;
  const { batch, length } = trgIn;
  const self = { batch, queryLength: length, keyLength: length, numHeads, keyLengths: trgIn.lengths, causal: true };
  const cross = {
    batch,
    queryLength: length,
    keyLength: encoded.length,
    numHeads,
    keyLengths: encoded.lengths,
    causal: false,
  };
  let x = embed(decoderLookup(params), trgIn, pass); // [B*T, d]
  for (let i = 0; i < config.numDecoderLayers; i++) {
    x = tidy(() => {
      const layer = `decoder.layers.${i}`;
      const [k, v, q] = selfProjections(params, `${layer}.self_attn`, x, config);
      const heads = attention(q, k, v, { ...self, dropout: pass.nextDropout(config.attentionDropout) });
      const attended = closeAttention(params, `${layer}.self_attn`, heads, x, pass);

      const [srcK, srcV] = sourceProjections(params, `${layer}.encoder_attn`, encoded.hidden); // [B*S, d]
      const srcQ = sourceQuery(params, `${layer}.encoder_attn`, attended, config);
      pass.watch?.(i, srcQ, srcK, cross);
      const srcHeads = attention(srcQ, srcK, srcV, { ...cross, dropout: pass.nextDropout(config.attentionDropout) });
      const informed = closeAttention(params, `${layer}.encoder_attn`, srcHeads, attended, pass);

      return feedForward(params, layer, informed, pass);
    });
  }
  return closeStack(params, 'decoder', x, config);
}

/** sqrt(d) * E[token] + P[position], then dropout: [B*length, d]. */
function embed(table: Tensor, { ids, batch, length }: Tokens, pass: ForwardPass): Tensor {
  const { dModel, dropout: rate } = pass.config;
  const tokens = embedTokens(ids, table, { scale: Math.sqrt(dModel), padId }); // [B*length, d]
  const positions = tensor2d(sinusoidalPositions(length, dModel), [length, dModel]);
  const x = add(reshape(tokens, [batch, length, dModel]), positions);
  return dropout(reshape(x, [batch * length, dModel]), pass.nextDropout(rate));
}

/** Keys, values and queries of a self-attention, each [N, d]. @param x [N, d] the sublayer's input */
export function selfProjections(params: Params, name: string, x: Tensor, config: ModelConfig): Tensor[] {
  const opened = openSublayer(params, `${name}_layer_norm`, x, config);
  return projections(params, name, ['k_proj', 'v_proj', 'q_proj'], opened);
}

/** Queries of a cross-attention, [N, d]. @param x [N, d] the sublayer's input */
export function sourceQuery(params: Params, name: string, x: Tensor, config: ModelConfig): Tensor {
  return project(params, `${name}.q_proj`, openSublayer(params, `${name}_layer_norm`, x, config));
}

/** Keys and values of the source for a cross-attention, each [B*S, d]. */
export function sourceProjections(params: Params, name: string, hidden: Tensor): Tensor[] {
  return projections(params, name, ['k_proj', 'v_proj'], hidden);
}

function projections(params: Params, name: string, kinds: readonly string[], x: Tensor): Tensor[] {
  return linears(
    x,
    kinds.map((kind) => parameter(params, `${name}.${kind}.weight`)),
    kinds.map((kind) => parameter(params, `${name}.${kind}.bias`)),
  );
}

/** One linear layer: [N, in] → [N, out]. */
function project(params: Params, name: string, x: Tensor): Tensor {
  return linear(x, parameter(params, `${name}.weight`), parameter(params, `${name}.bias`));
}

/** LN(x + dropout(out_proj(heads))), or as the residual scheme says: [N, d]. */
export function closeAttention(params: Params, name: string, heads: Tensor, x: Tensor, pass: ForwardPass): Tensor {
  return pass.close(params, `${name}_layer_norm`, project(params, `${name}.out_proj`, heads), x);
}

/** LN(x + dropout(fc2(dropout(relu(fc1(x)))))), or as the residual scheme says: [N, d]. */
export function feedForward(params: Params, layer: string, x: Tensor, pass: ForwardPass): Tensor {
  const weight = parameter(params, `${layer}.fc1.weight`);
  const bias = parameter(params, `${layer}.fc1.bias`);
  const norm = `${layer}.final_layer_norm`;
  const hidden = linear(openSublayer(params, norm, x, pass.config), weight, bias, {
    relu: true,
    dropout: pass.nextDropout(pass.config.reluDropout),
  }); // [N, dFf]
  return pass.close(params, norm, project(params, `${layer}.fc2`, hidden), x);
}
