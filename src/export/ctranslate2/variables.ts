import { outputProjection, encoderEmbedding, decoderEmbedding } from '../../model/parameters.js';
import { sinusoidalPositions } from '../../model/positions.js';
import { parameterNamed, type ExportedModel, type ExportedTensor } from '../exportedModel.js';
import { roundToEven, toFloat16 } from '../float16.js';
import { foldResidual, scaledColumns, type Stack } from '../foldedResidual.js';
import type { ElementType, Variable } from './modelBin.js';

/** How weights are stored. int8: matrices in 8 bits with a scale for each row, everything else in float32. */
export type WeightType = 'float32' | 'float16' | 'int8';

export const weightTypes: readonly WeightType[] = ['float32', 'float16', 'int8'];

/** Positions in the tables: sources and translations cannot be longer. */
export const numPositions = 2048;

/**
 * A model as the variables of CTranslate2's TransformerSpec, revision 7, by their names.
 *
 * Positions are explicit tables of fairseq's features: without them the runtime computes others. Projections of one
 * input are one matrix: queries, keys and values of self-attention; keys and values of cross-attention.
 *
 * @throws DataError for float16, where a value does not fit
 */
export function ctranslate2Variables(model: ExportedModel, type: WeightType): Map<string, Variable> {
  const { config } = model;
  const { parameters, inputScale } = foldResidual(model);
  const own = { parameters };
  const variables = new Map<string, Variable>();
  const scalar = (name: string, element: 'int8' | 'int16', value: number): void =>
    void variables.set(name, {
      type: element,
      shape: [],
      data: element === 'int8' ? Int8Array.of(value) : Int16Array.of(value),
    });
  const vector = (name: string, { shape, data }: ExportedTensor): void =>
    void variables.set(name, floats(name, shape, data, type === 'float16' ? 'float16' : 'float32'));
  const matrix = (name: string, tensor: ExportedTensor): void => {
    if (type !== 'int8') return vector(name, tensor);
    const [rows, columns] = tensor.shape;
    const { values, scales } = eightBits(tensor.data, rows, columns);
    variables.set(name, { type: 'int8', shape: tensor.shape, data: values });
    variables.set(`${name}_scale`, { type: 'float32', shape: [rows], data: scales });
  };
  const linear = (name: string, layers: readonly string[]): void => {
    matrix(`${name}/weight`, stacked(layers.map((layer) => parameterNamed(own, `${layer}.weight`))));
    vector(`${name}/bias`, stacked(layers.map((layer) => parameterNamed(own, `${layer}.bias`))));
  };
  const layerNorm = (name: string, from: string): void => {
    vector(`${name}/gamma`, parameterNamed(own, `${from}.weight`));
    vector(`${name}/beta`, parameterNamed(own, `${from}.bias`));
  };

  const isPreLn = config.residual === 'pre-ln';
  const embeddings = {
    encoder: parameterNamed(own, encoderEmbedding),
    decoder: parameters.get(decoderEmbedding) ?? parameterNamed(own, encoderEmbedding),
  };
  for (const stack of ['encoder', 'decoder'] as const) {
    scalar(`${stack}/num_heads`, 'int16', config.numHeads);
    scalar(`${stack}/pre_norm`, 'int8', isPreLn ? 1 : 0);
    scalar(`${stack}/activation`, 'int8', 0); // ReLU
    const table = stack === 'encoder' ? 'encoder/embeddings_0/weight' : 'decoder/embeddings/weight';
    const factor = inputScale[stack];
    const common = factor?.every((value) => value === factor[0]) ? factor[0] : undefined;
    matrix(
      table,
      factor === undefined || common !== undefined ? embeddings[stack] : scaledColumns(embeddings[stack], factor),
    );
    // a flag says sqrt(d), a float is the factor itself
    if (common === undefined) scalar(`${stack}/scale_embeddings`, 'int8', 1);
    else
      variables.set(`${stack}/scale_embeddings`, {
        type: 'float32',
        shape: [],
        data: Float32Array.of(Math.sqrt(config.dModel) * common),
      });
    const positions = { shape: [numPositions, config.dModel], data: sinusoidalPositions(numPositions, config.dModel) };
    vector(
      `${stack}/position_encodings/encodings`,
      factor === undefined ? positions : scaledColumns(positions, factor),
    );
    if (isPreLn) layerNorm(`${stack}/layer_norm`, `${stack}.layer_norm`);
    const numLayers = stack === 'encoder' ? config.numEncoderLayers : config.numDecoderLayers;
    for (let i = 0; i < numLayers; i++) layerOf(stack, `${stack}/layer_${i}`, `${stack}.layers.${i}`);
  }
  scalar('encoder/embeddings_merge', 'int8', 0);
  scalar('encoder/multi_query_attention', 'int8', 0);
  scalar('decoder/alignment_layer', 'int16', -1); // the last one
  scalar('decoder/alignment_heads', 'int16', 1);
  for (const flag of ['alibi', 'alibi_use_positive_positions', 'scale_alibi', 'start_from_zero_embedding'])
    scalar(`decoder/${flag}`, 'int8', 0);
  matrix('decoder/projection/weight', parameters.get(outputProjection) ?? embeddings.decoder);
  return variables;

  function layerOf(stack: Stack, to: string, from: string): void {
    linear(
      `${to}/self_attention/linear_0`,
      ['q', 'k', 'v'].map((kind) => `${from}.self_attn.${kind}_proj`),
    );
    linear(`${to}/self_attention/linear_1`, [`${from}.self_attn.out_proj`]);
    layerNorm(`${to}/self_attention/layer_norm`, `${from}.self_attn_layer_norm`);
    if (stack === 'decoder') {
      linear(`${to}/attention/linear_0`, [`${from}.encoder_attn.q_proj`]);
      linear(
        `${to}/attention/linear_1`,
        ['k', 'v'].map((kind) => `${from}.encoder_attn.${kind}_proj`),
      );
      linear(`${to}/attention/linear_2`, [`${from}.encoder_attn.out_proj`]);
      layerNorm(`${to}/attention/layer_norm`, `${from}.encoder_attn_layer_norm`);
    }
    linear(`${to}/ffn/linear_0`, [`${from}.fc1`]);
    linear(`${to}/ffn/linear_1`, [`${from}.fc2`]);
    layerNorm(`${to}/ffn/layer_norm`, `${from}.final_layer_norm`);
  }
}

