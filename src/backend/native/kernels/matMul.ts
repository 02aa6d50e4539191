import { broadcast_util, util, type TensorInfo } from '@tensorflow/tfjs-core';
import { sizeBetween, type KernelAttributes, type NativeKernels } from '../kernel.js';
import type { NativeBackend } from '../nativeBackend.js';
import { activate, hasActivation } from './activation.js';
import { broadcastTo } from './movement.js';

interface MatMulAttrs {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** The product of the last two dimensions, with the leading ones broadcast. */
function matMul(
  backend: NativeBackend,
  a: TensorInfo,
  b: TensorInfo,
  attrs: KernelAttributes,
  bias?: TensorInfo,
): TensorInfo | undefined {
  if (a.dtype !== 'float32' || b.dtype !== 'float32') return undefined;
  const { transposeA, transposeB } = attrs as unknown as MatMulAttrs;
  const [aRows, aColumns] = lastTwo(a.shape, transposeA);
  const [bRows, bColumns] = lastTwo(b.shape, transposeB);
  const batch = broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  util.assert(
    aColumns === bRows,
    () =>
      `matMul: the inner dimensions ${aColumns} and ${bRows} of shapes ${a.shape} and ${b.shape} with transposeA=${transposeA} and transposeB=${transposeB} must match.`,
  );
  const [left, right] = [a, b].map((operand) => inBatch(backend, operand, batch));
  try {
    return backend.compute(
      'MatMul',
      bias === undefined ? [left, right] : [left, right, bias],
      [...batch, aRows, bColumns],
      'float32',
      [
        batchSize(left),
        batchSize(right),
        aRows,
        aColumns,
        bColumns,
        transposeA ? 1 : 0,
        transposeB ? 1 : 0,
        bias === undefined ? 0 : 1,
      ],
    );
  } finally {
    for (const operand of [left, right]) backend.disposeData(operand.dataId);
  }
}

const batchSize = ({ shape }: TensorInfo): number => sizeBetween(shape, 0, shape.length - 2);

/** The operand as the compiled kernel takes it: one matrix for all products, or one for each; to be disposed. */
function inBatch(backend: NativeBackend, x: TensorInfo, batch: readonly number[]): TensorInfo {
  const size = batchSize(x);
  // if only single and missing dimensions differ from the batch's, an equal number of matrices means the same matrices
  if (size === 1 || size === sizeBetween(batch, 0, batch.length)) return backend.alias(x);
  return broadcastTo(backend, x, [...batch, ...x.shape.slice(-2)]);
}

function lastTwo(shape: readonly number[], transposed: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2);
  return transposed ? [columns, rows] : [rows, columns];
}

export const matMulKernels: NativeKernels = {
  BatchMatMul: (backend, { a, b }, attrs) => matMul(backend, a, b, attrs),
  _FusedMatMul: (backend, inputs, attrs) => {
    const { a, b, bias } = inputs;
    const { activation } = attrs as { activation: string };
    const columns = lastTwo(b.shape, attrs['transposeB'])[1];
    const isPlainBias = bias == null || (bias.dtype === 'float32' && util.sizeFromShape(bias.shape) === columns);
    if (!isPlainBias || !hasActivation(activation)) return undefined;
    const y = matMul(backend, a, b, attrs, bias ?? undefined);
    return y && activate(backend, y, activation);
  },
};
