import { BatchMatMul, broadcast_util, unregisterKernel, util, type TensorInfo } from '@tensorflow/tfjs-core';
import { ShapeError } from '../../errors.js';
import { plain, registerWasmKernel, transposed, type WasmContext } from './wasmContext.js';

/**
 * Replaces tfjs's wasm matrix product, which is ten times slower for transposed or batched operands than for plain ones; here
 * they cost the same. Gradients of gradients and losses written in plain tfjs live on it.
 */
export function registerBatchMatMul(context: WasmContext): void {
  unregisterKernel(BatchMatMul, 'wasm');
  registerWasmKernel<{ a: TensorInfo; b: TensorInfo }, { transposeA: boolean; transposeB: boolean }>(BatchMatMul, ({ a, b }, { transposeA, transposeB }) => {
    if (a.dtype !== 'float32' || b.dtype !== 'float32') throw new Error(`matMul on wasm multiplies float32 only, found ${a.dtype} and ${b.dtype}.`);
    const [aRows, aColumns] = a.shape.slice(-2);
    const [bRows, bColumns] = b.shape.slice(-2);
    const [rows, depth] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
    const [bDepth, columns] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
    if (depth !== bDepth) {
      throw new ShapeError(`matMul: found a [${a.shape}] and b [${b.shape}] with transposeA=${transposeA}, transposeB=${transposeB}; inner sizes ${depth} and ${bDepth} must be equal.`);
    }
    const aBatchShape = a.shape.slice(0, -2);
    const bBatchShape = b.shape.slice(0, -2);
    const batchShape = broadcast_util.assertAndGetBroadcastShape(aBatchShape, bBatchShape);
    const aIndex = batchIndex(aBatchShape, batchShape);
    const bIndex = batchIndex(bBatchShape, batchShape);
    const out = context.output([...batchShape, rows, columns]);
    const batchSize = util.sizeFromShape(batchShape);
    if (depth === 0) throw new ShapeError(`matMul: found a [${a.shape}] and b [${b.shape}]; the inner size must not be 0.`);
    for (let n = 0; n < batchSize; n++) {
      const aAddress = context.address(a) + 4 * aIndex(n) * aRows * aColumns;
      const bAddress = context.address(b) + 4 * bIndex(n) * bRows * bColumns;
      context.multiply({ rows, columns, depth }, (transposeA ? transposed : plain)(aAddress, aColumns), (transposeB ? transposed : plain)(bAddress, bColumns),
        context.address(out) + 4 * n * rows * columns);
    }
    return out;
  });
}

/** From the row-major index of a broadcast batch to that of an operand, whose dimensions of size 1 (or missing) repeat. */
function batchIndex(shape: number[], batchShape: number[]): (n: number) => number {
  if (util.sizeFromShape(shape) === util.sizeFromShape(batchShape)) return (n) => n;
  const padded = [...Array(batchShape.length - shape.length).fill(1), ...shape] as number[];
  return (n) => {
    let index = 0;
    let stride = 1;
    for (let axis = batchShape.length - 1; axis >= 0; axis--) {
      const position = n % batchShape[axis];
      n = Math.floor(n / batchShape[axis]);
      if (padded[axis] > 1) index += position * stride;
      stride *= padded[axis];
    }
    return index;
  };
}
