import { env, util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core';
import { ColdstartError, UsageError } from '../../errors.js';
import type { PreciseBackend, Precision } from '../precisions.js';
import { BufferPool } from './bufferPool.js';
import type { DeviceEvents } from './deviceEvents.js';
import type { MatrixUnits } from './matrixUnits.js';
import { isPack, leastBytes, placesOf, tensorsOf, type Bound, type Pack } from './packs.js';
import type { AdapterInfo, ProgramUniforms, TfjsWebGpu, TfjsWebGpuClass, Values } from './tfjsWebGpu.js';

/** A tensor on its way from the device. */
interface Reading {
  readonly dataId: object;
  readonly shape: number[];
  readonly dtype: DataType;
  readonly staging: GPUBuffer;
  /** Fulfilled when the device has answered. */
  readonly mapped: Promise<void>;
}

/**
 * Programs that may start within one turn of the event loop. Node frees the wrappers of Dawn's objects only between
 * turns; without any, the process ends in a segmentation fault after about 70,000.
 */
const programsPerTurn = 50_000;

/** Threads of a workgroup where a program does not say otherwise. */
const usualGroupSize = 64;

/** Where a tensor lies that shares its buffer. */
interface Place {
  /** Bytes. */
  readonly offset: number;
  readonly size: number;
  /** Tensors that still use the buffer. */
  readonly users: { count: number };
}

/** tfjs's WebGPU backend with what `webGpuBackend` adds. */
export interface GpuBackend extends TfjsWebGpu, PreciseBackend {
  readonly device: GPUDevice;
  /** Of the products of fused operations, from now on. */
  readonly precision: Precision;
  /** What products of f16 are multiplied by; undefined: by the threads. */
  matrixUnits: MatrixUnits | undefined;
  /** Kernels started since the backend was made. */
  readonly dispatches: number;
  /** Logits that losses and decoding hold at most, for rows one after the other. */
  logitsAtOnce: number;
  /** The values of an int32 tensor that was made from JavaScript's values; undefined if the device computed it. */
  knownIntegers(tensor: TensorInfo): ArrayLike<number> | undefined;
  /** The same, read from the device where needed. */
  integers(tensor: TensorInfo): ArrayLike<number>;
  /** New tensors of float32 in one buffer. */
  makePack(shapes: readonly number[][]): Pack;
  /**
   * Brings tensors of float32 into one buffer, if they are in several: their values move, they stay the same tensors.
   * @param isInOrder whether they must also lie in their order, as in a new pack of the same shapes
   */
  pack(tensors: readonly TensorInfo[], isInOrder?: boolean): Pack;
  /** Runs a program. */
  compute(program: Program): void;
}

/** A program in WGSL. */
export interface Program {
  /** Programs with the same key have the same code. */
  readonly key: string;
  /** WGSL: entry point `main`; bindings in group 0: outputs, inputs, then the uniforms if any. */
  readonly code: () => string;
  readonly outputs: readonly Bound[];
  readonly inputs: readonly Bound[];
  /** Whole numbers, or bytes, which keep their bits. Absent: the program has none. */
  readonly uniforms?: readonly number[] | ArrayBuffer;
  /** Threads needed; the last workgroups may have more. */
  readonly threads: number;
  /** Threads of a workgroup, 64 if absent. */
  readonly groupSize?: number;
}

/**
 * Makes the backend on a device.
 *
 * - A fault that the device reports, and the loss of the device, are thrown by the next kernel and by every read after
 *   it: WebGPU itself continues with zeros.
 * - Tensors can be read synchronously in Node: Dawn gets its turns while the program waits.
 * - Free buffers are bounded.
 * - int32 tensors made from values keep these, so that kernels can check indices and plan sums.
 *
 * @param base tfjs's class; it can be imported only where a `navigator.gpu` is
 * @throws ColdstartError, from its kernels and reads, code GPU_FAILED after a fault of the device, OUT_OF_MEMORY if its
 * memory is full
 */
export function webGpuBackend(
  base: TfjsWebGpuClass,
  device: GPUDevice,
  info: AdapterInfo,
  events: DeviceEvents,
): GpuBackend {
  class Backend extends base implements GpuBackend {
    readonly device = device;
    dispatches = 0;
    logitsAtOnce = 2 ** 24;
    readonly furtherPrecision = 'f16';
    readonly hasFurtherPrecision = device.features.has('shader-f16');
    precision: Precision = 'fp32';
    matrixUnits: MatrixUnits | undefined;
    private failure: ColdstartError | undefined;
    private startedInTurn = 0;
    /** Of the tensors that share a buffer. */
    private readonly placesByTensor = new WeakMap<object, Place>();
    private readonly layouts = new WeakMap<GPUComputePipeline, GPUBindGroupLayout>();

    constructor() {
      super(device, info);
      this.bufferManager = new BufferPool(device);
      device.addEventListener('uncapturederror', (event) => {
        this.failure ??= failureOf((event as GPUUncapturedErrorEvent).error);
      });
      void device.lost.then(({ reason, message }) => {
        if (reason !== 'destroyed') this.failure ??= lost(message);
      });
    }

    withPrecision<T>(precision: Precision, body: () => T): T {
      const outer = this.precision;
      this.precision = precision;
      try {
        return body();
      } finally {
        this.precision = outer;
      }
    }

    override uploadToGPU(dataId: object): void {
      const data = this.tensorMap.get(dataId);
      const integers = data.dtype === 'int32' && data.resource == null ? data.values : null;
      super.uploadToGPU(dataId);
      if (integers != null) data.values = integers;
    }

    knownIntegers({ dataId, dtype }: TensorInfo): ArrayLike<number> | undefined {
      const { values } = this.tensorMap.get(dataId);
      return dtype === 'int32' && values != null ? (values as Int32Array) : undefined;
    }

    integers(tensor: TensorInfo): ArrayLike<number> {
      return this.knownIntegers(tensor) ?? (this.readSync(tensor.dataId) as Int32Array);
    }

    makePack(shapes: readonly number[][]): Pack {
      const tensors = shapes.map((shape) => this.makeTensorInfo(shape, 'float32'));
      this.placeTogether(tensors);
      return this.packInPlace(tensors)!;
    }

    pack(tensors: readonly TensorInfo[], isInOrder = false): Pack {
      for (const { dataId } of tensors) this.uploadToGPU(dataId);
      const found = this.packInPlace(tensors);
      if (found !== undefined && !(isInOrder && this.isOutOfOrder(found))) return found;
      const distinct = [...new Map(tensors.map((tensor) => [tensor.dataId, tensor])).values()];
      const before = distinct.map(({ dataId }) => ({
        buffer: this.tensorMap.get(dataId).resource!,
        place: this.placesByTensor.get(dataId),
      }));
      this.ensureCommandEncoderReady();
      this.endComputePassEncoder();
      this.placeTogether(distinct);
      // neighbours that stay neighbours move in one copy
      let run: { buffer: GPUBuffer; from: number; to: number; size: number } | undefined;
      const copyRun = (): void => {
        if (run === undefined) return;
        const { buffer, from, to, size } = run;
        this.commandEncoder.copyBufferToBuffer(
          buffer,
          from,
          this.tensorMap.get(distinct[0].dataId).resource!,
          to,
          size,
        );
      };
      distinct.forEach(({ dataId, shape }, i) => {
        const { buffer, place } = before[i];
        const size = 4 * util.sizeFromShape(shape);
        const [from, to] = [place?.offset ?? 0, this.placesByTensor.get(dataId)!.offset];
        if (run?.buffer === buffer && from - run.from === to - run.to) run.size = to + size - run.to;
        else if (size > 0) {
          copyRun();
          run = { buffer, from, to, size };
        }
        if (place === undefined || --place.users.count === 0) this.uniformPendingDisposal.push(buffer);
      });
      copyRun();
      return this.packInPlace(tensors)!;
    }

    override tensorToBinding(tensor: TensorInfo): { buffer: GPUBuffer; offset?: number; size?: number } {
      const buffer = this.tensorMap.get(tensor.dataId).resource!;
      const { offset, size } = this.placesByTensor.get(tensor.dataId) ?? { offset: 0, size: buffer.size };
      return { buffer, offset, size };
    }

    override releaseResource(dataId: object): void {
      const place = this.placesByTensor.get(dataId);
      if (place === undefined) {
        super.releaseResource(dataId);
        return;
      }
      const data = this.tensorMap.get(dataId);
      if (--place.users.count === 0) this.bufferManager.releaseBuffer(data.resource!);
      data.resource = null;
      this.placesByTensor.delete(dataId);
    }

    /** Gives tensors places in one new buffer. What they held is not copied. */
    private placeTogether(tensors: readonly TensorInfo[]): void {
      const sizes = tensors.map(({ shape }) => 4 * util.sizeFromShape(shape));
      const { places, total } = placesOf(sizes, device.limits.minStorageBufferOffsetAlignment);
      const buffer = this.bufferManager.acquireBuffer(
        total,
        GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      );
      const users = { count: tensors.length };
      tensors.forEach(({ dataId }, i) => {
        this.tensorMap.get(dataId).resource = buffer;
        this.placesByTensor.set(dataId, { offset: places[i], size: Math.max(leastBytes, sizes[i]), users });
      });
    }

    /** The tensors as a pack if they are in one buffer and can be bound together. */
    private packInPlace(tensors: readonly TensorInfo[]): Pack | undefined {
      const bindings = tensors.map((tensor) => this.tensorToBinding(tensor));
      const [{ buffer }] = bindings;
      if (bindings.some((binding) => binding.buffer !== buffer)) return undefined;
      const starts = bindings.map(({ offset }) => offset!);
      const start = Math.min(...starts);
      const size = Math.max(...bindings.map((binding) => binding.offset! + binding.size!)) - start;
      if (size > device.limits.maxStorageBufferBindingSize) return undefined;
      return { tensors, buffer, start, size, offsets: starts.map((place) => (place - start) / 4) };
    }

    private isOutOfOrder({ tensors, offsets }: Pack): boolean {
      const sizes = tensors.map(({ shape }) => 4 * util.sizeFromShape(shape));
      const { places } = placesOf(sizes, device.limits.minStorageBufferOffsetAlignment);
      return offsets.some((offset, i) => 4 * offset !== places[i]);
    }

    compute({ key, code, outputs, inputs, uniforms, threads, groupSize = usualGroupSize }: Program): void {
      if (threads === 0) return;
      this.countProgram();
      const bound = [...outputs, ...inputs];
      const tensors = bound.flatMap(tensorsOf);
      for (const { dataId } of tensors) this.uploadToGPU(dataId);
      for (const { dataId } of outputs.flatMap(tensorsOf)) this.tensorMap.get(dataId).values = null; // of before
      const pipeline = (this.pipelineCache[key] ??= device.createComputePipeline({
        label: key,
        layout: 'auto',
        compute: { module: device.createShaderModule({ label: key, code: code() }), entryPoint: 'main' },
      }));
      const resources: GPUBufferBinding[] = bound.map((of) =>
        isPack(of) ? { buffer: of.buffer, offset: of.start, size: of.size } : this.tensorToBinding(of),
      );
      if (uniforms !== undefined) {
        const bytes = Array.isArray(uniforms) ? Uint32Array.from(uniforms).buffer : (uniforms as ArrayBuffer);
        const buffer = this.bufferManager.acquireBuffer(
          Math.ceil(bytes.byteLength / 16) * 16,
          GPUBufferUsage.COPY_DST | GPUBufferUsage.UNIFORM,
        );
        this.queue.writeBuffer(buffer, 0, bytes);
        this.uniformPendingDisposal.push(buffer);
        resources.push({ buffer });
      }
      const group = device.createBindGroup({
        layout: this.layoutOf(pipeline),
        entries: resources.map((resource, binding) => ({ binding, resource })),
      });
      for (const { dataId } of tensors) this.commandQueueOwnedIds.add(dataId);
      this.ensureCommandEncoderReady();
      const pass = (this.computePassEncoder ??= this.commandEncoder.beginComputePass());
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      const groups = Math.ceil(threads / groupSize);
      const across = Math.min(groups, device.limits.maxComputeWorkgroupsPerDimension);
      pass.dispatchWorkgroups(across, Math.ceil(groups / across));
      if (++this.dispatchCountInPass >= env().getNumber('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE')) {
        this.endComputePassEncoder();
        this.submitQueue();
      }
      this.throwFailure();
    }

    private layoutOf(pipeline: GPUComputePipeline): GPUBindGroupLayout {
      let layout = this.layouts.get(pipeline);
      if (layout === undefined) this.layouts.set(pipeline, (layout = pipeline.getBindGroupLayout(0)));
      return layout;
    }

    override runWebGPUProgram(
      program: object,
      inputs: TensorInfo[],
      outputDtype: DataType,
      uniforms?: ProgramUniforms,
      output?: TensorInfo,
    ): TensorInfo {
      this.countProgram();
      const result = super.runWebGPUProgram(program, inputs, outputDtype, uniforms, output);
      if (output !== undefined && util.sizeFromShape(output.shape) > 0) {
        const data = this.tensorMap.get(output.dataId);
        if (data.resource != null) data.values = null; // of before the program wrote to it
      }
      this.throwFailure();
      return result;
    }

    override readSync(dataId: object): Values {
      if (!this.isOnDevice(dataId)) return super.readSync(dataId);
      if (events.waitFor === undefined)
        throw new UsageError('a tensor on the GPU cannot be read at once in a browser. Use "await tensor.data()".');
      const reading = this.startReading(dataId);
      events.waitFor(() => reading.staging.mapState !== 'pending');
      return this.finishReading(reading);
    }

    override async read(dataId: object): Promise<Values> {
      if (!this.isOnDevice(dataId)) return super.read(dataId);
      const reading = this.startReading(dataId);
      await reading.mapped;
      return this.finishReading(reading);
    }

    /** Neither text, nor a pair of tensors, nor known to JavaScript. */
    private isOnDevice(dataId: object): boolean {
      if (!this.tensorMap.has(dataId)) return false;
      const { values, dtype } = this.tensorMap.get(dataId);
      return values == null && dtype !== 'string' && dtype !== 'complex64';
    }

    private startReading(dataId: object): Reading {
      this.throwFailure();
      this.uploadToGPU(dataId); // a tensor that nothing was written to yet
      const { resource, shape, dtype } = this.tensorMap.get(dataId);
      const offset = this.placesByTensor.get(dataId)?.offset ?? 0;
      const bytes = Math.max(4, 4 * util.sizeFromShape(shape));
      const staging = this.bufferManager.acquireBuffer(bytes, GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ);
      this.ensureCommandEncoderReady();
      this.endComputePassEncoder();
      this.commandEncoder.copyBufferToBuffer(resource!, offset, staging, 0, bytes);
      this.submitQueue();
      // whether it worked is seen from the buffer's state
      const mapped = events.during(() => staging.mapAsync(GPUMapMode.READ)).catch(() => {});
      return { dataId, shape, dtype, staging, mapped };
    }

    private finishReading({ dataId, shape, dtype, staging }: Reading): Values {
      if (staging.mapState !== 'mapped') throw (this.failure ??= lost('its memory cannot be read'));
      const bytes = staging.getMappedRange().slice(0, 4 * util.sizeFromShape(shape));
      staging.unmap();
      this.bufferManager.releaseBuffer(staging);
      this.throwFailure();
      const values = util.convertBackendValuesAndArrayBuffer(bytes, dtype) as Values;
      // a tensor may be disposed while it is read
      if (this.tensorMap.has(dataId)) this.tensorMap.get(dataId).values = values;
      return values;
    }

    private countProgram(): void {
      this.dispatches++;
      if (events.afterTurn === undefined) return;
      if (this.startedInTurn++ === 0)
        events.afterTurn(() => {
          this.startedInTurn = 0;
        });
      else if (this.startedInTurn > programsPerTurn)
        throw new ColdstartError(
          'GPU_FAILED',
          `The webgpu backend was given ${programsPerTurn} operations within one turn of Node's event loop, and its memory is freed only between turns. Use smaller batches (train.maxTokens), or another backend; own programs await setImmediate of node:timers/promises between steps.`,
        );
    }

    private throwFailure(): void {
      if (this.failure !== undefined) throw this.failure;
    }
  }
  return new Backend();
}

function failureOf({ message, constructor }: GPUError): ColdstartError {
  const [first] = message.split('\n');
  return constructor.name === 'GPUOutOfMemoryError'
    ? new ColdstartError(
        'OUT_OF_MEMORY',
        `The GPU has no memory left (${first}). Use smaller batches (train.maxTokens), or another backend.`,
      )
    : new ColdstartError(
        'GPU_FAILED',
        `The GPU reported a fault, and what it computes from now on cannot be trusted: ${first} Use another backend, for example --backend native, and report this.`,
      );
}

function lost(why: string): ColdstartError {
  return new ColdstartError(
    'GPU_FAILED',
    `The GPU does not answer any more: ${why}. A run resumes from its last checkpoint.`,
  );
}
