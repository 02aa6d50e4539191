import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { philox4x32, philoxKey } from '../random/philox.js';
import { sha256 } from '../random/sha256.js';
import { padId } from '../text/specialIds.js';
import { checkFields, choice, type Section } from '../field.js';
import { seedField } from '../random/seedField.js';
import { checkModelConfig, type ModelConfig } from './config.js';
import { outputProjection, parameterGroup, parameterShapes } from './parameters.js';
import { deepNorm } from './residual.js';

/**
 * How initial parameters are drawn. All methods share: embeddings, and an untied output projection, from N(0,
 * 1/dModel); the padding row of embeddings 0; layer-norm weights 1 and biases 0.
 *
 * - `fairseq`: fairseq's defaults. Query, key and value projections: Xavier uniform with gain 1/sqrt(2), biases
 *   U(±1/sqrt(fanIn)). Output projections of attention: Xavier uniform, biases 0. Feed-forward: weights and biases
 *   U(±1/sqrt(fanIn)), which is torch.nn.Linear's own default.
 * - `xavier`: every linear layer Xavier uniform, U(±sqrt(6 / (fanIn + fanOut))), biases 0 (Glorot and Bengio 2010).
 * - `kaiming`: every linear layer Kaiming uniform for ReLU, U(±sqrt(6 / fanIn)), biases 0 (He et al. 2015).
 * - `tfixup`: `xavier`, then value projections, output projections and feed-forward weights times 0.67 N^-1/4 in the
 *   encoder and (9 N)^-1/4 in the decoder, embeddings times (9 N)^-1/4 (Huang et al. 2020, section 3.2). N is the
 *   number of layers of the stack; for embeddings, of the decoder. It was made for a model without layer norms:
 *   `residual: none`.
 * - `deepnorm`: every linear layer Xavier normal, N(0, 2 / (fanIn + fanOut)), with gain beta for value projections,
 *   output projections and feed-forward weights (`deepNorm` in residual.ts), biases 0 (Wang et al. 2022). Made for
 *   `residual: deepnorm`.
 *
 * Residual scales (`residual: admin`) are 1; `profileResidualScales` sets them (Liu et al. 2020).
 */
export type InitMethod = (typeof initMethods)[number];

export const initMethods = ['fairseq', 'xavier', 'kaiming', 'tfixup', 'deepnorm'] as const;

/** What configurations and library calls may set of the drawing: choices, default and help. */
export const initFields = {
  method: choice(initMethods, 'fairseq', 'How initial parameters are drawn.'),
} as const satisfies Section;

/**
 * Initial parameters of a model, in the order of `parameterShapes`.
 *
 * Every tensor has its own random stream, keyed by seed and name, so it does not change when other tensors are added or
 * removed.
 * @param seed integer from 0 to 2^53 - 1
 * @returns one float32 tensor per parameter; the caller disposes them
 * @throws UsageError if the method is not known, or the configuration or the seed cannot be used
 */
export function initParams(
  config: ModelConfig,
  { method, seed }: { method: InitMethod; seed: number },
): Map<string, Tensor> {
  checkModelConfig(config);
  checkFields({ method }, initFields, 'init.');
  checkFields({ seed }, { seed: seedField });
  const shapes = parameterShapes(config);
  const params = new Map<string, Tensor>();
  for (const [name, shape] of shapes) {
    const values = draw(distribution(name, shape, shapes, config, method), shape, new RandomWords(seed, name));
    params.set(name, tensor(values, shape, 'float32'));
  }
  return params;
}

type Distribution =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'normal'; readonly std: number; readonly zeroPad: boolean };

