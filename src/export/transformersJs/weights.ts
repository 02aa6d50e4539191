import { parameterNamed, type ExportedModel, type ExportedTensor } from '../exportedModel.js';
import { microsoftDomain, type GraphBuilder } from '../onnx/graph.js';
import { blockSize4, eightBits, fourBits, zeroPoint8 } from '../onnx/quantise.js';
import { float16Tensor, floatTensor, transposed, uint8Tensor, type OnnxTensor } from '../onnx/tensors.js';

/**
 * How matrices are stored in a graph, and the nodes that compute with them. Vectors (biases, layer norms) are 32-bit
 * floats always.
 */
export interface Weights {
  /** x Wᵀ + b. @param x [.., in] @param name of the layer, without `.weight` @returns [.., out] */
  linear(graph: GraphBuilder, x: string, name: string): string;
  /** Rows of a table. @param ids [B, T] @param table name of a parameter [V, d] @returns [B, T, d] */
  lookUp(graph: GraphBuilder, ids: string, table: string): string;
  /** x Eᵀ. @param x [B, T, d] @param table name of a parameter [V, d] @returns [B, T, V] */
  project(graph: GraphBuilder, x: string, table: string): string;
}

export const weightFormats = ['fp32', 'fp16', 'q8', 'q4'] as const;
export type WeightFormat = (typeof weightFormats)[number];

/** @param alsoProjects the table that `project` reads; where it is looked up too, it is stored once */
export function weightsOf(format: WeightFormat, model: ExportedModel, alsoProjects: string | undefined): Weights {
  switch (format) {
    case 'fp32':
      return new FloatWeights(model, 'fp32');
    case 'fp16':
      return new FloatWeights(model, 'fp16');
    case 'q8':
      return new EightBitWeights(model, alsoProjects);
    case 'q4':
      return new FourBitWeights(model, alsoProjects);
  }
}

/** A parameter that is no matrix, or read as it is. */
export function vector(graph: GraphBuilder, model: ExportedModel, name: string): string {
  return graph.tensor(name, () => {
    const { shape, data } = parameterNamed(model, name);
    return floatTensor(name, shape, data);
  });
}

const addBias = (graph: GraphBuilder, model: ExportedModel, product: string, name: string): string =>
  graph.op('Add', [product, vector(graph, model, `${name}.bias`)]);

/** A matrix [out, in] as products read it, [in, out]. */
const columnsFirst = ({ shape: [rows, columns], data }: ExportedTensor): Float32Array =>
  transposed(data, rows, columns);

/** Matrices as floats; 16-bit ones are stored so and computed with in 32 bits. */
class FloatWeights implements Weights {
  constructor(
    private readonly model: ExportedModel,
    private readonly format: 'fp32' | 'fp16',
  ) {}

  linear(graph: GraphBuilder, x: string, name: string): string {
    const weight = parameterNamed(this.model, `${name}.weight`);
    const [out, inputs] = weight.shape;
    const matrix = this.matrix(graph, `${name}.weight`, [inputs, out], () => columnsFirst(weight));
    return addBias(graph, this.model, graph.op('MatMul', [x, matrix]), name);
  }

  lookUp(graph: GraphBuilder, ids: string, table: string): string {
    return graph.op('Gather', [this.table(graph, table), ids], { axis: 0 });
  }

  project(graph: GraphBuilder, x: string, table: string): string {
    const { shape } = parameterNamed(this.model, table);
    const [entries, features] = shape;
    // a product with the transposed table needs no second copy of it; it takes matrices only
    const rows = graph.op('Reshape', [x, graph.ints([-1, features])]);
    const logits = graph.op('Gemm', [rows, this.table(graph, table)], { transB: 1 });
    const batchAndLength = graph.op('Shape', [x], { start: 0, end: 2 });
    return graph.op('Reshape', [logits, graph.op('Concat', [batchAndLength, graph.ints([entries])], { axis: 0 })]);
  }

  private table(graph: GraphBuilder, name: string): string {
    const { shape, data } = parameterNamed(this.model, name);
    return this.matrix(graph, name, shape, () => data);
  }

