import '../cpuMatMul.js';
import { getKernelsForBackend, registerBackend, registerKernel, type KernelFunc } from '@tensorflow/tfjs-core';
import { loadAddon } from './addon.js';
import { runCpuTwin } from './cpuTwin.js';
import type { KernelAttributes, KernelInputs, NativeKernel, NativeKernels } from './kernel.js';
import { binaryKernels } from './kernels/binary.js';
import { convolutionKernels } from './kernels/convolution.js';
import { fusedKernels } from './kernels/fused.js';
import { indexingKernels } from './kernels/indexing.js';
import { matMulKernels } from './kernels/matMul.js';
import { movementKernels } from './kernels/movement.js';
import { reduceKernels } from './kernels/reduce.js';
import { unaryKernels } from './kernels/unary.js';
import { NativeBackend } from './nativeBackend.js';

/** Every kernel with compiled code. */
export const nativeKernels: NativeKernels = {
  ...unaryKernels,
  ...binaryKernels,
  ...movementKernels,
  ...reduceKernels,
  ...indexingKernels,
  ...matMulKernels,
  ...convolutionKernels,
  ...fusedKernels,
};

let backend: NativeBackend | undefined;

/**
 * Registers the backend `native` and its kernels; a second call changes nothing.
 * @returns one line for `doctor`: versions, instruction set, threads, bf16
 * @throws ColdstartError if the addon is missing or does not load
 */
export function loadNative(): string {
  if (backend === undefined) {
    const loaded = new NativeBackend(loadAddon());
    registerBackend('native', () => loaded, 3);
    for (const [kernelName, kernel] of Object.entries(nativeKernels)) {
      registerKernel({ kernelName, backendName: 'native', kernelFunc: withCpuTwin(kernelName, kernel) });
    }
    for (const kernelName of kernelsOfCpuTwin())
      registerKernel({ kernelName, backendName: 'native', kernelFunc: withCpuTwin(kernelName, () => undefined) });
    backend = loaded;
  }
  const { version, oneDnnVersion, instructionSet, threads, bf16 } = backend.addon.info();
  return `version ${version}, oneDNN ${oneDnnVersion}, ${instructionSet}, ${threads} thread${threads === 1 ? '' : 's'}, ${bf16 === '' ? 'no bf16' : `bf16 through ${bf16 === 'amx' ? 'AMX' : 'AVX-512'}`}`;
}

/**
 * tfjs kernels that have no compiled code and run as the cpu backend's on copies of their inputs, in the order of their
 * names.
 */
export function kernelsOfCpuTwin(): string[] {
  return getKernelsForBackend('cpu')
    .map(({ kernelName }) => kernelName)
    .filter((name) => nativeKernels[name] === undefined)
    .sort();
}

/** The loaded backend, for functions without a tfjs interface: profiles, precision, memory tests. */
export function nativeBackend(): NativeBackend {
  loadNative();
  return backend as NativeBackend;
}

export function withCpuTwin(kernelName: string, kernel: NativeKernel): KernelFunc {
  return ({ inputs, attrs, backend: current }) => {
    const native = current as NativeBackend;
    const named = inputs as unknown as KernelInputs;
    const attributes = (attrs ?? {}) as KernelAttributes;
    return kernel(native, named, attributes) ?? runCpuTwin(native, kernelName, named, attributes);
  };
}
