import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../nativeBackend.js';

/** Kernels of the activations at the end of fused tfjs kernels; the cpu backend computes the rarer ones. */
const kernels: Readonly<Record<string, string | undefined>> = {
  linear: '',
  relu: 'Relu',
  relu6: 'Relu6',
  elu: 'Elu',
  sigmoid: 'Sigmoid',
};

export function hasActivation(name: string): boolean {
  return kernels[name] !== undefined;
}

/** The activation of y; it replaces y. */
export function activate(backend: NativeBackend, y: TensorInfo, name: string): TensorInfo {
  const kernel = kernels[name];
  if (kernel) backend.run(kernel, [y, y]);
  return y;
}
