import {
  BatchToSpaceND,
  Concat,
  ExpandDims,
  GatherNd,
  GatherV2,
  MirrorPad,
  Pack,
  PadV2,
  Reshape,
  Reverse,
  ScatterNd,
  Slice,
  SpaceToBatchND,
  SplitV,
  Tile,
  Transpose,
  UnsortedSegmentSum,
  Unpack,
  add,
  batchToSpaceND,
  cast,
  concat,
  engine,
  gather,
  gatherND,
  greaterEqual,
  maximum,
  mirrorPad,
  mul,
  pad,
  reshape,
  reverse,
  scatterND,
  slice,
  slice_util,
  spaceToBatchND,
  split,
  stack,
  sum,
  transpose,
  unsortedSegmentSum,
  unstack,
  util,
  zeros,
  type Tensor,
  type Tensor1D,
} from '@tensorflow/tfjs-core';
import { ShapeError } from '../../../errors.js';
import { mask, registerExact, registerUnary, type Attrs } from './register.js';

/* Operations that only move elements: linear, so their gradients do not depend on the values moved. */

registerUnary(Reshape, (dy, x) => reshape(dy, x.shape));
registerUnary(ExpandDims, (dy, input) => reshape(dy, input.shape), 'input');
registerUnary(Transpose, (dy, _, attrs) => {
  const perm = attrs.perm as number[];
  return transpose(
    dy,
    perm.map((_unused, axis) => perm.indexOf(axis)),
  );
});
registerUnary(Reverse, (dy, x, attrs) => reverse(dy, util.parseAxisParam(attrs.dims as number[], x.shape)));
registerUnary(Slice, (dy, x, attrs) => {
  const [begin] = slice_util.parseSliceParams(x, attrs.begin as number[], attrs.size as number[]);
  return pad(
    dy,
    begin.map((start, axis) => [start, x.shape[axis] - start - dy.shape[axis]] as [number, number]),
  );
});
registerUnary(PadV2, (dy, x, attrs) =>
  slice(
    dy,
    (attrs.paddings as number[][]).map(([before]) => before),
    x.shape,
  ),
);
registerUnary(MirrorPad, (dy, x, attrs) => {
  // an element copied into the border adds to the gradient of its origin: number the elements, pad the numbers the same
  // way
  const paddings = attrs.paddings as [number, number][];
  const numbers = mirrorPad(reshape(rangeOf(x.size), x.shape), paddings, attrs.mode as 'reflect' | 'symmetric');
  return reshape(
    unsortedSegmentSum(reshape(dy, [dy.size]), cast(reshape(numbers, [dy.size]), 'int32') as Tensor1D, x.size),
    x.shape,
  );
});
registerUnary(SpaceToBatchND, (dy, _, attrs) =>
  batchToSpaceND(dy, attrs.blockShape as number[], attrs.paddings as number[][]),
);
registerUnary(BatchToSpaceND, (dy, _, attrs) =>
  spaceToBatchND(dy, attrs.blockShape as number[], attrs.crops as number[][]),
);
registerUnary(Tile, (dy, x, attrs) => {
  const reps = attrs.reps as number[];
  let gradient = dy;
  reps.forEach((count, axis) => {
    if (count === 1) return;
    gradient =
      x.shape[axis] === 1
        ? sum(gradient, axis, true)
        : split(gradient, count, axis).reduce((total, part) => add(total, part));
  });
  return gradient;
});

function rangeOf(count: number): Tensor {
  return engine().makeTensor(
    Float32Array.from({ length: count }, (_, i) => i),
    [count],
    'float32',
  );
}

registerExact({
  kernelName: Concat,
  saveAllInputs: true,
  gradFunc: (dy, saved, attrs) => {
    const [axis] = util.parseAxisParam((attrs as Attrs).axis as number, saved[0].shape);
    let start = 0;
    return Object.fromEntries(
      saved.map((part, i) => {
        const begin = part.shape.map((_, a) => (a === axis ? start : 0));
        start += part.shape[axis];
        return [i, () => slice(dy as Tensor, begin, part.shape)];
      }),
    );
  },
});

// dy is one tensor if there is one part
registerExact({
  kernelName: SplitV,
  gradFunc: (dy, _, attrs) => ({ x: () => concat([dy].flat(), (attrs as Attrs).axis as number) }),
});
registerExact({
  kernelName: Unpack,
  gradFunc: (dy, _, attrs) => ({ value: () => stack([dy].flat(), (attrs as Attrs).axis as number) }),
});
registerExact({
  kernelName: Pack,
  saveAllInputs: true,
  gradFunc: (dy, saved, attrs) => {
    const parts = unstack(dy as Tensor, (attrs as Attrs).axis as number);
    return Object.fromEntries(saved.map((_, i) => [i, () => parts[i]]));
  },
});

registerExact({
  kernelName: GatherV2,
  inputsToSave: ['x', 'indices'],
  gradFunc: (dyAny, [x, indices], attrs) => {
    const dy = dyAny as Tensor;
    const axis = util.parseAxisParam((attrs as Attrs).axis as number, x.shape)[0];
    return {
      x: () => gatherGradient(dy, x.shape, indices, axis, (attrs as Attrs).batchDims as number),
      indices: () => zeros(indices.shape),
    };
  },
});

/** Adds each slice of dy to where `gather` took it from. */
function gatherGradient(dy: Tensor, shape: number[], indices: Tensor, axis: number, batchDims = 0): Tensor {
  if (batchDims !== 0 && batchDims !== axis) {
    throw new ShapeError(
      `the gradient of gather needs batchDims 0 or equal to axis, found batchDims ${batchDims} and axis ${axis}. Transpose the tensor first.`,
    );
  }
  const size = shape[axis];
  const outer = util.sizeFromShape(shape.slice(0, axis));
  const inner = util.sizeFromShape(shape.slice(axis + 1));
  // every outer row has its own range of `size` segments
  const ids = indices.dataSync();
  const perRow = batchDims === 0 ? ids.length : ids.length / outer;
  const segments = Int32Array.from(
    { length: outer * perRow },
    (_, i) => Math.floor(i / perRow) * size + ids[batchDims === 0 ? i % perRow : i],
  );
  const segmentIds = engine().makeTensor(segments, [segments.length], 'int32') as Tensor1D;
  return reshape(unsortedSegmentSum(reshape(dy, [outer * perRow, inner]), segmentIds, outer * size), shape);
}

registerExact({
  kernelName: UnsortedSegmentSum,
  inputsToSave: ['segmentIds'],
  gradFunc: (dyAny, [segmentIds]) => ({
    x: () => {
      // elements with a negative id were left out of the sums
      const rows = gather(dyAny as Tensor, cast(maximum(segmentIds, 0), 'int32') as Tensor1D);
      const kept = mask(() => greaterEqual(segmentIds, 0));
      return mul(rows, reshape(kept, [...segmentIds.shape, ...Array<number>(rows.rank - 1).fill(1)]));
    },
    segmentIds: () => zeros(segmentIds.shape),
  }),
});

registerExact({
  kernelName: GatherNd,
  inputsToSave: ['params', 'indices'],
  gradFunc: (dy, [params, indices]) => ({
    params: () => scatterND(indices, dy as Tensor, params.shape as never),
    indices: () => zeros(indices.shape),
  }),
});

registerExact({
  kernelName: ScatterNd,
  inputsToSave: ['indices'],
  gradFunc: (dy, [indices]) => ({
    updates: () => gatherND(dy as Tensor, indices),
    indices: () => zeros(indices.shape),
  }),
});
