import { broadcast_util, util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeKernel, NativeKernels } from '../kernel.js';

interface MatMulAttrs {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** The product of the last two dimensions, with the leading ones broadcast. */
function matMul(relu: boolean): (...args: [...Parameters<NativeKernel>, TensorInfo?]) => TensorInfo | undefined {
  return (backend, { a, b }, attrs, bias) => {
    if (a.dtype !== 'float32' || b.dtype !== 'float32') return undefined;
    const { transposeA, transposeB } = attrs as unknown as MatMulAttrs;
    const [aRows, aColumns] = lastTwo(a.shape, transposeA);
    const [bRows, bColumns] = lastTwo(b.shape, transposeB);
    const aBatch = util.sizeFromShape(a.shape.slice(0, -2));
    const bBatch = util.sizeFromShape(b.shape.slice(0, -2));
    if (aBatch !== bBatch && aBatch !== 1 && bBatch !== 1) return undefined;
    const leading = broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    util.assert(aColumns === bRows, () => `matMul: the inner dimensions ${aColumns} and ${bRows} of shapes ${a.shape} and ${b.shape} with transposeA=${transposeA} and transposeB=${transposeB} must match.`);
    const inputs = bias === undefined ? [a, b] : [a, b, bias];
    return backend.compute('MatMul', inputs, [...leading, aRows, bColumns], 'float32',
      [aBatch, bBatch, aRows, aColumns, bColumns, transposeA ? 1 : 0, transposeB ? 1 : 0, bias === undefined ? 0 : 1, relu ? 1 : 0]);
  };
}

function lastTwo(shape: readonly number[], transposed: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2);
  return transposed ? [columns, rows] : [rows, columns];
}

export const matMulKernels: NativeKernels = {
  BatchMatMul: matMul(false),
  _FusedMatMul: (backend, inputs, attrs) => {
    const { a, b, bias } = inputs;
    const { activation } = attrs as { activation: string };
    const columns = lastTwo(b.shape, attrs['transposeB'])[1];
    const isPlainBias = bias == null || (bias.dtype === 'float32' && util.sizeFromShape(bias.shape) === columns);
    if (!isPlainBias || (activation !== 'linear' && activation !== 'relu')) return undefined;
    return matMul(activation === 'relu')(backend, { a, b }, attrs, bias ?? undefined);
  },
};
