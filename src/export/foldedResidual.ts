import { deepNorm } from '../model/residual.js';
import { residualScale } from '../model/parameters.js';
import type { ExportedModel, ExportedTensor } from './exportedModel.js';
import { parameterNamed } from './exportedModel.js';

export type Stack = 'encoder' | 'decoder';

/** A model whose sublayers are LN(x + f(x)), with the same output as the one it was made from. */
export interface PostLnModel {
  /** By fairseq's names, without residual scales. */
  readonly parameters: ReadonlyMap<string, ExportedTensor>;
  /**
   * What each stack's input, tokens and positions, is multiplied by: one factor for each feature. undefined: by
   * nothing.
   */
  readonly inputScale: Readonly<Record<Stack, Float32Array | undefined>>;
}

/** Residual scales of `admin` below this one are refused: weights divided by them would be very large. */
export const leastScale = 1e-4;

/** The first residual scale that cannot be folded, e.g. "…final_residual_scale.weight[3] is 0"; undefined: all can. */
export function unfoldableScale({
  config,
  parameters,
}: Pick<ExportedModel, 'config' | 'parameters'>): string | undefined {
  if (config.residual !== 'admin') return undefined;
  for (const [name, { data }] of parameters) {
    if (!name.endsWith('residual_scale.weight')) continue;
    const i = data.findIndex((scale) => !(Math.abs(scale) >= leastScale));
    if (i >= 0) return `${name}[${i}] is ${data[i]}`;
  }
  return undefined;
}

/**
 * Moves the residual scales w of `admin` and `deepnorm`, LN(w x + f(x)), into other parameters. Every sublayer then
 * gets x' = w x: what ends the sublayer before it (its layer norm, or the stack's input) is multiplied by w, and the
 * columns of the weights that f reads x with are divided by it. The sums that layer norms see stay the same, so their
 * epsilon does, too.
 *
 * Models of other schemes stay as they are.
 */
export function foldResidual(model: Pick<ExportedModel, 'config' | 'parameters'>): PostLnModel {
  const { config } = model;
  const parameters = new Map(model.parameters);
  if (config.residual !== 'admin' && config.residual !== 'deepnorm')
    return { parameters, inputScale: { encoder: undefined, decoder: undefined } };
  const scaleOf = (norm: string, stack: Stack): Float32Array => {
    if (config.residual === 'deepnorm') return new Float32Array(config.dModel).fill(deepNorm(config)[stack].alpha);
    const name = residualScale(norm);
    parameters.delete(name);
    return parameterNamed(model, name).data;
  };
  const change = (name: string, of: (value: number, feature: number) => number): void => {
    const { shape, data } = parameterNamed(model, name);
    parameters.set(name, { shape, data: data.map((value, i) => of(value, i % config.dModel)) });
  };
  const fold = (stack: Stack, numLayers: number): Float32Array => {
    const sublayers = Array.from({ length: numLayers }, (_, i) => sublayersOf(stack, `${stack}.layers.${i}`)).flat();
    const scales = sublayers.map(({ norm }) => scaleOf(norm, stack));
    sublayers.forEach(({ reads }, s) => {
      for (const weight of reads) change(weight, (value, feature) => value / scales[s][feature]);
      if (s === 0) return;
      for (const kind of ['weight', 'bias'])
        change(`${sublayers[s - 1].norm}.${kind}`, (value, feature) => value * scales[s][feature]);
    });
    return scales[0];
  };
  const encoder = fold('encoder', config.numEncoderLayers);
  const decoder = fold('decoder', config.numDecoderLayers);
  return { parameters, inputScale: { encoder, decoder } };
}

/**
 * A layer's sublayers in order: the layer norm that ends each, and the weights [out, d] that it reads its input with.
 */
function sublayersOf(stack: Stack, layer: string): { norm: string; reads: string[] }[] {
  const projections = (attention: string, kinds: readonly string[]) => ({
    norm: `${layer}.${attention}_layer_norm`,
    reads: kinds.map((kind) => `${layer}.${attention}.${kind}.weight`),
  });
  return [
    projections('self_attn', ['k_proj', 'v_proj', 'q_proj']),
    ...(stack === 'decoder' ? [projections('encoder_attn', ['q_proj'])] : []),
    { norm: `${layer}.final_layer_norm`, reads: [`${layer}.fc1.weight`] },
  ];
}

/** A matrix whose columns are multiplied by factors. */
export function scaledColumns({ shape, data }: ExportedTensor, factors: Float32Array): ExportedTensor {
  return { shape, data: data.map((value, i) => value * factors[i % factors.length]) };
}
