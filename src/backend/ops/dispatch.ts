import '../autodiff/exactGradients.js';
import {
  customGrad,
  engine,
  getBackend,
  getKernel,
  type NamedAttrMap,
  type NamedTensorMap,
  type Tensor,
} from '@tensorflow/tfjs-core';

/**
 * Whether the fused kernel of this name may run now: the current backend has it, and no gradient of a gradient is being
 * recorded. Fused kernels have first derivatives only; inside a nested gradient the composed twin runs instead, so that
 * second derivatives are exact. (The engine's gradientDepth counts open gradient calls; two or more means nested.)
 */
export function hasFusedKernel(name: string): boolean {
  return engine().state.gradientDepth <= 1 && hasKernel(name);
}

/**
 * Whether kernels that have second derivatives but no third may run now: the current backend has them all, and the
 * recorded gradient is a second derivative, not a higher one (MetaInit differentiates three times).
 */
export function hasTwiceDifferentiableKernels(...names: string[]): boolean {
  return engine().state.gradientDepth <= 2 && names.every(hasKernel);
}

/** Whether the current backend has a kernel of this name. Linear operations, exact to any order, need only this. */
export function hasKernel(name: string): boolean {
  return getKernel(name, getBackend()) != null;
}

/** Whether a gradient is being recorded, so that tensors for the backward pass must be kept. */
export function isRecording(): boolean {
  return engine().isTapeOn();
}

/**
 * Runs a fused kernel and returns its outputs.
 * @param inputs by name; those that are undefined are left out
 */
export function runFused(name: string, inputs: Record<string, Tensor | undefined> | Tensor[], attrs: object): Tensor[] {
  const present = Array.isArray(inputs)
    ? inputs
    : Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor !== undefined));
  const outputs = engine().runKernel(name, present as NamedTensorMap, attrs as NamedAttrMap) as Tensor | Tensor[];
  return Array.isArray(outputs) ? outputs : [outputs];
}

/**
 * A fused operation with its fused gradient.
 *
 * @param inputs the tensors that receive a gradient
 * @param forward runs the kernel; its first output is the value, and `saved` is what the backward pass needs
 * @param backward one gradient per input, from dy and the saved tensors
 */
export function fusedWithGradient(
  inputs: Tensor[],
  forward: () => { value: Tensor; saved: Tensor[] },
  backward: (dy: Tensor, saved: Tensor[]) => Tensor[],
): Tensor {
  return customGrad((...inputsAndSave) => {
    const save = inputsAndSave[inputs.length] as unknown as (tensors: Tensor[]) => void;
    const { value, saved } = forward();
    save(saved);
    return {
      value,
      gradFunc: (dy: Tensor, kept: Tensor[]) => {
        assertFirstOrder();
        return backward(dy, kept);
      },
    };
  })(...inputs);
}

/** Stops a gradient of a gradient from passing through a fused kernel, where it would be silently wrong. */
export function assertFirstOrder(): void {
  if (engine().state.gradientDepth > 0) {
    throw new Error(
      'A fused operation was recorded outside of a nested gradient but is differentiated inside one. ' +
        'Compute the value inside the innermost gradient function instead.',
    );
  }
}
