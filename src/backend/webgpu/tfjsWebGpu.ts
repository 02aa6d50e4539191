import type { DataStorage, DataType, KernelBackend, TensorInfo } from '@tensorflow/tfjs-core';

/** Values in JavaScript's memory. */
export type Values = Float32Array | Int32Array | Uint8Array | Uint8Array[];

/** A tensor's data in tfjs's backend: in JavaScript's memory, the device's, or both. */
export interface TensorData {
  values: Values | null;
  readonly dtype: DataType;
  readonly shape: number[];
  resource?: GPUBuffer | null;
}

/** tfjs's manager of the device's buffers, as its backend calls it. */
export interface BufferManager {
  readonly numBytesUsed: number;
  readonly numBytesAllocated: number;
  acquireBuffer(size: number, usage: number, mappedAtCreation?: boolean, isReused?: boolean): GPUBuffer;
  releaseBuffer(buffer: GPUBuffer, isReused?: boolean): void;
  dispose(): void;
}

/** Numbers of one type for a program, in the order of its uniforms. */
export type ProgramUniforms = { type: string; data: number[] }[];

/**
 * What we use of tfjs's WebGPUBackend 4.22.0. Its own types come with an optional package, which a checkout need not
 * have, and declare half of this private.
 */
export interface TfjsWebGpu extends KernelBackend {
  bufferManager: BufferManager;
  readonly queue: GPUQueue;
  readonly tensorMap: DataStorage<TensorData>;
  readonly commandEncoder: GPUCommandEncoder;
  computePassEncoder: GPUComputePassEncoder | null;
  /** Tensors that commands not yet submitted use. */
  readonly commandQueueOwnedIds: WeakSet<object>;
  dispatchCountInPass: number;
  readonly pipelineCache: Record<string, GPUComputePipeline>;
  /** Released when the commands are submitted. */
  readonly uniformPendingDisposal: GPUBuffer[];
  uploadToGPU(dataId: object): void;
  releaseResource(dataId: object): void;
  /** What a program binds for a tensor. */
  tensorToBinding(tensor: TensorInfo): { buffer: GPUBuffer; offset?: number; size?: number };
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  makeTensorInfo(shape: number[], dtype: DataType, values?: Values): TensorInfo;
  runWebGPUProgram(
    program: object,
    inputs: TensorInfo[],
    outputDtype: DataType,
    uniforms?: ProgramUniforms,
    output?: TensorInfo,
  ): TensorInfo;
  readSync(dataId: object): Values;
  read(dataId: object): Promise<Values>;
}

/** What an adapter says about itself. */
export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** Whether it is a software device; absent before 2025. */
  readonly isFallbackAdapter?: boolean;
  /** Threads of a subgroup; absent in older browsers. */
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
  /** What its matrix units multiply at once; present with the feature `chromium-experimental-subgroup-matrix`. */
  readonly subgroupMatrixConfigs?: Iterable<MatrixShape>;
}

/** M × K times K × N elements of one type, with results of another. */
export interface MatrixShape {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly componentType: string;
  readonly resultComponentType: string;
}

/** The constructor of tfjs's class. */
export type TfjsWebGpuClass = new (device: GPUDevice, info: AdapterInfo) => TfjsWebGpu;