function floats(name: string, shape: readonly number[], data: Float32Array, type: ElementType): Variable {
  return { type, shape, data: type === 'float16' ? toFloat16(data, name) : data };
}

/** Matrices or vectors one below the other. */
function stacked(tensors: readonly ExportedTensor[]): ExportedTensor {
  if (tensors.length === 1) return tensors[0];
  const data = new Float32Array(tensors.reduce((sum, tensor) => sum + tensor.data.length, 0));
  let at = 0;
  for (const tensor of tensors) {
    data.set(tensor.data, at);
    at += tensor.data.length;
  }
  const [, ...rest] = tensors[0].shape;
  return { shape: [tensors.reduce((rows, { shape }) => rows + shape[0], 0), ...rest], data };
}

/**
 * Rows in 8 bits: value times scale, rounded; the largest of a row becomes 127. Source: ctranslate2's
 * `LayerSpec._quantize`.
 */
function eightBits(matrix: Float32Array, rows: number, columns: number): { values: Int8Array; scales: Float32Array } {
  const values = new Int8Array(matrix.length);
  const scales = new Float32Array(rows);
  const leastMaximum = Math.fround(127 / 3.4028234663852886e38); // below it the scale is beyond float32
  for (let row = 0; row < rows; row++) {
    let largest = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) largest = Math.max(largest, Math.abs(matrix[i]));
    scales[row] = largest === 0 ? 1 : 127 / Math.max(largest, leastMaximum);
    for (let i = row * columns; i < (row + 1) * columns; i++)
      values[i] = roundToEven(Math.fround(matrix[i] * scales[row]));
  }
  return { values, scales };
}
