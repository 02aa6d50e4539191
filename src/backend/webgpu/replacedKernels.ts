import {
  AddN,
  All,
  Any,
  backend_util,
  BatchMatMul,
  broadcast_util,
  GatherV2,
  getKernel,
  registerKernel,
  ScatterNd,
  Max,
  Mean,
  Min,
  Prod,
  Sum,
  Tile,
  unregisterKernel,
  UnsortedSegmentSum,
  util,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { sumBySegment } from './segmentSums.js';
import { elementType, threadHeader } from './wgsl.js';
import type { GpuBackend } from './webGpuBackend.js';

type Kernel = (inputs: NamedTensorInfoMap, attrs: NamedAttrMap) => TensorInfo;

/** Replaces kernels of tfjs's backend that are wrong for some inputs, or not the same from run to run. */
export function registerReplacedKernels(backend: GpuBackend): void {
  const replace = (kernelName: string, make: (tfjs: Kernel) => Kernel): void => {
    const replacement = make(kernelOf(backend, kernelName));
    unregisterKernel(kernelName, 'webgpu');
    registerKernel({
      kernelName,
      backendName: 'webgpu',
      kernelFunc: ({ inputs, attrs }) => replacement(inputs, attrs ?? {}),
    });
  };
  for (const [name, empty] of Object.entries(ofNothing)) replace(name, (tfjs) => reductionOfAny(backend, tfjs, empty));
  replace(AddN, (tfjs) => addNInGroups(backend, tfjs));
  replace(BatchMatMul, (tfjs) => matMulOfAnyBatches(backend, tfjs));
  replace(GatherV2, (tfjs) => checkedGather(backend, tfjs));
  replace(ScatterNd, () => orderedScatter(backend));
  replace(UnsortedSegmentSum, () => orderedSegmentSum(backend));
}

/** What a reduction of no elements gives, as on the cpu backend. */
const ofNothing: Readonly<Record<string, number>> = {
  [Sum]: 0,
  [Mean]: 0,
  [Prod]: 1,
  [Max]: NaN,
  [Min]: NaN,
  [All]: 1,
  [Any]: 0,
};

/** tfjs divides the number of elements by the length of a row, which is NaN for a tensor without elements. */
function reductionOfAny(backend: GpuBackend, tfjs: Kernel, empty: number): Kernel {
  return (inputs, attrs) => {
    const { shape, dtype } = inputs.x!;
    if (util.sizeFromShape(shape) > 0) return tfjs(inputs, attrs);
    const axes = util.parseAxisParam((attrs.axis ?? attrs.reductionIndices) as number | number[], shape);
    const [rest] = backend_util.computeOutAndReduceShapes(shape, axes);
    const size = util.sizeFromShape(rest);
    const values = (util.makeOnesTypedArray(size, dtype) as Float32Array).fill(empty);
    return backend.makeTensorInfo(attrs.keepDims ? backend_util.expandShapeToKeepDim(rest, axes) : rest, dtype, values);
  };
}

function kernelOf(backend: GpuBackend, kernelName: string): Kernel {
  const { kernelFunc } = getKernel(kernelName, 'webgpu');
  return (inputs, attrs) => kernelFunc({ inputs, attrs, backend }) as TensorInfo;
}

/** A program binds each input to a storage buffer, and the device has few: 8 to 16, one of them for the sum. */
function addNInGroups(backend: GpuBackend, tfjs: Kernel): Kernel {
  const atOnce = backend.device.limits.maxStorageBuffersPerShaderStage - 1;
  return (inputs, attrs) => {
    let [sum, ...others] = Object.values(inputs as Record<string, TensorInfo>);
    let isOwn = false;
    do {
      const group = [sum, ...others.slice(0, atOnce - 1)];
      others = others.slice(atOnce - 1);
      const next = tfjs(group as unknown as NamedTensorInfoMap, attrs);
      if (isOwn) backend.disposeData(sum.dataId);
      sum = next;
      isOwn = true;
    } while (others.length > 0);
    return sum;
  };
}

/**
 * tfjs takes the larger of the two numbers of matrices and repeats the shorter list, which is right only if the other
 * one has all matrices or a single one. Other operands are repeated here.
 */
function matMulOfAnyBatches(backend: GpuBackend, tfjs: Kernel): Kernel {
  const tile = kernelOf(backend, Tile);
  return (inputs, attrs) => {
    const operands = [inputs.a!, inputs.b!];
    const batches = operands.map(({ shape }) => shape.slice(0, -2));
    const all = broadcast_util.assertAndGetBroadcastShape(batches[0], batches[1]);
    const count = util.sizeFromShape(all);
    const [rows, inner] = operands[0].shape.slice(-2);
    const columns = operands[1].shape.at(attrs.transposeB ? -2 : -1)!;
    const shape = [...all, attrs.transposeA ? inner : rows, columns];
    if ([...operands, { shape }].some(({ shape: of }) => util.sizeFromShape(of) === 0))
      return backend.makeTensorInfo(shape, 'float32', new Float32Array(util.sizeFromShape(shape)));
    const repeated = operands.map((operand, i) => {
      const size = util.sizeFromShape(batches[i]);
      if (size === count || size === 1) return operand;
      const padded = [...Array<number>(all.length - batches[i].length).fill(1), ...operand.shape];
      const reps = padded.map((length, axis) => (axis < all.length ? all[axis] / length : 1));
      return tile({ x: { ...operand, shape: padded } }, { reps });
    });
    const product = tfjs({ ...inputs, a: repeated[0], b: repeated[1] }, attrs);
    repeated.forEach((operand, i) => operand !== operands[i] && backend.disposeData(operand.dataId));
    return product;
  };
}

const gatherCode = (type: string): string => `
struct Sizes { length: u32, indices: u32, inner: u32, size: u32 }
@group(0) @binding(0) var<storage, read_write> gathered: array<${type}>;
@group(0) @binding(1) var<storage, read> x: array<${type}>;
@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

${threadHeader}
  if (thread >= sizes.size) { return; }
  let column = thread % sizes.inner;
  let outer = thread / sizes.inner / sizes.indices;
  let index = indices[thread / sizes.inner % sizes.indices];
  var value = ${type}(0);
  if (index >= 0 && u32(index) < sizes.length) {
    value = x[(outer * sizes.length + u32(index)) * sizes.inner + column];
  }
  gathered[thread] = value;
}`;

/**
 * Values at indices. An index that is out of range is an error, as on the cpu backend, if JavaScript knows it, and
 * otherwise gives zeros. tfjs's program takes zero times another value, which is NaN if that is not finite.
 */
function checkedGather(backend: GpuBackend, tfjs: Kernel): Kernel {
  return (inputs, attrs) => {
    const [x, indices] = [inputs.x!, inputs.indices!];
    if (attrs.batchDims) return tfjs(inputs, attrs);
    const [axis] = util.parseAxisParam(attrs.axis as number, x.shape);
    for (const index of Array.from(backend.knownIntegers(indices) ?? []))
      if (!(index >= 0 && index < x.shape[axis]))
        throw new Error(`GatherV2: the index value ${index} is not in [0, ${x.shape[axis] - 1}]`);
    const inner = util.sizeFromShape(x.shape.slice(axis + 1));
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    const gathered = backend.makeTensorInfo(shape, x.dtype);
    const size = util.sizeFromShape(shape);
    const type = elementType(x.dtype);
    backend.compute({
      key: `ColdstartGather ${type}`,
      code: () => gatherCode(type),
      outputs: [gathered],
      inputs: [x, indices],
      uniforms: [x.shape[axis], util.sizeFromShape(indices.shape), inner, size],
      threads: size,
    });
    return gathered;
  };
}

/** Rows of x whose id is negative or too large are left out. */
function orderedSegmentSum(backend: GpuBackend): Kernel {
  return ({ x, segmentIds }, { numSegments }) => {
    const segments = numSegments as number;
    const shape = [segments, ...x!.shape.slice(segmentIds!.shape.length)];
    return sumBySegment(backend, x!, backend.integers(segmentIds!), segments, shape);
  };
}

/** The slices of a result are segments, numbered by their indices. */
function orderedScatter(backend: GpuBackend): Kernel {
  return ({ indices, updates }, attrs) => {
    const shape = attrs.shape as number[];
    const { sliceRank, numUpdates, strides } = backend_util.calculateShapes(updates!, indices!, shape);
    const slices = util.sizeFromShape(shape.slice(0, sliceRank));
    const values = backend.integers(indices!);
    const ids = Int32Array.from({ length: numUpdates }, (_, update) => {
      let id = 0;
      for (let axis = 0; axis < sliceRank; axis++) {
        const index = values[update * sliceRank + axis];
        if (!(index >= 0 && index < shape[axis]))
          throw new Error(`ScatterNd: the index value ${index} is not in [0, ${shape[axis] - 1}]`);
        id += index * strides[axis];
      }
      return id;
    });
    return sumBySegment(backend, updates!, ids, slices, shape);
  };
}
