import { setImmediate as yieldToEvents } from 'node:timers/promises';
import {
  engine,
  getKernel,
  getKernelsForBackend,
  registerBackend,
  registerKernel,
  removeBackend,
  setBackend,
  unregisterKernel,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import type { NativeAddon } from './addon.js';
import { fusedKernels } from './kernels/fused.js';
import { nativeKernels, withCpuTwin } from './loadNative.js';
import { NativeBackend } from './nativeBackend.js';

const backendName = 'counting';

/** Replaces the compiled addon: counts bytes without allocating any. Every value read is 1. */
class ByteCounter implements NativeAddon {
  private readonly sizes: number[] = [];
  private readonly freeHandles: number[] = [];
  private liveBytes = 0;
  peakBytes = 0;

  /** @param extra bytes that a kernel holds while it runs */
  notePeak(extra = 0): void {
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes + extra);
  }

  allocate(bytes: number): number {
    const handle = this.freeHandles.pop() ?? this.sizes.length;
    this.sizes[handle] = bytes;
    this.liveBytes += bytes;
    this.notePeak();
    return handle;
  }

  release(handle: number): void {
    this.liveBytes -= this.sizes[handle];
    this.freeHandles.push(handle);
  }

  read(_: number, values: ArrayBufferView): void {
    (values as Float32Array).fill(1);
  }

  memory(): ReturnType<NativeAddon['memory']> {
    const { liveBytes, peakBytes } = this;
    return {
      liveBlocks: this.sizes.length - this.freeHandles.length,
      liveBytes,
      cachedBytes: 0,
      peakBytes,
      primitives: 0,
    };
  }

  info(): ReturnType<NativeAddon['info']> {
    return { version: '', oneDnnVersion: '', instructionSet: '', threads: 1, bf16: 'avx512' };
  }

  kernelNames = (): string[] => [];
  run = (): void => undefined;
  write = (): void => undefined;
  setCallBuffer = (): void => undefined;
  trimMemory = (): void => undefined;
  setPoison = (): void => undefined;
  setThreads = (): void => undefined;
  setPrecision = (): void => undefined;
}

/** Computes the size of every tensor and no values. */
class CountingBackend extends NativeBackend {
  constructor(private readonly counter: ByteCounter) {
    super(counter);
  }

  override run(kernel: string, tensors: readonly TensorInfo[]): void {
    this.counter.notePeak(scratchBytes(kernel, tensors));
  }
}

/** Rows that the cross-entropy takes at a time (native/kernels/crossEntropy.cpp, crossEntropyHessian.cpp). */
const lossBlockRows = 256;

/** Memory that the compiled kernels allocate in addition to their outputs, if it is not small. */
function scratchBytes(kernel: string, [first, second]: readonly TensorInfo[]): number {
  const elements = ({ shape }: TensorInfo): number => shape.reduce((a, b) => a * b, 1);
  if (kernel === 'CrossEntropy') return 4 * (elements(second) + lossBlockRows * second.shape[0]);
  if (kernel === 'CrossEntropyHessian') return 4 * 2 * lossBlockRows * second.shape[0];
  return kernel === 'LinearGrad' ? 4 * elements(first) : 0;
}

/**
 * The peak of bytes that the tensors of a computation take on the current backend, without computing it: every
 * operation only computes the sizes of its outputs, so the time does not depend on the size of the batch.
 *
 * Values that the computation reads back are all 1. Its tensors must not be used outside of it, and those of others not
 * in it. tfjs has one current backend for all, so nothing else may compute until the promise is kept; counts wait for
 * each other.
 * @param allFused fused kernels are those of the native engine; by default those that the current backend has
 */
export function countTensorBytes(compute: () => void | Promise<void>, allFused = false): Promise<number> {
  // one after another: each makes its backend the current one, and gives it back to the one before
  const count = lastCount.then(() => countNow(compute, allFused));
  lastCount = count.then(
    () => undefined,
    () => undefined,
  );
  return count;
}

let lastCount: Promise<void> = Promise.resolve();

async function countNow(compute: () => void | Promise<void>, allFused: boolean): Promise<number> {
  await yieldToEvents(); // lets signals in
  const before = engine().backendName;
  const counter = new ByteCounter();
  const kernels = Object.entries(nativeKernels).filter(
    ([name]) => allFused || fusedKernels[name] === undefined || getKernel(name, before) != null,
  );
  registerBackend(backendName, () => new CountingBackend(counter));
  for (const [kernelName, kernel] of kernels)
    registerKernel({ kernelName, backendName, kernelFunc: withCpuTwin(kernelName, kernel) });
  try {
    await setBackend(backendName);
    await compute();
    return counter.peakBytes;
  } finally {
    await setBackend(before);
    for (const { kernelName } of getKernelsForBackend(backendName)) unregisterKernel(kernelName, backendName);
    removeBackend(backendName);
  }
}
