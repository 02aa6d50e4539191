import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { engine, getKernel, type NamedAttrMap, type TensorInfo } from '@tensorflow/tfjs-core';
import type { KernelAttributes, KernelInputs } from './kernel.js';
import type { NativeBackend } from './nativeBackend.js';

/**
 * Runs the cpu backend's kernel on copies of native tensors: for kernels and types too rare in training to have
 * compiled code, so that any tfjs model runs.
 */
export function runCpuTwin(
  backend: NativeBackend,
  name: string,
  inputs: KernelInputs,
  attrs: KernelAttributes,
): TensorInfo | TensorInfo[] {
  const cpu = cpuBackend();
  const kernel = getKernel(name, 'cpu');
  if (kernel == null) throw new Error(`Neither the native backend nor the cpu backend has the kernel '${name}'.`);
  const copies: TensorInfo[] = [];
  // an input is a tensor, a list of tensors, or absent
  const copyIn = (x: TensorInfo | TensorInfo[] | undefined): unknown => {
    if (x == null) return undefined;
    if (Array.isArray(x)) return x.map(copyIn);
    const copy = toCpu(backend, cpu, x);
    copies.push(copy);
    return { ...copy, rank: x.shape.length }; // some kernels expect a Tensor's rank
  };
  const cpuInputs = (
    Array.isArray(inputs)
      ? inputs.map(copyIn)
      : Object.fromEntries(Object.entries(inputs).map(([key, x]) => [key, copyIn(x)]))
  ) as KernelInputs;
  try {
    const outputs = kernel.kernelFunc({ inputs: cpuInputs, attrs: attrs as NamedAttrMap, backend: cpu });
    const copyOut = (x: TensorInfo): TensorInfo => {
      copies.push(x);
      return toNative(backend, cpu, x);
    };
    return Array.isArray(outputs) ? outputs.map(copyOut) : copyOut(outputs);
  } finally {
    for (const copy of copies) cpu.disposeData(copy.dataId);
  }
}

function cpuBackend(): MathBackendCPU {
  const cpu = engine().findBackend('cpu') as MathBackendCPU;
  // its first use prints an advertisement for tfjs-node
  (cpu as unknown as { firstUse: boolean }).firstUse = false;
  return cpu;
}

function toCpu(backend: NativeBackend, cpu: MathBackendCPU, x: TensorInfo): TensorInfo {
  const parts = x.dtype === 'complex64' ? backend.complexParts(x) : undefined;
  if (parts === undefined) return cpu.makeTensorInfo(x.shape, x.dtype, backend.readSync(x.dataId));
  const real = toCpu(backend, cpu, { ...parts.real, shape: x.shape });
  const imag = toCpu(backend, cpu, { ...parts.imag, shape: x.shape });
  const complex = getKernel('Complex', 'cpu').kernelFunc({
    inputs: { real, imag },
    attrs: {},
    backend: cpu,
  }) as TensorInfo;
  cpu.disposeData(real.dataId);
  cpu.disposeData(imag.dataId);
  return complex;
}

function toNative(backend: NativeBackend, cpu: MathBackendCPU, x: TensorInfo): TensorInfo {
  return { dataId: backend.write(cpu.readSync(x.dataId), x.shape, x.dtype), shape: x.shape, dtype: x.dtype };
}
