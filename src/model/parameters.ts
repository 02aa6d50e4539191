import type { Tensor } from '@tensorflow/tfjs-core';
import type { Params } from '../backend/autodiff/valueAndGradients.js';
import { DataError } from '../errors.js';
import type { ModelConfig } from './config.js';

export const encoderEmbedding = 'encoder.embed_tokens.weight';
export const decoderEmbedding = 'decoder.embed_tokens.weight';
export const outputProjection = 'decoder.output_projection.weight';

/** Matrices with a row for each token, and whose tokens they are; a model has those that its sharing keeps apart. */
export const vocabularyTensors: ReadonlyMap<string, 'src' | 'trg'> = new Map([
  [encoderEmbedding, 'src'],
  [decoderEmbedding, 'trg'],
  [outputProjection, 'trg'],
]);

/** The residual scale (`admin`) of the sublayer whose layer norm has this name. */
export const residualScale = (norm: string): string => norm.replace(/layer_norm$/, 'residual_scale.weight');

/** The layer norm after the last layer of a stack (`pre-ln`). */
export const finalNorm = (stack: 'encoder' | 'decoder'): string => `${stack}.layer_norm`;

/**
 * Names and shapes of all parameters, in the order in which they are stored.
 *
 * A linear layer's weight is [out, in], an embedding [V, d]. A shared matrix is named once: with `tied` sharing it is
 * `encoder.embed_tokens.weight`, with `decoder-tied` the decoder's is `decoder.embed_tokens.weight`; only `none` has
 * `decoder.output_projection.weight`. Without layer normalisation (`residual: none`) there are no layer-norm tensors;
 * with `admin` each has a residual scale before it; with `pre-ln` each stack has one more after its layers,
 * `encoder.layer_norm` and `decoder.layer_norm`.
 *
 * Source: fairseq's names and order.
 */
export function parameterShapes(config: ModelConfig): Map<string, number[]> {
  const { dModel, dFf, srcVocabSize, trgVocabSize, sharing, residual } = config;
  const shapes = new Map<string, number[]>();
  const linear = (name: string, out: number, inputs: number) => {
    shapes.set(`${name}.weight`, [out, inputs]);
    shapes.set(`${name}.bias`, [out]);
  };
  const layerNorm = (name: string) => {
    if (residual === 'none') return;
    if (residual === 'admin') shapes.set(residualScale(name), [dModel]);
    shapes.set(`${name}.weight`, [dModel]);
    shapes.set(`${name}.bias`, [dModel]);
  };
  const attention = (name: string) => {
    for (const projection of ['k_proj', 'v_proj', 'q_proj', 'out_proj'])
      linear(`${name}.${projection}`, dModel, dModel);
    layerNorm(`${name}_layer_norm`);
  };
  const feedForward = (layer: string) => {
    linear(`${layer}.fc1`, dFf, dModel);
    linear(`${layer}.fc2`, dModel, dFf);
    layerNorm(`${layer}.final_layer_norm`);
  };

  shapes.set(encoderEmbedding, [srcVocabSize, dModel]);
  for (let i = 0; i < config.numEncoderLayers; i++) {
    attention(`encoder.layers.${i}.self_attn`);
    feedForward(`encoder.layers.${i}`);
  }
  if (residual === 'pre-ln') layerNorm(finalNorm('encoder'));
  if (sharing !== 'tied') shapes.set(decoderEmbedding, [trgVocabSize, dModel]);
  for (let i = 0; i < config.numDecoderLayers; i++) {
    attention(`decoder.layers.${i}.self_attn`);
    attention(`decoder.layers.${i}.encoder_attn`);
    feedForward(`decoder.layers.${i}`);
  }
  if (residual === 'pre-ln') layerNorm(finalNorm('decoder'));
  if (sharing === 'none') shapes.set(outputProjection, [trgVocabSize, dModel]);
  return shapes;
}

/** Number of trainable values; a shared matrix counts once. */
export function numParameters(config: ModelConfig): number {
  let total = 0;
  for (const shape of parameterShapes(config).values()) total += shape.reduce((a, b) => a * b, 1);
  return total;
}

/** `bias` for every bias, those of layer norms included; `layer_norm` for layer-norm weights; `weight` for the rest. */
export type ParameterGroup = 'weight' | 'bias' | 'layer_norm';

/** The group of a parameter by its name: learned initialisation bounds the scales of each group differently. */
export function parameterGroup(name: string): ParameterGroup {
  if (name.endsWith('.bias')) return 'bias';
  return name.endsWith('layer_norm.weight') ? 'layer_norm' : 'weight';
}

/** Embeddings, the output projection among them, or the stack of layers that a parameter belongs to. */
export type ParameterSide = 'embeddings' | 'encoder' | 'decoder';

export function parameterSide(name: string): ParameterSide {
  if (vocabularyTensors.has(name)) return 'embeddings';
  return name.startsWith('encoder.') ? 'encoder' : 'decoder';
}

/** Whether a parameter belongs to the decoder's attention to the encoder, its layer norm included. */
export function isCrossAttention(name: string): boolean {
  return name.includes('.encoder_attn');
}

/** Name of the matrix that the decoder looks up. @param names of all parameters */
export const decoderLookupName = (names: Pick<ReadonlySet<string>, 'has'>): string =>
  names.has(decoderEmbedding) ? decoderEmbedding : encoderEmbedding;

/**
 * Name of the matrix of the output projection: its own if it is untied, otherwise the decoder's lookup matrix. @param
 * names of all parameters
 */
export const outputMatrixName = (names: Pick<ReadonlySet<string>, 'has'>): string =>
  names.has(outputProjection) ? outputProjection : decoderLookupName(names);

/** The matrix of the decoder's lookup [V, d]. */
export function decoderLookup(params: Params): Tensor {
  return parameter(params, decoderLookupName(params));
}

/** The matrix of the output projection [V, d]. */
export function outputMatrix(params: Params): Tensor {
  return parameter(params, outputMatrixName(params));
}

/** One parameter by name. @throws DataError if the map has no such name */
export function parameter(params: Params, name: string): Tensor {
  const tensor = params.get(name);
  if (tensor === undefined)
    throw new DataError(`parameter ${name} is missing. Do the parameters belong to this model configuration?`);
  return tensor;
}

/**
 * Parameters moved by a step that does not move the output projection: the moved parameters, with the current output
 * matrix in place of a shared one. A matrix that only projects is not shared and moves with the others.
 *
 * Source: the treatment of tied embeddings in the authors' released GradInit code.
 */
export function withUnmovedOutputProjection(moved: Params, current: Params): Params {
  return moved.has(outputProjection) ? moved : new Map([...moved, [outputProjection, outputMatrix(current)]]);
}
