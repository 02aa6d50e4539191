import { BatchMatMul, broadcast_util, unregisterKernel, util, type TensorInfo } from '@tensorflow/tfjs-core';
import { ShapeError } from '../../errors.js';
import { plain, registerWasmKernel, transposed, type WasmContext } from './wasmContext.js';

/**
 * Replaces tfjs's wasm matrix product, which is ten times slower for transposed or batched operands than for plain
 * ones; here they cost the same. Gradients of gradients and losses written in plain tfjs depend on it.
 */
export function registerBatchMatMul(context: WasmContext): void {
  const { kernels } = context;
  unregisterKernel(BatchMatMul, 'wasm');
  registerWasmKernel<{ a: TensorInfo; b: TensorInfo }, { transposeA: boolean; transposeB: boolean }>(
    BatchMatMul,
    ({ a, b }, { transposeA, transposeB }) => {
      if (a.dtype !== 'float32' || b.dtype !== 'float32')
        throw new Error(`matMul on wasm multiplies float32 only, found ${a.dtype} and ${b.dtype}.`);
      const [aRows, aColumns] = a.shape.slice(-2);
      const [bRows, bColumns] = b.shape.slice(-2);
      const [rows, depth] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
      const [bDepth, columns] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
      if (depth !== bDepth) {
        throw new ShapeError(
          `matMul: found a [${a.shape}] and b [${b.shape}] with transposeA=${transposeA}, transposeB=${transposeB}; inner sizes ${depth} and ${bDepth} must be equal.`,
        );
      }
      const [aBatchShape, bBatchShape] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
      const batchShape = broadcast_util.assertAndGetBroadcastShape(aBatchShape, bBatchShape);
      const out = context.output([...batchShape, rows, columns]);
      const scratch = context.scratch(kernels.packedBytes(depth, columns) + kernels.gemmScratchBytes());
      const [aMatrix, bMatrix] = [
        (transposeA ? transposed : plain)(context.address(a), aColumns),
        (transposeB ? transposed : plain)(context.address(b), bColumns),
      ];
      const multiply = (
        batch: number,
        aStart: number,
        aBatch: number,
        bStart: number,
        bBatch: number,
        outStart: number,
      ) =>
        kernels.multiplyBatch(
          batch,
          rows,
          columns,
          depth,
          aMatrix.address + 4 * aStart * aRows * aColumns,
          aMatrix.rowStride,
          aMatrix.columnStride,
          aBatch * aRows * aColumns,
          bMatrix.address + 4 * bStart * bRows * bColumns,
          bMatrix.rowStride,
          bMatrix.columnStride,
          bBatch * bRows * bColumns,
          context.address(out) + 4 * outStart * rows * columns,
          scratch,
        );
      const [aCount, bCount, count] = [aBatchShape, bBatchShape, batchShape].map((shape) => util.sizeFromShape(shape));
      if ((aCount === count || aCount === 1) && (bCount === count || bCount === 1)) {
        multiply(count, 0, aCount === 1 ? 0 : 1, 0, bCount === 1 ? 0 : 1, 0);
      } else {
        for (let n = 0; n < count; n++)
          multiply(1, batchIndex(n, aBatchShape, batchShape), 0, batchIndex(n, bBatchShape, batchShape), 0, n);
      }
      return out;
    },
  );
}

/**
 * From the row-major index of a broadcast batch to that of an operand, whose dimensions of size 1 (or missing) repeat.
 */
function batchIndex(n: number, shape: number[], batchShape: number[]): number {
  let index = 0;
  let stride = 1;
  for (let axis = batchShape.length - 1; axis >= 0; axis--) {
    const size = shape[axis - batchShape.length + shape.length] ?? 1;
    if (size > 1) index += (n % batchShape[axis]) * stride;
    n = Math.floor(n / batchShape[axis]);
    stride *= size;
  }
  return index;
}
