import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeBackend } from './nativeBackend.js';

/** A kernel's inputs by name; a list input (Concat) has the names 0, 1, …. */
export type KernelInputs = Record<string, TensorInfo>;
/** A kernel's attributes: tfjs gives them no more precise type. Each kernel declares what it reads. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type KernelAttributes = Record<string, any>;

/**
 * One tfjs kernel on the native backend. It returns undefined for inputs it does not cover (e.g. a rare type): the cpu
 * backend's kernel then runs on copies of them.
 */
export type NativeKernel = (
  backend: NativeBackend,
  inputs: KernelInputs,
  attrs: KernelAttributes,
) => TensorInfo | TensorInfo[] | undefined;
export type NativeKernels = Record<string, NativeKernel>;

/** How many elements dims[from] … dims[to - 1] span. */
export function sizeBetween(dims: readonly number[], from: number, to: number): number {
  let size = 1;
  for (let d = from; d < to; d++) size *= dims[d];
  return size;
}
