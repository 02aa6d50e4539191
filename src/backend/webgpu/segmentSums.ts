import { util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { GpuBackend } from './webGpuBackend.js';
import { elementType, runProgram, threadHeader } from './wgsl.js';

/**
 * Adds the rows of a segment in their order. tfjs's own programs add with atomic operations, in an order that differs
 * from run to run, and wrap ids that are too large.
 * @param ids the segment of each row of x; rows whose id is negative or too large are left out
 * @param shape of the sums: all segments, each as large as a row
 * @param scale multiplies the sums, of float32 only
 */
export function sumBySegment(
  backend: GpuBackend,
  x: TensorInfo,
  ids: ArrayLike<number>,
  segments: number,
  shape: number[],
  scale?: number,
): TensorInfo {
  const size = util.sizeFromShape(shape);
  const plan = rowsBySegment(ids, segments);
  const integers = (values: Int32Array): TensorInfo => backend.makeTensorInfo([values.length], 'int32', values);
  const [order, starts] = [integers(plan.order), integers(plan.starts)];
  const sums = backend.makeTensorInfo(shape, x.dtype);
  const type = elementType(x.dtype);
  runProgram(backend, {
    key: `ColdstartSegmentSum ${type} ${scale !== undefined}`,
    code: () => `${threadHeader}
  if (thread >= given.segments * given.columns) { return; }
  let segment = thread / given.columns;
  let column = thread % given.columns;
  var sum = ${type}(0);
  for (var i = starts[segment]; i < starts[segment + 1u]; i++) {
    sum += x[u32(order[i]) * given.columns + column];
  }
  sums[thread] = sum${scale === undefined ? '' : ' * given.scale'};
}`,
    outputs: { sums },
    inputs: { x, order, starts },
    integers: { segments, columns: size / segments },
    ...(scale !== undefined && { floats: { scale } }),
    groups: Math.ceil(size / 64),
    groupSize: 64,
  });
  for (const { dataId } of [order, starts]) backend.disposeData(dataId);
  return sums;
}

/** The rows of segment s are order[starts[s]] to order[starts[s + 1] - 1], in rising order. */
function rowsBySegment(ids: ArrayLike<number>, segments: number): { order: Int32Array; starts: Int32Array } {
  const starts = new Int32Array(segments + 1);
  const isIn = (id: number): boolean => id >= 0 && id < segments;
  for (let row = 0; row < ids.length; row++) if (isIn(ids[row])) starts[ids[row] + 1]++;
  for (let segment = 0; segment < segments; segment++) starts[segment + 1] += starts[segment];
  const order = new Int32Array(ids.length);
  const next = starts.slice();
  for (let row = 0; row < ids.length; row++) if (isIn(ids[row])) order[next[ids[row]]++] = row;
  return { order, starts };
}