function distribution(
  name: string,
  shape: readonly number[],
  shapes: ReadonlyMap<string, number[]>,
  config: ModelConfig,
  method: InitMethod,
): Distribution {
  if (parameterGroup(name) === 'layer_norm' || name.endsWith('residual_scale.weight'))
    return { kind: 'constant', value: 1 };
  if (name === outputProjection) return { kind: 'normal', std: config.dModel ** -0.5, zeroPad: false };
  if (name.endsWith('embed_tokens.weight')) {
    return {
      kind: 'normal',
      std: config.dModel ** -0.5 * (method === 'tfixup' ? tfixupDecoderScale(config) : 1),
      zeroPad: true,
    };
  }
  const isFeedForward = /\.fc[12]\./.test(name);
  if (name.endsWith('.bias')) {
    const drawn = method === 'fairseq' && !name.includes('layer_norm') && !name.includes('out_proj');
    if (!drawn) return { kind: 'constant', value: 0 };
    const [, fanIn] = shapes.get(name.replace(/bias$/, 'weight'))!;
    return { kind: 'uniform', bound: fanIn ** -0.5 };
  }
  const [fanOut, fanIn] = shape;
  const xavier = Math.sqrt(6 / (fanIn + fanOut));
  const carriesValues = isFeedForward || name.includes('v_proj') || name.includes('out_proj');
  switch (method) {
    case 'fairseq':
      if (isFeedForward) return { kind: 'uniform', bound: fanIn ** -0.5 };
      return { kind: 'uniform', bound: name.includes('out_proj') ? xavier : xavier / Math.SQRT2 };
    case 'xavier':
      return { kind: 'uniform', bound: xavier };
    case 'kaiming':
      return { kind: 'uniform', bound: Math.sqrt(6 / fanIn) };
    case 'tfixup': {
      const scale = name.startsWith('encoder.') ? 0.67 * config.numEncoderLayers ** -0.25 : tfixupDecoderScale(config);
      return { kind: 'uniform', bound: carriesValues ? scale * xavier : xavier };
    }
    case 'deepnorm': {
      const { encoder, decoder } = deepNorm(config);
      const gain = carriesValues ? (name.startsWith('encoder.') ? encoder : decoder).beta : 1;
      return { kind: 'normal', std: gain * Math.sqrt(2 / (fanIn + fanOut)), zeroPad: false };
    }
  }
}

function tfixupDecoderScale({ numDecoderLayers }: ModelConfig): number {
  return (9 * numDecoderLayers) ** -0.25;
}

function draw(distribution: Distribution, shape: readonly number[], words: RandomWords): Float32Array {
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  switch (distribution.kind) {
    case 'constant':
      return values.fill(distribution.value);
    case 'uniform':
      for (let i = 0; i < values.length; i++) values[i] = distribution.bound * (2 * words.uniform() - 1);
      return values;
    case 'normal': {
      for (let i = 0; i < values.length; i += 2) {
        // Box-Muller: two independent normals from two uniforms.
        const radius = distribution.std * Math.sqrt(-2 * Math.log(words.uniform()));
        const angle = 2 * Math.PI * words.uniform();
        values[i] = radius * Math.cos(angle);
        values[i + 1] = radius * Math.sin(angle); // dModel is even, so there is always a second one
      }
      const dModel = shape[1];
      return distribution.zeroPad ? values.fill(0, padId * dModel, (padId + 1) * dModel) : values;
    }
  }
}

/** The random words of one tensor: Philox with the seed as key and counters [block, 96 bits of the name's SHA-256]. */
class RandomWords {
  private readonly key: [number, number];
  private readonly counter: [number, number, number, number];
  private readonly words = new Uint32Array(4);
  private used = 4;

  constructor(seed: number, name: string) {
    const hash = new DataView(sha256([new TextEncoder().encode(name)]).buffer);
    this.key = philoxKey(seed);
    this.counter = [0, hash.getUint32(0, true), hash.getUint32(4, true), hash.getUint32(8, true)];
  }

  /** Uniform in (0, 1), never an end of the interval. */
  uniform(): number {
    if (this.used === 4) {
      philox4x32(this.counter, this.key, this.words);
      this.counter[0]++;
      this.used = 0;
    }
    return (this.words[this.used++] + 0.5) / 0x100000000;
  }
}
