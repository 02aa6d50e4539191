import { Identity, unregisterKernel, type TensorInfo } from '@tensorflow/tfjs-core';
import { registerWasmKernel, type WasmContext } from './wasmContext.js';

/** Replaces tfjs's wasm Identity, which copies: every tensor saved for a backward pass goes through it. Here it is one more reference. */
export function registerIdentity(context: WasmContext): void {
  unregisterKernel(Identity, 'wasm');
  registerWasmKernel<{ x: TensorInfo }, unknown>(Identity, ({ x }) => context.share(x));
}
