import { encoderEmbedding } from '../../model/parameters.js';
import { unkId } from '../../text/specialIds.js';
import type { ExportedModel } from '../exportedModel.js';
import { GraphBuilder } from '../onnx/graph.js';
import {
  attend,
  closeStack,
  closeSublayer,
  dimension,
  embed,
  feedForward,
  heads,
  idsBelow,
  openSublayer,
  sourceBias,
  type Layers,
} from './layers.js';
import { weightsOf, type WeightFormat } from './weights.js';

/** encoder_model.onnx: ids and mask of padded sources to `last_hidden_state` [B, S, d]. */
export function encoderGraph(model: ExportedModel, format: WeightFormat): GraphBuilder {
  const { numEncoderLayers, dModel, srcVocabSize } = model.config;
  const graph = GraphBuilder.named('encoder');
  const layers: Layers = { graph, model, weights: weightsOf(format, model, undefined) };
  const ids = graph.input('input_ids', 'int64', ['batch_size', 'encoder_sequence_length']);
  const mask = graph.input('attention_mask', 'int64', ['batch_size', 'encoder_sequence_length']);

  const positions = graph.op('Range', [graph.ints([0], []), dimension(graph, ids, 1), graph.ints([1], [])]);
  const bias = sourceBias(graph, mask);
  let x = embed(layers, idsBelow(graph, ids, srcVocabSize, unkId), positions, encoderEmbedding);
  for (let i = 0; i < numEncoderLayers; i++) {
    const name = `encoder.layers.${i}.self_attn`;
    const opened = openSublayer(layers, `${name}_layer_norm`, x);
    const attended = attend(layers, name, {
      queries: opened,
      keys: heads(layers, opened, `${name}.k_proj`),
      values: heads(layers, opened, `${name}.v_proj`),
      bias,
    });
    x = feedForward(layers, `encoder.layers.${i}`, closeSublayer(layers, `${name}_layer_norm`, attended, x));
  }
  graph.output(closeStack(layers, 'encoder', x), 'last_hidden_state', 'float', [
    'batch_size',
    'encoder_sequence_length',
    dModel,
  ]);
  return graph;
}
