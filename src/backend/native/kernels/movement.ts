import { backend_util, slice_util, util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core';
import { sizeBetween, type NativeKernel, type NativeKernels } from '../kernel.js';
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
function copy(
  backend: NativeBackend,
  x: TensorInfo,
  from: View,
  out: TensorInfo,
  to: View,
  dims: readonly number[],
): TensorInfo {
  backend.run('Copy', [x, out], [from.offset, to.offset, dims.length, ...dims, ...from.strides, ...to.strides]);
  return out;
}

export function transpose(backend: NativeBackend, x: TensorInfo, perm: readonly number[]): TensorInfo {
  const shape = perm.map((d) => x.shape[d]);
  const { strides } = viewOf(x.shape);
  return copy(
    backend,
    x,
    { offset: 0, strides: perm.map((d) => strides[d]) },
    backend.output(shape, x.dtype),
    viewOf(shape),
    shape,
  );
}

/** x with its single and missing dimensions repeated. */
export function broadcastTo(backend: NativeBackend, x: TensorInfo, shape: readonly number[]): TensorInfo {
  const lead = shape.length - x.shape.length;
  const { strides } = viewOf(x.shape);
  const from = shape.map((_, d) => (d < lead || x.shape[d - lead] === 1 ? 0 : strides[d - lead]));
  return copy(backend, x, { offset: 0, strides: from }, backend.output(shape, x.dtype), viewOf(shape), shape);
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

/** The elements of x in the order of the given dimensions and strides, from the offset on. */
function reorder(
  backend: NativeBackend,
  x: TensorInfo,
  dims: readonly number[],
  strides: readonly number[],
  shape: readonly number[],
): TensorInfo {
  return copy(backend, x, { offset: 0, strides }, backend.output(shape, x.dtype), viewOf(dims), dims);
}

/** The only use of an intermediate result, which it releases. */
function using(backend: NativeBackend, intermediate: TensorInfo, use: (x: TensorInfo) => TensorInfo): TensorInfo {
  try {
    return use(intermediate);
  } finally {
    backend.disposeData(intermediate.dataId);
  }
}

function pad(backend: NativeBackend, x: TensorInfo, paddings: readonly [number, number][], value: number): TensorInfo {
  const shape = paddings.map(([before, after], d) => before + x.shape[d] + after);
  const out = backend.compute('Fill', [], shape, x.dtype, [value]);
  return copy(
    backend,
    x,
    viewOf(x.shape),
    out,
    viewFrom(
      shape,
      paddings.map(([before]) => before),
    ),
    x.shape,
  );
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
    util.assert(
      util.sizeFromShape(inferred) === util.sizeFromShape(x.shape),
      () =>
        `The new shape (${inferred}) has other elements than the old one (${x.shape}); their products must be equal.`,
    );
    return backend.alias(x, inferred);
  },
  ExpandDims: (backend, { input }, { dim }) => {
    util.assert(
      -(input.shape.length + 1) <= dim && dim <= input.shape.length,
      () => `expandDims: axis must be from ${-(input.shape.length + 1)} to ${input.shape.length}, found ${dim}`,
    );
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
    backend_util.assertParamsConsistent(
      parts.map((part) => part.shape),
      at,
    );
    return concat(backend, parts, at);
  },
  Pack: (backend, inputs, { axis }) => {
    const parts = Object.values(inputs);
    if (!parts.every((part) => isNative(part.dtype) && part.dtype === parts[0].dtype)) return undefined;
    return concat(
      backend,
      parts.map((part) => ({ ...part, dataId: part.dataId, shape: withDim(part.shape, axis, 1), dtype: part.dtype })),
      axis,
    );
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
  StridedSlice: (
    backend,
    { x },
    { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask },
  ) => {
    if (!isNative(x.dtype)) return undefined;
    const info = slice_util.sliceInfo(
      x.shape,
      begin,
      end,
      strides,
      beginMask,
      endMask,
      ellipsisMask,
      newAxisMask,
      shrinkAxisMask,
    );
    if (info.isIdentity) return backend.alias(x, info.finalShape);
    if (util.sizeFromShape(info.finalShape) === 0) return backend.output(info.finalShape, x.dtype);
    if (info.sliceDim0 || info.isSimpleSlice) {
      util.assert(x.shape.length >= 1, () => `Input must have rank at least 1, found ${x.shape.length}`);
      const size = slice_util.computeOutShape(info.begin, info.end, info.strides);
      return using(backend, slice(backend, x, info.begin, size), (part) => backend.alias(part, info.finalShape));
    }
    const dims = slice_util.computeOutShape(info.begin, info.end, info.strides);
    const steps = viewOf(x.shape).strides.map((stride, d) => stride * info.strides[d]);
    return copy(
      backend,
      x,
      { ...viewFrom(x.shape, info.begin), strides: steps },
      backend.output(info.finalShape, x.dtype),
      viewOf(dims),
      dims,
    );
  },
  PadV2: (backend, { x }, { paddings, constantValue }) =>
    isNative(x.dtype) ? pad(backend, x, paddings, constantValue) : undefined,
  // Each dimension in turn: what is before and after it are its own elements in reverse, without the edge ("reflect")
  // or with it.
  MirrorPad: (backend, { x }, { paddings, mode }) => {
    if (!isNative(x.dtype) || util.sizeFromShape(x.shape) === 0) return undefined;
    const edge = mode === 'reflect' ? 1 : 0;
    return (paddings as [number, number][]).reduce(
      (padded, [before, after], d) =>
        using(backend, padded, (from) => {
          const shape = from.shape.slice();
          shape[d] += before + after;
          const out = backend.output(shape, x.dtype);
          const source = viewOf(from.shape);
          const target = viewOf(shape);
          const mirrored = source.strides.map((stride, k) => (k === d ? -stride : stride));
          const put = (first: number, strides: readonly number[], to: number, count: number): void => {
            const dims = from.shape.map((size, k) => (k === d ? count : size));
            copy(
              backend,
              from,
              { offset: first * source.strides[d], strides },
              out,
              { offset: to * target.strides[d], strides: target.strides },
              dims,
            );
          };
          put(before - 1 + edge, mirrored, 0, before);
          put(0, source.strides, before, from.shape[d]);
          put(from.shape[d] - 1 - edge, mirrored, before + from.shape[d], after);
          return out;
        }),
      backend.alias(x),
    );
  },
  // [blocks of the first block dimension, …, batch] of the batch go to positions inside the blocks
  BatchToSpaceND: (backend, { x }, { blockShape, crops }) => {
    if (!isNative(x.dtype)) return undefined;
    const block = blockShape as number[];
    const batch = x.shape[0] / sizeBetween(block, 0, block.length);
    const { strides } = viewOf([...block, batch, ...x.shape.slice(1)]);
    const spatial = block.length;
    const order = [
      spatial,
      ...block.flatMap((_, d) => [spatial + 1 + d, d]),
      ...x.shape.slice(1 + spatial).map((_, d) => 2 * spatial + 1 + d),
    ];
    const from = [...block, batch, ...x.shape.slice(1)];
    const shape = [batch, ...block.map((size, d) => size * x.shape[1 + d]), ...x.shape.slice(1 + spatial)];
    const whole = reorder(
      backend,
      x,
      order.map((d) => from[d]),
      order.map((d) => strides[d]),
      shape,
    );
    return using(backend, whole, (y) =>
      slice(
        backend,
        y,
        [0, ...(crops as [number, number][]).map(([before]) => before), ...shape.slice(1 + spatial).map(() => 0)],
        [
          batch,
          ...(crops as [number, number][]).map(([before, after], d) => shape[1 + d] - before - after),
          ...shape.slice(1 + spatial),
        ],
      ),
    );
  },
  SpaceToBatchND: (backend, { x }, { blockShape, paddings }) => {
    if (!isNative(x.dtype)) return undefined;
    const block = blockShape as number[];
    const spatial = block.length;
    const rest = x.shape.slice(1 + spatial);
    return using(
      backend,
      pad(backend, x, [[0, 0], ...(paddings as [number, number][]), ...rest.map((): [number, number] => [0, 0])], 0),
      (padded) => {
        const from = [padded.shape[0], ...block.flatMap((size, d) => [padded.shape[1 + d] / size, size]), ...rest];
        const order = [
          ...block.map((_, d) => 2 + 2 * d),
          0,
          ...block.map((_, d) => 1 + 2 * d),
          ...rest.map((_, d) => 1 + 2 * spatial + d),
        ];
        const { strides } = viewOf(from);
        const shape = [
          padded.shape[0] * sizeBetween(block, 0, spatial),
          ...block.map((size, d) => padded.shape[1 + d] / size),
          ...rest,
        ];
        return reorder(
          backend,
          padded,
          order.map((d) => from[d]),
          order.map((d) => strides[d]),
          shape,
        );
      },
    );
  },
  DepthToSpace: (backend, { x }, { blockSize, dataFormat }) => {
    if (!isNative(x.dtype) || dataFormat !== 'NHWC') return undefined;
    const [batch, height, width, depth] = x.shape;
    const channels = depth / blockSize ** 2;
    const from = [batch, height, width, blockSize, blockSize, channels];
    const { strides } = viewOf(from);
    const order = [0, 1, 3, 2, 4, 5];
    return reorder(
      backend,
      x,
      order.map((d) => from[d]),
      order.map((d) => strides[d]),
      [batch, height * blockSize, width * blockSize, channels],
    );
  },
  Tile: (backend, { x }, { reps }) => {
    if (!isNative(x.dtype)) return undefined;
    const shape = x.shape.map((dim, d) => dim * reps[d]);
    const from = viewOf(x.shape);
    const to = viewOf(shape);
    const dims = x.shape.flatMap((dim, d) => [reps[d] as number, dim]);
    return copy(
      backend,
      x,
      { offset: 0, strides: from.strides.flatMap((stride) => [0, stride]) },
      backend.output(shape, x.dtype),
      { offset: 0, strides: to.strides.flatMap((stride, d) => [stride * x.shape[d], stride]) },
      dims,
    );
  },
  BroadcastTo: (backend, { x }, { shape }) => (isNative(x.dtype) ? broadcastTo(backend, x, shape) : undefined),
  Reverse: (backend, { x }, { dims }) => {
    if (!isNative(x.dtype)) return undefined;
    const axes = new Set(util.parseAxisParam(dims, x.shape));
    const { strides } = viewOf(x.shape);
    const size = util.sizeFromShape(x.shape);
    const offset =
      size === 0 ? 0 : strides.reduce((sum, stride, d) => (axes.has(d) ? sum + stride * (x.shape[d] - 1) : sum), 0);
    return copy(
      backend,
      x,
      { offset, strides: strides.map((stride, d) => (axes.has(d) ? -stride : stride)) },
      backend.output(x.shape, x.dtype),
      viewOf(x.shape),
      x.shape,
    );
  },
};
