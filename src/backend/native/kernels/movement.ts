import { backend_util, slice_util, util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeKernel, NativeKernels } from '../kernel.js';
import type { NativeBackend } from '../nativeBackend.js';

const isNative = (dtype: DataType): boolean => dtype === 'float32' || dtype === 'int32' || dtype === 'bool';

interface View {
  readonly offset: number;
  readonly strides: readonly number[];
}

/** The whole of a dense tensor. */
function viewOf(shape: readonly number[]): View {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = stride;
    stride *= shape[d];
  }
  return { offset: 0, strides };
}

/** The part of a dense tensor that begins at `begin`. */
function viewFrom(shape: readonly number[], begin: readonly number[]): View {
  const { strides } = viewOf(shape);
  return { offset: begin.reduce((sum, b, d) => sum + b * strides[d], 0), strides };
}

/** Copies a view of x into a view of out; both are walked over `dims`. */
function copy(backend: NativeBackend, x: TensorInfo, from: View, out: TensorInfo, to: View, dims: readonly number[]): TensorInfo {
  backend.run('Copy', [x, out], [from.offset, to.offset, dims.length, ...dims, ...from.strides, ...to.strides]);
  return out;
}

export function transpose(backend: NativeBackend, x: TensorInfo, perm: readonly number[]): TensorInfo {
  const shape = perm.map((d) => x.shape[d]);
  const { strides } = viewOf(x.shape);
  return copy(backend, x, { offset: 0, strides: perm.map((d) => strides[d]) }, backend.output(shape, x.dtype), viewOf(shape), shape);
}

function slice(backend: NativeBackend, x: TensorInfo, begin: readonly number[], size: readonly number[]): TensorInfo {
  return copy(backend, x, viewFrom(x.shape, begin), backend.output(size, x.dtype), viewOf(size), size);
}

function concat(backend: NativeBackend, parts: readonly TensorInfo[], axis: number): TensorInfo {
  const shape = parts[0].shape.slice();
  shape[axis] = parts.reduce((sum, part) => sum + part.shape[axis], 0);
  const out = backend.output(shape, parts[0].dtype);
  const begin = shape.map(() => 0);
  for (const part of parts) {
    copy(backend, part, viewOf(part.shape), out, viewFrom(shape, begin), part.shape);
    begin[axis] += part.shape[axis];
  }
  return out;
}

/** Cuts x along an axis into parts of the given sizes. */
function split(backend: NativeBackend, x: TensorInfo, axis: number, sizes: readonly number[]): TensorInfo[] {
  const begin = x.shape.map(() => 0);
  return sizes.map((size) => {
    const shape = x.shape.slice();
    shape[axis] = size;
    const part = slice(backend, x, begin, shape);
    begin[axis] += size;
    return part;
  });
}

function withDim(shape: readonly number[], axis: number, dim: number): number[] {
  return [...shape.slice(0, axis), dim, ...shape.slice(axis)];
}

const alias: NativeKernel = (backend, { x }) => backend.alias(x);

