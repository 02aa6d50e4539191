import { fill, keep, mul, reshape, square, sub, sum, tensor1d, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { dropout } from '../backend/ops/dropout.js';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import type { Batch } from '../data/batch.js';
import { padId } from '../text/specialIds.js';
import type { ModelConfig } from './config.js';
import type { DropoutKey } from './dropouts.js';
import { ForwardPass } from './forwardPass.js';
import { sourceTokens, targetTokens } from './loss.js';
import { residualScale } from './parameters.js';
import { closeSublayer } from './residual.js';
import { decode, encode } from './transformer.js';

/**
 * Sets every residual scale of an `admin` model from one forward pass: each stack begins with 1, and the square of each
 * further scale is the variance of the scaled input of the sublayer before plus the variance of what that sublayer
 * added to it.
 *
 * w_1 = 1, w_(i+1)^2 = Var[w_i x_(i-1)] + Var[f_i(x_(i-1))], over all features of all tokens, dropout included.
 *
 * @param params initial parameters; they do not change
 * @param batch training pairs to profile on
 * @returns new parameters, owned by the caller, and the scales by name
 * Source: Liu et al. 2020 (Admin, arXiv 2004.08249), section 4, as the authors' program computes it: layer-normalised
 * inputs have variance 1 (the first of a stack, an embedding, need not), and with that w_(i+1)^2 = w_1^2 + sum over j
 * <= i of Var[f_j].
 */
export function profileResidualScales(
  params: Params,
  batch: Batch,
  config: ModelConfig,
  dropoutKey?: DropoutKey,
): { params: Map<string, Tensor>; scales: Record<string, number> } {
  const scales: Record<string, number> = {};
  const profiled = new Map<string, Tensor>([...params].map(([name, tensor]) => [name, tensor.clone()]));
  const realRows = { encoder: rowWeights(batch.src), decoder: rowWeights(batch.trgIn) };
  const next = { encoder: 1, decoder: 1 };
  /** Sets each sublayer's scale before it closes. */
  class Profiling extends ForwardPass {
    override close(all: Params, norm: string, output: Tensor, input: Tensor): Tensor {
      const stack = norm.startsWith('encoder.') ? 'encoder' : 'decoder';
      const name = residualScale(norm);
      const scale = next[stack];
      scales[name] = scale;
      profiled.get(name)!.dispose();
      profiled.set(name, keep(fill([config.dModel], scale)));
      const added = dropout(output, this.nextDropout(config.dropout));
      next[stack] = Math.sqrt(scale ** 2 * variance(input, realRows[stack]) + variance(added, realRows[stack]));
      return closeSublayer(all, norm, added, input, config, undefined); // dropped out already
    }
  }
  try {
    tidy(() => {
      const pass = new Profiling(config, dropoutKey);
      const encoded = encode(profiled, sourceTokens(batch, config), pass);
      decode(profiled, targetTokens(batch, config), encoded, pass);
    });
  } catch (error) {
    disposeParams(profiled);
    throw error;
  }
  return { params: profiled, scales };
}

/** 1 for rows of tokens, 0 for rows of pads. */
function rowWeights(ids: Int32Array): Float32Array {
  return Float32Array.from(ids, (id) => (id === padId ? 0 : 1));
}

/** Variance over all features of the rows that count. @param x [N, d] @param weights [N] */
function variance(x: Tensor, weights: Float32Array): number {
  const count = weights.reduce((a, b) => a + b, 0) * x.shape[1]!;
  let squares = 0;
  tidy(() => {
    const rows = reshape(tensor1d(weights), [-1, 1]);
    const mean = sum(mul(x, rows)).dataSync()[0] / count;
    squares = sum(mul(square(sub(x, mean)), rows)).dataSync()[0];
  });
  return squares / count;
}