  private matrix(graph: GraphBuilder, name: string, shape: readonly number[], values: () => Float32Array): string {
    if (this.format === 'fp32') return graph.tensor(name, () => floatTensor(name, shape, values()));
    return graph.once(`cast ${name}`, () =>
      graph.cast(
        graph.tensor(name, () => float16Tensor(name, shape, values())),
        'float',
      ),
    );
  }
}

/** Matrices in 8 bits with a scale per output; what they are multiplied with is brought to 8 bits as it comes. */
class EightBitWeights implements Weights {
  constructor(
    protected readonly model: ExportedModel,
    private readonly alsoProjects: string | undefined,
  ) {}

  linear(graph: GraphBuilder, x: string, name: string): string {
    return addBias(graph, this.model, this.multiply(graph, x, `${name}.weight`), name);
  }

  lookUp(graph: GraphBuilder, ids: string, table: string): string {
    const { shape, data } = parameterNamed(this.model, table);
    const [entries, features] = shape;
    const { scales, values } = this.stored(graph, table);
    // the table of the output projection is stored with its columns first
    const found =
      table === this.alsoProjects
        ? graph.op('Transpose', [graph.op('Gather', [values(), ids], { axis: 1 })], { perm: [1, 2, 0] })
        : graph.op(
            'Gather',
            [graph.tensor(table, () => uint8Tensor(table, shape, eightBits(data, entries, features).values)), ids],
            { axis: 0 },
          );
    const centred = graph.op('Sub', [graph.cast(found, 'float'), graph.float(zeroPoint8)]);
    const scale = graph.op('Unsqueeze', [graph.op('Gather', [scales, ids], { axis: 0 }), graph.ints([2])]);
    return graph.op('Mul', [centred, scale]);
  }

  project(graph: GraphBuilder, x: string, table: string): string {
    return this.multiply(graph, x, table);
  }

  private multiply(graph: GraphBuilder, x: string, name: string): string {
    const [quantised, scale, zero] = graph.once(`quantised ${x}`, () => graph.ops('DynamicQuantizeLinear', [x], 3));
    const { scales, values } = this.stored(graph, name);
    const zeroOfWeights = graph.tensor('zero point', () => uint8Tensor('zero point', [], Uint8Array.of(zeroPoint8)));
    const product = graph.op('MatMulInteger', [quantised, values(), zero, zeroOfWeights]);
    return graph.op('Mul', [graph.cast(product, 'float'), graph.op('Mul', [scale, scales])]);
  }

  /** Names of a matrix's scales [rows] and, once asked for, of its values with columns first. */
  private stored(graph: GraphBuilder, name: string): { scales: string; values: () => string } {
    const { shape, data } = parameterNamed(this.model, name);
    const [rows, columns] = shape;
    const make = (part: (bits: ReturnType<typeof eightBits>) => OnnxTensor) => () =>
      part(eightBits(data, rows, columns));
    return {
      scales: graph.tensor(
        `${name}.scales`,
        make(({ scales }) => floatTensor(`${name}.scales`, [rows], scales)),
      ),
      values: () =>
        graph.tensor(
          name,
          make(({ values }) => uint8Tensor(name, [columns, rows], transposed(values, rows, columns))),
        ),
    };
  }
}

/**
 * Layers in 4 bits with a scale per 32 values. Embeddings and output projection in 8, as everything passes through
 * them.
 */
class FourBitWeights extends EightBitWeights {
  override linear(graph: GraphBuilder, x: string, name: string): string {
    const { shape, data } = parameterNamed(this.model, `${name}.weight`);
    const [rows, columns] = shape;
    const weight = `${name}.weight`;
    const bits = (): ReturnType<typeof fourBits> => fourBits(data, rows, columns);
    const values = graph.tensor(weight, () => {
      const { values: packed, blocks } = bits();
      return uint8Tensor(weight, [rows, blocks, blockSize4 / 2], packed);
    });
    const scales = graph.tensor(`${weight}.scales`, () => {
      const { scales: all } = bits();
      return floatTensor(`${weight}.scales`, [all.length], all);
    });
    const attributes = { K: columns, N: rows, bits: 4, block_size: blockSize4 };
    return addBias(graph, this.model, graph.op('MatMulNBits', [x, values, scales], attributes, microsoftDomain), name);
  }
}
