import { engine } from '@tensorflow/tfjs-core';

/** The tensors that `compute` gives, without recording: no gradient flows through them. */
export function withoutGradient<T>(compute: () => T): T {
  const { state } = engine();
  state.kernelDepth++; // inside a kernel nothing is recorded
  try {
    return compute();
  } finally {
    state.kernelDepth--;
  }
}
