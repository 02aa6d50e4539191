import { engine } from '@tensorflow/tfjs-core';

/** Tensors that no gradient flows through: what `compute` does is not recorded. */
export function withoutGradient<T>(compute: () => T): T {
  const { state } = engine();
  state.kernelDepth++; // inside a kernel nothing is recorded
  try {
    return compute();
  } finally {
    state.kernelDepth--;
  }
}
