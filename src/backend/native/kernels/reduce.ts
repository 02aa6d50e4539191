import { backend_util, util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core';
import { sizeBetween, type NativeKernel, type NativeKernels } from '../kernel.js';
import type { NativeBackend } from '../nativeBackend.js';
import { transpose } from './movement.js';

interface Reduction {
  readonly outer: number;
  readonly count: number;
  readonly inner: number;
  /** x with the reduced axes next to each other; the caller disposes it. */
  readonly arranged: TensorInfo;
  readonly shape: number[];
}

/** Lays x out as [outer, count, inner], count being the reduced axes. */
function arrange(backend: NativeBackend, x: TensorInfo, axis: number | number[] | null, keepDims: boolean): Reduction {
  const axes = util.parseAxisParam(axis as number | number[], x.shape).sort((a, b) => a - b);
  const [reducedShape] = backend_util.computeOutAndReduceShapes(x.shape, axes);
  const shape = keepDims ? backend_util.expandShapeToKeepDim(reducedShape, axes) : reducedShape;
  const first = axes[0] ?? x.shape.length;
  const isBlock = axes.every((a, i) => a === first + i);
  if (isBlock) {
    const end = first + axes.length;
    return {
      outer: sizeBetween(x.shape, 0, first),
      count: sizeBetween(x.shape, first, end),
      inner: sizeBetween(x.shape, end, x.shape.length),
      arranged: backend.alias(x),
      shape,
    };
  }
  const kept = x.shape.map((_, d) => d).filter((d) => !axes.includes(d));
  const count = axes.reduce((size, a) => size * x.shape[a], 1);
  return {
    outer: util.sizeFromShape(reducedShape),
    count,
    inner: 1,
    arranged: transpose(backend, x, [...kept, ...axes]),
    shape,
  };
}

function reduce(
  backend: NativeBackend,
  kernel: string,
  x: TensorInfo,
  axis: number | number[] | null,
  keepDims: boolean,
  dtype: DataType,
): TensorInfo {
  const { outer, count, inner, arranged, shape } = arrange(backend, x, axis, keepDims);
  const out = backend.compute(kernel, [arranged], shape, dtype, [outer, count, inner]);
  backend.disposeData(arranged.dataId);
  return out;
}

function overFloats(kernel: string, intKernel?: string): NativeKernel {
  return (backend, { x }, { axis, reductionIndices, keepDims }) => {
    const axes = axis ?? reductionIndices; // Max has another name for it
    if (x.dtype === 'float32') return reduce(backend, kernel, x, axes, keepDims, 'float32');
    if (x.dtype === 'int32' && intKernel !== undefined) return reduce(backend, intKernel, x, axes, keepDims, 'int32');
    return undefined;
  };
}

function overBools(kernel: string): NativeKernel {
  return (backend, { x }, { axis, keepDims }) =>
    x.dtype === 'bool' ? reduce(backend, kernel, x, axis, keepDims, 'bool') : undefined;
}

function extremePosition(kernel: string): NativeKernel {
  return (backend, { x }, { axis }) =>
    x.dtype === 'float32' ? reduce(backend, kernel, x, axis, false, 'int32') : undefined;
}

/** Along any axis: moved last, run, and moved back. */
function alongLast(
  backend: NativeBackend,
  x: TensorInfo,
  axis: number,
  run: (last: TensorInfo) => TensorInfo,
): TensorInfo {
  const rank = x.shape.length;
  const at = util.parseAxisParam(axis, x.shape)[0];
  if (at === rank - 1 || rank === 0) return run(x);
  const perm = [...x.shape.map((_, d) => d).filter((d) => d !== at), at];
  const moved = transpose(backend, x, perm);
  const result = run(moved);
  const out = transpose(backend, result, backend_util.getUndoAxesPermutation(perm));
  backend.disposeData(moved.dataId);
  backend.disposeData(result.dataId);
  return out;
}

function cumulative(kernel: string): NativeKernel {
  return (backend, { x }, { axis, exclusive, reverse }) => {
    if (x.dtype !== 'float32' || x.shape.length === 0) return undefined;
    return alongLast(backend, x, axis, (last) =>
      backend.compute(kernel, [last], last.shape, 'float32', [
        last.shape[last.shape.length - 1],
        exclusive ? 1 : 0,
        reverse ? 1 : 0,
      ]),
    );
  };
}

function softmax(kernel: string): NativeKernel {
  return (backend, { logits }, { dim, axis }) => {
    if (logits.dtype !== 'float32' || logits.shape.length === 0) return undefined;
    return alongLast(backend, logits, dim ?? axis, (last) =>
      backend.compute(kernel, [last], last.shape, 'float32', [last.shape[last.shape.length - 1]]),
    );
  };
}

/** Sums, extremes and other kernels that work along axes. */
export const reduceKernels: NativeKernels = {
  Sum: overFloats('Sum', 'IntSum'),
  Prod: overFloats('Prod'),
  Max: overFloats('Max', 'IntMax'),
  Min: overFloats('Min', 'IntMin'),
  Any: overBools('Any'),
  All: overBools('All'),
  ArgMax: extremePosition('ArgMax'),
  ArgMin: extremePosition('ArgMin'),
  Mean: (backend, { x }, { axis, keepDims }) => {
    if (x.dtype !== 'float32') return undefined;
    const sum = reduce(backend, 'Sum', x, axis, keepDims, 'float32');
    const count = util.sizeFromShape(x.shape) / Math.max(1, util.sizeFromShape(sum.shape));
    const divisor = backend.compute('Fill', [], [], 'float32', [count]);
    const mean = backend.compute('RealDiv', [sum, divisor], sum.shape, 'float32');
    backend.disposeData(sum.dataId);
    backend.disposeData(divisor.dataId);
    return mean;
  },
  Cumsum: cumulative('Cumsum'),
  Cumprod: cumulative('Cumprod'),
  Softmax: softmax('Softmax'),
  LogSoftmax: softmax('LogSoftmax'),
  TopK: (backend, { x }, { k }) => {
    const width = x.shape[x.shape.length - 1];
    if ((x.dtype !== 'float32' && x.dtype !== 'int32') || x.shape.length === 0 || k > width) return undefined;
    const shape = [...x.shape.slice(0, -1), k as number];
    const values = backend.output(shape, x.dtype);
    const indices = backend.output(shape, 'int32');
    backend.run(x.dtype === 'float32' ? 'TopK' : 'IntTopK', [x, values, indices], [width, k]);
    return [values, indices];
  },
};