/** Kernels that move values without changing them. */
export const movementKernels: NativeKernels = {
  Identity: alias,
  Reshape: (backend, { x }, { shape }) => {
    const inferred = util.inferFromImplicitShape(shape, util.sizeFromShape(x.shape));
    util.assert(util.sizeFromShape(inferred) === util.sizeFromShape(x.shape), () => `The new shape (${inferred}) has other elements than the old one (${x.shape}); their products must be equal.`);
    return backend.alias(x, inferred);
  },
  ExpandDims: (backend, { input }, { dim }) => {
    util.assert(-(input.shape.length + 1) <= dim && dim <= input.shape.length, () => `expandDims: axis must be from ${-(input.shape.length + 1)} to ${input.shape.length}, found ${dim}`);
    const axis = dim < 0 ? dim + input.shape.length + 1 : dim;
    return backend.alias(input, withDim(input.shape, axis, 1));
  },
  Transpose: (backend, { x }, { perm }) => (isNative(x.dtype) ? transpose(backend, x, perm) : undefined),
  Slice: (backend, { x }, { begin, size }) => {
    if (!isNative(x.dtype)) return undefined;
    const [from, extent] = slice_util.parseSliceParams(x as never, begin, size);
    slice_util.assertParamsValid(x as never, from, extent);
    return slice(backend, x, from, extent);
  },
  Concat: (backend, inputs, { axis }) => {
    const parts = Object.values(inputs);
    if (!parts.every((part) => isNative(part.dtype) && part.dtype === parts[0].dtype)) return undefined;
    const at = util.parseAxisParam(axis, parts[0].shape)[0];
    backend_util.assertParamsConsistent(parts.map((part) => part.shape), at);
    return concat(backend, parts, at);
  },
  Pack: (backend, inputs, { axis }) => {
    const parts = Object.values(inputs);
    if (!parts.every((part) => isNative(part.dtype) && part.dtype === parts[0].dtype)) return undefined;
    return concat(backend, parts.map((part) => ({ ...part, dataId: part.dataId, shape: withDim(part.shape, axis, 1), dtype: part.dtype })), axis);
  },
  Unpack: (backend, { value }, { axis }) => {
    if (!isNative(value.dtype)) return undefined;
    const at = axis < 0 ? axis + value.shape.length : axis;
    const shape = value.shape.filter((_, d) => d !== at);
    return split(backend, value, at, new Array<number>(value.shape[at]).fill(1)).map((part) => ({ ...part, shape }));
  },
  SplitV: (backend, { x }, { numOrSizeSplits, axis }) => {
    if (!isNative(x.dtype)) return undefined;
    const at = util.parseAxisParam(axis, x.shape)[0];
    return split(backend, x, at, backend_util.prepareSplitSize(x as never, numOrSizeSplits, at));
  },
  PadV2: (backend, { x }, { paddings, constantValue }) => {
    if (!isNative(x.dtype)) return undefined;
    const shape = (paddings as [number, number][]).map(([before, after], d) => before + x.shape[d] + after);
    const out = backend.compute('Fill', [], shape, x.dtype, [constantValue]);
    return copy(backend, x, viewOf(x.shape), out, viewFrom(shape, (paddings as [number, number][]).map(([before]) => before)), x.shape);
  },
  Tile: (backend, { x }, { reps }) => {
    if (!isNative(x.dtype)) return undefined;
    const shape = x.shape.map((dim, d) => dim * reps[d]);
    const from = viewOf(x.shape);
    const to = viewOf(shape);
    const dims = x.shape.flatMap((dim, d) => [reps[d] as number, dim]);
    return copy(backend, x, { offset: 0, strides: from.strides.flatMap((stride) => [0, stride]) }, backend.output(shape, x.dtype),
      { offset: 0, strides: to.strides.flatMap((stride, d) => [stride * x.shape[d], stride]) }, dims);
  },
  BroadcastTo: (backend, { x }, { shape }) => {
    if (!isNative(x.dtype)) return undefined;
    const lead = shape.length - x.shape.length;
    const { strides } = viewOf(x.shape);
    const from = (shape as number[]).map((_, d) => (d < lead || x.shape[d - lead] === 1 ? 0 : strides[d - lead]));
    return copy(backend, x, { offset: 0, strides: from }, backend.output(shape, x.dtype), viewOf(shape), shape);
  },
  Reverse: (backend, { x }, { dims }) => {
    if (!isNative(x.dtype)) return undefined;
    const axes = new Set(util.parseAxisParam(dims, x.shape));
    const { strides } = viewOf(x.shape);
    const size = util.sizeFromShape(x.shape);
    const offset = size === 0 ? 0 : strides.reduce((sum, stride, d) => (axes.has(d) ? sum + stride * (x.shape[d] - 1) : sum), 0);
    return copy(backend, x, { offset, strides: strides.map((stride, d) => (axes.has(d) ? -stride : stride)) }, backend.output(x.shape, x.dtype), viewOf(x.shape), x.shape);
  },
};
