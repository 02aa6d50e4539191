import { registerKernel, type TensorInfo } from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { ColdstartError } from '../../errors.js';
import { dropThreshold } from '../ops/dropout.js';
import type { DropoutDraw } from '../ops/dropoutDraw.js';
import { philoxKey } from '../../random/philox.js';
import type { CompiledKernels, DropoutArguments } from './compiledKernels.js';

/**
 * The environment of a kernel function: the backend's tensors as addresses, new tensors, scratch memory, the compiled
 * code.
 */
export class WasmContext {
  private scratchAddress = 0;
  private scratchSize = 0;

  constructor(
    private readonly backend: BackendWasm,
    readonly kernels: CompiledKernels,
    private readonly memory: WebAssembly.Memory,
  ) {}

  /** The tensor's address, 0 for an input that is absent. */
  address(tensor: TensorInfo | undefined): number {
    return tensor === undefined ? 0 : this.backend.dataIdMap.get(tensor.dataId).memoryOffset;
  }

  /** A new tensor, its elements not yet written. @throws ColdstartError if memory has run out */
  output(shape: readonly number[], dtype: 'float32' | 'int32' = 'float32'): TensorInfo {
    return this.backend.makeOutput([...shape], dtype);
  }

  /** Another tensor with the same elements. */
  share({ dataId, shape, dtype }: TensorInfo): TensorInfo {
    this.backend.incRef(dataId);
    return { dataId, shape, dtype };
  }

  /** Frees a tensor made by `output` that is not returned. */
  release(tensor: TensorInfo): void {
    this.backend.disposeData(tensor.dataId);
  }

  /** A scalar tensor. */
  scalar(value: number): TensorInfo {
    return this.backend.makeOutput([], 'float32', undefined, Float32Array.of(value));
  }

  /** One element of an int32 tensor. */
  readInt32(tensor: TensorInfo, position: number): number {
    return new Int32Array(this.memory.buffer, this.address(tensor))[position];
  }

  /** The backend's float64 numbers from an address on. */
  readFloat64(address: number, count: number): Float64Array {
    return new Float64Array(this.memory.buffer.slice(address, address + 8 * count));
  }

  /**
   * Memory for the duration of one kernel, reused by later kernels, so that a training step does not fragment the heap.
   * 16-byte aligned. @throws ColdstartError if memory has run out
   */
  scratch(bytes: number): number {
    if (bytes > this.scratchSize) {
      const wasm = this.backend.wasm as unknown as Allocator;
      if (this.scratchSize > 0) wasm._free(this.scratchAddress);
      this.scratchSize = 0;
      this.scratchAddress = wasm._malloc(bytes + 16) >>> 0;
      this.scratchSize = bytes;
    }
    return ((this.scratchAddress + 15) & ~15) >>> 0;
  }

  /** c [rows, columns] = a b (+ bias), or c += a b. Strides are of element (row, column) in floats; scratch is used. */
  multiply(
    size: { rows: number; columns: number; depth: number },
    a: StridedMatrix,
    b: StridedMatrix,
    c: number,
    options: { bias?: number; accumulate?: boolean; relu?: boolean } = {},
  ): void {
    const { rows, columns, depth } = size;
    const packedBytes = this.kernels.packedBytes(depth, columns);
    const packed = this.scratch(packedBytes + this.kernels.gemmScratchBytes());
    this.kernels.packB(depth, columns, b.address, b.rowStride, b.columnStride, packed);
    this.kernels.gemmPacked(
      rows,
      columns,
      depth,
      a.address,
      a.rowStride,
      a.columnStride,
      packed,
      c,
      columns,
      options.bias ?? 0,
      options.accumulate ?? false,
      options.relu ?? false,
      packed + packedBytes,
    );
  }
}

export interface StridedMatrix {
  readonly address: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** A row-major matrix as it is. */
export function plain(address: number, columns: number): StridedMatrix {
  return { address, rowStride: columns, columnStride: 1 };
}

/** The transpose of a row-major matrix with this many columns. */
export function transposed(address: number, columns: number): StridedMatrix {
  return { address, rowStride: 1, columnStride: columns };
}

/** The draw as compiled kernels take it. */
export function dropoutArguments(draw: DropoutDraw | undefined): DropoutArguments {
  if (draw === undefined) return [0, 1, 0, 0, 0, 0, 0];
  const [key0, key1] = philoxKey(draw.seed);
  return [dropThreshold(draw.rate), 1 / (1 - draw.rate), key0, key1, draw.site, draw.step, draw.microBatch];
}

/** Registers a kernel of the wasm backend whose inputs and attributes have these types. */
export function registerWasmKernel<Inputs, Attrs>(
  kernelName: string,
  run: (inputs: Inputs, attrs: Attrs) => TensorInfo | TensorInfo[],
): void {
  registerKernel({
    kernelName,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) => run(inputs as Inputs, attrs as Attrs),
  });
}

interface Allocator {
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/**
 * Makes the backend throw when memory runs out. tfjs does not check its allocations and would write to address 0, and
 * sizes of 4 GiB and more would wrap around.
 */
export function checkAllocations(backend: BackendWasm): void {
  const wasm = backend.wasm as unknown as Allocator;
  wasm._free(wasm._malloc(1)); // _malloc replaces itself at its first call, which would undo the following lines
  const allocate = wasm._malloc;
  wasm._malloc = (bytes) => {
    const address = bytes < 2 ** 32 ? allocate(bytes) : 0;
    if (address === 0 && bytes > 0) throw outOfMemory(bytes);
    return address;
  };
}

function outOfMemory(bytes: number): ColdstartError {
  return new ColdstartError(
    'OUT_OF_MEMORY',
    `The wasm backend could not allocate ${Math.ceil(bytes / 2 ** 20)} MiB more (it can hold at most 4 GiB). ` +
      'Use fewer tokens per batch with more accumulation, or another backend.',
  );
}
