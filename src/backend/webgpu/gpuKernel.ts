import { registerKernel, type NamedAttrMap, type TensorInfo } from '@tensorflow/tfjs-core';

/** Registers a kernel of the webgpu backend whose inputs and attributes have these types. */
export function registerGpuKernel<Inputs, Attrs>(
  kernelName: string,
  run: (inputs: Inputs, attrs: Attrs) => TensorInfo | TensorInfo[],
): void {
  registerKernel({
    kernelName,
    backendName: 'webgpu',
    kernelFunc: ({ inputs, attrs }) => run(inputs as Inputs, attrs as NamedAttrMap as Attrs),
  });
}
