import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../nativeBackend.js';

/** Kernels of the activations that fused tfjs kernels end with; the rarer ones are the cpu backend's. */
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

/** The activation of y, in y's place. */
export function activate(backend: NativeBackend, y: TensorInfo, name: string): TensorInfo {
  const kernel = kernels[name];
  if (kernel) backend.run(kernel, [y, y]);
  return y;
}
