import { add, mul, type Tensor } from '@tensorflow/tfjs-core';
import { dropout } from '../backend/ops/dropout.js';
import type { DropoutDraw } from '../backend/ops/dropoutDraw.js';
import { layerNorm, residualLayerNorm } from '../backend/ops/layerNorm.js';
import type { Params } from '../backend/autodiff/valueAndGradients.js';
import type { ModelConfig } from './config.js';
import { finalNorm, parameter, residualScale } from './parameters.js';

/**
 * The argument of a sublayer's function: its input, which `pre-ln` normalises first.
 *
 * @param norm name of the sublayer's layer norm, e.g. `encoder.layers.0.final_layer_norm`
 * @param input [N, d]
 * @returns [N, d]
 */
export function openSublayer(params: Params, norm: string, input: Tensor, config: ModelConfig): Tensor {
  return config.residual === 'pre-ln' ? normalised(params, norm, input, config) : input;
}

/** The output of a stack, [N, d]: normalised with `pre-ln`, whose sublayers do not normalise their sums. */
export function closeStack(params: Params, stack: 'encoder' | 'decoder', x: Tensor, config: ModelConfig): Tensor {
  return config.residual === 'pre-ln' ? normalised(params, finalNorm(stack), x, config) : x;
}

function normalised(params: Params, norm: string, x: Tensor, { layerNormEps }: ModelConfig): Tensor {
  return layerNorm(x, parameter(params, `${norm}.weight`), parameter(params, `${norm}.bias`), layerNormEps);
}

/**
 * The end of a sublayer: its output after dropout is added to its input by the model's residual scheme.
 *
 * @param norm name of the sublayer's layer norm, e.g. `encoder.layers.0.final_layer_norm`
 * @param output [N, d] the sublayer's function of its input
 * @param input [N, d]
 * @param draw the mask of its dropout
 * @returns [N, d]
 */
export function closeSublayer(
  params: Params,
  norm: string,
  output: Tensor,
  input: Tensor,
  config: ModelConfig,
  draw: DropoutDraw | undefined,
): Tensor {
  if (config.residual === 'none' || config.residual === 'pre-ln') return add(input, dropout(output, draw));
  const gamma = parameter(params, `${norm}.weight`);
  const beta = parameter(params, `${norm}.bias`);
  return residualLayerNorm(output, scaledInput(params, norm, input, config), gamma, beta, config.layerNormEps, draw);
}

function scaledInput(params: Params, norm: string, input: Tensor, config: ModelConfig): Tensor {
  switch (config.residual) {
    case 'admin':
      return mul(input, parameter(params, residualScale(norm)));
    case 'deepnorm': {
      const { encoder, decoder } = deepNorm(config);
      return mul(input, (norm.startsWith('encoder.') ? encoder : decoder).alpha);
    }
    default:
      return input;
  }
}

/**
 * DeepNorm's constants: alpha multiplies the residual, beta the gain of value, output and feed-forward weights.
 *
 * With N encoder and M decoder layers: alpha = 0.81 (N^4 M)^(1/16), beta = 0.87 (N^4 M)^(-1/16) in the encoder;
 * alpha = (3 M)^(1/4), beta = (12 M)^(-1/4) in the decoder.
 * Source: Wang et al. 2022 (DeepNet, arXiv 2203.00555), the encoder-decoder row of figure 2.
 */
export function deepNorm({
  numEncoderLayers: n,
  numDecoderLayers: m,
}: Pick<ModelConfig, 'numEncoderLayers' | 'numDecoderLayers'>): Record<
  'encoder' | 'decoder',
  { alpha: number; beta: number }
> {
  const depth = (n ** 4 * m) ** (1 / 16);
  return {
    encoder: { alpha: 0.81 * depth, beta: 0.87 / depth },
    decoder: { alpha: (3 * m) ** 0.25, beta: (12 * m) ** -0.25 },
  };
}
