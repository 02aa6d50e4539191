import type { ModelConfig } from '../../model/config.js';
import { finalNorm, residualScale } from '../../model/parameters.js';
import { firstPosition, positionFrequencies } from '../../model/positions.js';
import { deepNorm } from '../../model/residual.js';
import type { ExportedModel } from '../exportedModel.js';
import type { GraphBuilder } from '../onnx/graph.js';
import { floatTensor } from '../onnx/tensors.js';
import { vector, type Weights } from './weights.js';

/*
 * src/model/transformer.ts and residual.ts as nodes of a graph. Activations are [B, T, d].
 */

/** The value added to scores of what attention must not see: exp() of it is 0 next to any other score. */
export const maskedScore = -1e9;

/** What nodes are made from. */
export interface Layers {
  readonly graph: GraphBuilder;
  readonly model: ExportedModel;
  readonly weights: Weights;
}

/** The same for a branch of the graph. */
export const within = (layers: Layers, graph: GraphBuilder): Layers => ({ ...layers, graph });

/** sqrt(d) E[id] + P[position]. @param positions [T] integers from 0 @returns [B, T, d] */
export function embed({ graph, model, weights }: Layers, ids: string, positions: string, table: string): string {
  const { dModel } = model.config;
  const tokens = graph.op('Mul', [weights.lookUp(graph, ids, table), graph.float(Math.sqrt(dModel))]);
  const frequencies = graph.tensor('position frequencies', () =>
    floatTensor('position frequencies', [1, dModel / 2], Float32Array.from(positionFrequencies(dModel))),
  );
  const shifted = graph.cast(graph.op('Add', [positions, graph.ints([firstPosition], [])]), 'float');
  const angles = graph.op('Mul', [graph.op('Unsqueeze', [shifted, graph.ints([1])]), frequencies]); // [T, d/2]
  const features = graph.op('Concat', [graph.op('Sin', [angles]), graph.op('Cos', [angles])], { axis: 1 });
  return graph.op('Add', [tokens, features]);
}

/** Ids that the model does not have become another. @param ids [B, T] */
export function idsBelow(graph: GraphBuilder, ids: string, size: number, otherwise: number): string {
  return graph.op('Where', [graph.op('Less', [ids, graph.ints([size], [])]), ids, graph.ints([otherwise], [])]);
}

/** One dimension of a value, as a scalar. */
export function dimension(graph: GraphBuilder, value: string, axis: number): string {
  return graph.op('Squeeze', [graph.op('Shape', [value], { start: axis, end: axis + 1 }), graph.ints([0])]);
}

/**
 * 0 where attention may look at a source token, else `maskedScore`. @param mask [B, S] 1 for tokens, 0 for pads
 * @returns [B, 1, 1, S]
 */
export function sourceBias(graph: GraphBuilder, mask: string): string {
  const pads = graph.op('Sub', [graph.float(1), graph.cast(mask, 'float')]);
  const bias = graph.op('Mul', [pads, graph.float(maskedScore)]);
  return graph.op('Unsqueeze', [bias, graph.ints([1, 2])]);
}

/** A projection divided into heads. @param x [B, T, d] @returns [B, heads, T, d / heads] */
export function heads({ graph, model, weights }: Layers, x: string, name: string): string {
  const { numHeads, dModel } = model.config;
  const parted = graph.op('Reshape', [weights.linear(graph, x, name), graph.ints([0, 0, numHeads, dModel / numHeads])]);
  return graph.op('Transpose', [parted], { perm: [0, 2, 1, 3] });
}

/**
 * softmax(q kᵀ / sqrt(dHead) + bias) v, and the output projection.
 * @param queries [B, T, d] the sublayer's input @param keys [B, heads, S, dHead] @param bias [B or 1, 1, T or 1, S]
 */
export function attend(
  layers: Layers,
  name: string,
  { queries, keys, values, bias }: { queries: string; keys: string; values: string; bias: string },
): string {
  const { graph, model, weights } = layers;
  const { numHeads, dModel } = model.config;
  const scaled = graph.op('Mul', [heads(layers, queries, `${name}.q_proj`), graph.float((dModel / numHeads) ** -0.5)]);
  const scores = graph.op('MatMul', [scaled, graph.op('Transpose', [keys], { perm: [0, 1, 3, 2] })]);
  const shares = graph.op('Softmax', [graph.op('Add', [scores, bias])], { axis: 3 });
  const joined = graph.op('Transpose', [graph.op('MatMul', [shares, values])], { perm: [0, 2, 1, 3] });
  return weights.linear(graph, graph.op('Reshape', [joined, graph.ints([0, 0, dModel])]), `${name}.out_proj`);
}

/** A feed-forward sublayer with its residual. */
export function feedForward(layers: Layers, layer: string, x: string): string {
  const { graph, weights } = layers;
  const norm = `${layer}.final_layer_norm`;
  const hidden = graph.op('Relu', [weights.linear(graph, openSublayer(layers, norm, x), `${layer}.fc1`)]);
  return closeSublayer(layers, norm, weights.linear(graph, hidden, `${layer}.fc2`), x);
}

/** See `openSublayer` of src/model/residual.ts. */
export function openSublayer(layers: Layers, norm: string, input: string): string {
  return layers.model.config.residual === 'pre-ln' ? layerNorm(layers, norm, input) : input;
}

/** See `closeSublayer` of src/model/residual.ts. */
export function closeSublayer(layers: Layers, norm: string, output: string, input: string): string {
  const { graph, model } = layers;
  const { residual } = model.config;
  const sum = graph.op('Add', [scaledInput(layers, norm, input), output]);
  return residual === 'none' || residual === 'pre-ln' ? sum : layerNorm(layers, norm, sum);
}

function scaledInput({ graph, model }: Layers, norm: string, input: string): string {
  const { config } = model;
  switch (config.residual) {
    case 'admin':
      return graph.op('Mul', [input, vector(graph, model, residualScale(norm))]);
    case 'deepnorm':
      return graph.op('Mul', [input, graph.float(alpha(config, norm))]);
    default:
      return input;
  }
}

function alpha(config: ModelConfig, norm: string): number {
  const { encoder, decoder } = deepNorm(config);
  return (norm.startsWith('encoder.') ? encoder : decoder).alpha;
}

/** See `closeStack` of src/model/residual.ts. */
export function closeStack(layers: Layers, stack: 'encoder' | 'decoder', x: string): string {
  return layers.model.config.residual === 'pre-ln' ? layerNorm(layers, finalNorm(stack), x) : x;
}

function layerNorm({ graph, model }: Layers, norm: string, x: string): string {
  const [gamma, beta] = ['weight', 'bias'].map((part) => vector(graph, model, `${norm}.${part}`));
  return graph.op('LayerNormalization', [x, gamma, beta], {
    axis: 2,
    epsilon: { float: model.config.layerNormEps },
  });
}
