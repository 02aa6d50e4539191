import { backend_util, util, type DataType } from '@tensorflow/tfjs-core';
import { sizeBetween, type NativeKernels } from '../kernel.js';

const isFourBytes = (dtype: DataType): boolean => dtype === 'float32' || dtype === 'int32';
const isNative = (dtype: DataType): boolean => isFourBytes(dtype) || dtype === 'bool';

/** Selecting and adding up by position, and tensors made from numbers. */
export const indexingKernels: NativeKernels = {
  GatherV2: (backend, { x, indices }, { axis, batchDims }) => {
    if (!isNative(x.dtype) || indices.dtype !== 'int32') return undefined;
    const at = util.parseAxisParam(axis, x.shape)[0];
    const info = backend_util.segment_util.collectGatherOpShapeInfo(x as never, indices as never, at, batchDims ?? 0);
    const count = util.sizeFromShape(indices.shape) / Math.max(1, info.batchSize);
    return backend.compute('Gather', [x, indices], info.outputShape, x.dtype, [
      info.batchSize,
      info.outerSize,
      info.dimSize,
      info.sliceSize,
      count,
    ]);
  },
  GatherNd: (backend, { params, indices }) => {
    if (!isFourBytes(params.dtype) || indices.dtype !== 'int32') return undefined;
    const depth = indices.shape[indices.shape.length - 1];
    const [shape, , sliceSize, strides] = backend_util.prepareAndValidate(params as never, indices as never);
    return backend.compute('GatherNd', [params, indices], shape, params.dtype, [
      sliceSize,
      depth,
      ...strides.slice(0, depth),
      ...params.shape.slice(0, depth),
    ]);
  },
  ScatterNd: (backend, { indices, updates }, { shape }) => {
    if (updates.dtype !== 'float32' || indices.dtype !== 'int32') return undefined;
    const { sliceRank, sliceSize, strides } = backend_util.calculateShapes(updates, indices, shape);
    return backend.compute('ScatterNd', [indices, updates], shape, 'float32', [
      sliceSize,
      sliceRank,
      ...strides.slice(0, sliceRank),
      ...shape.slice(0, sliceRank),
    ]);
  },
  UnsortedSegmentSum: (backend, { x, segmentIds }, { numSegments }) => {
    if (x.dtype !== 'float32' || segmentIds.dtype !== 'int32') return undefined;
    const rank = segmentIds.shape.length;
    const inner = sizeBetween(x.shape, rank, x.shape.length);
    return backend.compute('SegmentSum', [x, segmentIds], [numSegments, ...x.shape.slice(rank)], 'float32', [inner]);
  },
  OneHot: (backend, { indices }, { dtype, depth, onValue, offValue }) => {
    if (indices.dtype !== 'int32' || (dtype != null && dtype !== 'float32')) return undefined;
    return backend.compute('OneHot', [indices], [...indices.shape, depth], 'float32', [depth, onValue, offValue]);
  },
  Fill: (backend, _, { shape, value, dtype }) => {
    const type = (dtype ?? util.inferDtype(value)) as DataType;
    return isNative(type) ? backend.compute('Fill', [], shape, type, [Number(value)]) : undefined;
  },
  ZerosLike: (backend, { x }) => (isNative(x.dtype) ? backend.compute('Fill', [], x.shape, x.dtype, [0]) : undefined),
  OnesLike: (backend, { x }) => (isNative(x.dtype) ? backend.compute('Fill', [], x.shape, x.dtype, [1]) : undefined),
  Range: (backend, _, { start, stop, step, dtype }) => {
    const type = (dtype ?? 'float32') as DataType;
    const isEmpty = start === stop || (start < stop && step < 0) || (stop < start && step > 1);
    const count = isEmpty ? 0 : Math.abs(Math.ceil((stop - start) / step));
    const sign = stop < start && step === 1 ? -1 : step; // the default step may also be negative
    return isFourBytes(type) ? backend.compute('Range', [], [count], type, [start, sign]) : undefined;
  },
};
