import { registerKernel, UnsortedSegmentSum, util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';

/**
 * The segment sum that tfjs's wasm backend lacks and the gradient of gather needs: row s of the result is the sum of the
 * rows of x whose segment id is s; other ids are dropped.
 */
export function registerUnsortedSegmentSum(): void {
  registerKernel({
    kernelName: UnsortedSegmentSum,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend: anyBackend }) => {
      const backend = anyBackend as BackendWasm;
      const { x, segmentIds } = inputs as { x: TensorInfo; segmentIds: TensorInfo };
      const numSegments = (attrs as { numSegments?: number }).numSegments!;
      const rowShape = x.shape.slice(segmentIds.shape.length);
      const rowSize = util.sizeFromShape(rowShape);
      const out = backend.makeOutput([numSegments, ...rowShape], x.dtype);
      // Views are made after the output, since making it may move the memory.
      const [rows, ids, sums] = [x, segmentIds, out].map((info) => backend.typedArrayFromHeap(info));
      sums.fill(0);
      ids.forEach((id, n) => {
        if (id < 0 || id >= numSegments) return;
        for (let i = 0; i < rowSize; i++) sums[id * rowSize + i] += rows[n * rowSize + i];
      });
      return out;
    },
  });
}
