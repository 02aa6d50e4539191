import {
  backend_util,
  DataStorage,
  engine,
  KernelBackend,
  util,
  type DataType,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { ColdstartError } from '../../errors.js';
import type { PreciseBackend, Precision } from '../precisions.js';
import { buildCommand, type NativeAddon } from './addon.js';

type DataId = object;
type Values = backend_util.BackendValues;

/**
 * Types stored in native memory, with the codes of native/call.h. Strings and complex pairs stay on the JavaScript
 * side.
 */
const dtypeCodes: Partial<Record<DataType, number>> = { float32: 0, int32: 1, bool: 2 };

interface NativeData {
  readonly dtype: DataType;
  readonly size: number;
  /** The addon's block; -1 for strings and complex64. */
  readonly handle: number;
  readonly strings?: Uint8Array[];
  readonly complex?: { real: TensorInfo; imag: TensorInfo };
  refCount: number;
}

/** Time spent in one native kernel. */
export interface KernelTime {
  calls: number;
  ms: number;
}

/**
 * The tfjs backend whose tensors are in the addon's memory. Kernels (kernels/*.ts) make outputs with `output` and run
 * compiled loops by name with `run`; this class does not depend on what a kernel computes.
 */
export class NativeBackend extends KernelBackend implements PreciseBackend {
  private readonly data: DataStorage<NativeData>;
  private readonly kernelIndex: ReadonlyMap<string, number>;
  private words = new Float64Array(4096);
  private profile: Map<string, KernelTime> | undefined;
  private precision: Precision = 'fp32';

  constructor(readonly addon: NativeAddon) {
    super();
    this.data = new DataStorage(this, engine());
    this.kernelIndex = new Map(addon.kernelNames().map((name, i) => [name, i]));
    addon.setCallBuffer(this.words);
  }

  /** A new tensor whose values are not set yet. */
  output(shape: readonly number[], dtype: DataType): TensorInfo {
    const dataId = {};
    this.allocate(dataId, util.sizeFromShape(shape as number[]), dtype, 1);
    return { dataId, shape: shape as number[], dtype };
  }

  /** The same values under another shape, without a copy. */
  alias(x: TensorInfo, shape: readonly number[] = x.shape): TensorInfo {
    this.incRef(x.dataId);
    return { dataId: x.dataId, shape: shape as number[], dtype: x.dtype };
  }

  /**
   * A tensor for a kernel that replaces x: in x's own memory if nothing else refers to its values, otherwise in new
   * memory.
   */
  replacement(x: TensorInfo): TensorInfo {
    return this.data.get(x.dataId).refCount === 1 ? this.alias(x) : this.output(x.shape, x.dtype);
  }

  complexOutput(real: TensorInfo, imag: TensorInfo): TensorInfo {
    const dataId = {};
    this.data.set(dataId, {
      dtype: 'complex64',
      size: util.sizeFromShape(real.shape),
      handle: -1,
      complex: { real: this.alias(real), imag: this.alias(imag) },
      refCount: 1,
    });
    return { dataId, shape: real.shape, dtype: 'complex64' };
  }

  /** The parts of a complex64 tensor; undefined for any other. */
  complexParts(x: TensorInfo): { real: TensorInfo; imag: TensorInfo } | undefined {
    return this.data.get(x.dataId).complex;
  }

  /**
   * Runs a compiled kernel.
   * @param tensors inputs, then outputs, as the C++ kernel lists them
   * @throws ColdstartError code NATIVE_KERNEL with the kernel's name and all shapes if it refuses
   */
  run(kernel: string, tensors: readonly TensorInfo[], attrs: readonly number[] = []): void {
    const index = this.kernelIndex.get(kernel);
    if (index === undefined)
      throw new ColdstartError(
        'NATIVE_KERNEL',
        `The native engine has no kernel "${kernel}". Run "${buildCommand}" again.`,
      );
    // handles first: fetching a tensor from another backend may itself run a kernel
    const handles = tensors.map((tensor) => this.data.get(tensor.dataId).handle);
    let length = 2 + attrs.length;
    for (const tensor of tensors) length += 3 + tensor.shape.length;
    if (length > this.words.length) {
      this.words = new Float64Array(2 * length);
      this.addon.setCallBuffer(this.words);
    }
    const words = this.words;
    let at = 0;
    words[at++] = tensors.length;
    words[at++] = attrs.length;
    for (let i = 0; i < tensors.length; i++) {
      const { shape, dtype } = tensors[i];
      words[at++] = handles[i];
      words[at++] = dtypeCodes[dtype] ?? -1;
      words[at++] = shape.length;
      for (let d = 0; d < shape.length; d++) words[at++] = shape[d];
    }
    for (let i = 0; i < attrs.length; i++) words[at++] = attrs[i];
    const start = this.profile === undefined ? 0 : performance.now();
    try {
      this.addon.run(index);
    } catch (error) {
      throw new ColdstartError('NATIVE_KERNEL', `native ${(error as Error).message}`, { cause: error });
    }
    if (this.profile !== undefined) {
      const time = this.profile.get(kernel) ?? { calls: 0, ms: 0 };
      time.calls += 1;
      time.ms += performance.now() - start;
      this.profile.set(kernel, time);
    }
  }

  /** Runs a kernel into one new tensor. */
  compute(
    kernel: string,
    inputs: readonly TensorInfo[],
    shape: readonly number[],
    dtype: DataType,
    attrs: readonly number[] = [],
  ): TensorInfo {
    const out = this.output(shape, dtype);
    try {
      this.run(kernel, [...inputs, out], attrs);
    } catch (error) {
      this.disposeData(out.dataId);
      throw error;
    }
    return out;
  }

  readonly furtherPrecision = 'bf16';

  /** Whether this processor multiplies bf16. */
  get hasFurtherPrecision(): boolean {
    return this.addon.info().bf16 !== '';
  }

  /** Large matrix products inside `body` round their operands to bf16, or to float32. Calls nest. */
  withPrecision<T>(precision: Precision, body: () => T): T {
    const outer = this.precision;
    this.setPrecision(precision);
    try {
      return body();
    } finally {
      this.setPrecision(outer);
    }
  }

  private setPrecision(precision: Precision): void {
    this.addon.setPrecision(precision === 'bf16' ? 1 : 0);
    this.precision = precision;
  }

  /** Times every native kernel that `body` runs. */
  profileKernels(body: () => void): Map<string, KernelTime> {
    const times = new Map<string, KernelTime>();
    this.profile = times;
    try {
      body();
    } finally {
      this.profile = undefined;
    }
    return times;
  }

  private allocate(dataId: DataId, size: number, dtype: DataType, refCount: number): NativeData {
    const handle = dtypeCodes[dtype] === undefined ? -1 : this.addon.allocate(size * util.bytesPerElement(dtype));
    const data: NativeData = { dtype, size, handle, refCount };
    this.data.set(dataId, data);
    return data;
  }

  override write(values: Values, shape: number[], dtype: DataType): DataId {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(dataId: DataId, values: Values, shape: number[], dtype: DataType, refCount: number): void {
    const size = util.sizeFromShape(shape);
    if (dtype === 'string') {
      this.data.set(dataId, { dtype, size, handle: -1, strings: values as Uint8Array[], refCount });
    } else if (dtype === 'complex64') {
      const { real, imag } = backend_util.splitRealAndImagArrays(values as Float32Array);
      const part = (partValues: Float32Array): TensorInfo => ({
        dataId: this.write(partValues, shape, 'float32'),
        shape,
        dtype: 'float32',
      });
      this.data.set(dataId, { dtype, size, handle: -1, complex: { real: part(real), imag: part(imag) }, refCount });
    } else {
      const { handle } = this.allocate(dataId, size, dtype, refCount);
      if (values != null) this.addon.write(handle, typed(values as ArrayLike<number>, dtype));
    }
  }

  override readSync(dataId: DataId): Values {
    const { dtype, size, handle, strings, complex } = this.data.get(dataId);
    if (dtype === 'string') return strings as Uint8Array[];
    if (complex !== undefined) {
      return backend_util.mergeRealAndImagArrays(
        this.readSync(complex.real.dataId) as Float32Array,
        this.readSync(complex.imag.dataId) as Float32Array,
      );
    }
    const values =
      dtype === 'int32' ? new Int32Array(size) : dtype === 'bool' ? new Uint8Array(size) : new Float32Array(size);
    this.addon.read(handle, values);
    return values;
  }

  override async read(dataId: DataId): Promise<Values> {
    return this.readSync(dataId);
  }

  override refCount(dataId: DataId): number {
    return this.data.has(dataId) ? this.data.get(dataId).refCount : 0;
  }

  override incRef(dataId: DataId): void {
    this.data.get(dataId).refCount += 1;
  }

  decRef(dataId: DataId): void {
    if (this.data.has(dataId)) this.data.get(dataId).refCount -= 1;
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.data.has(dataId)) return true;
    const data = this.data.get(dataId);
    data.refCount -= 1;
    if (!force && data.refCount > 0) return false;
    this.data.delete(dataId);
    if (data.handle >= 0) this.addon.release(data.handle);
    if (data.complex !== undefined) {
      this.disposeData(data.complex.real.dataId);
      this.disposeData(data.complex.imag.dataId);
    }
    return true;
  }

  override numDataIds(): number {
    return this.data.numDataIds();
  }

  override memory(): { unreliable: boolean; liveBytes: number; cachedBytes: number; peakBytes: number } {
    const { liveBytes, cachedBytes, peakBytes } = this.addon.memory();
    return { unreliable: false, liveBytes, cachedBytes, peakBytes };
  }

  override timerAvailable(): boolean {
    return true;
  }

  override async time(body: () => void): Promise<{ kernelMs: number }> {
    const start = performance.now();
    body();
    return { kernelMs: performance.now() - start };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {
    this.addon.trimMemory();
  }
}

/** The values as the array type that has the tensor's bytes. */
function typed(values: ArrayLike<number>, dtype: DataType): Float32Array | Int32Array | Uint8Array {
  if (dtype === 'float32') return values instanceof Float32Array ? values : Float32Array.from(values);
  if (dtype === 'int32') return values instanceof Int32Array ? values : Int32Array.from(values);
  return values instanceof Uint8Array ? values : Uint8Array.from(values);
}
