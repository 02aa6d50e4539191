import { env, util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core';
import { ColdstartError, UsageError } from '../../errors.js';
import { BufferPool } from './bufferPool.js';
import type { DeviceEvents } from './deviceEvents.js';
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
 * Programs that may start within one turn of the event loop. Node frees the wrappers of Dawn's objects only between turns; without any, the process
 * ends in a segmentation fault after about 70,000.
 */
const programsPerTurn = 50_000;

/** Threads of a workgroup in our programs. */
const groupSize = 64;

/** tfjs's WebGPU backend with what `webGpuBackend` adds. */
export interface GpuBackend extends TfjsWebGpu {
  readonly device: GPUDevice;
  /** Kernels started since the backend was made. */
  readonly dispatches: number;
  /** The values of an int32 tensor that was made from JavaScript's values; undefined if the device computed it. */
  knownIntegers(tensor: TensorInfo): ArrayLike<number> | undefined;
  /** The same, read from the device where needed. */
  integers(tensor: TensorInfo): ArrayLike<number>;
  /** Runs a program. */
  compute(program: Program): void;
}

/** A program in WGSL. */
export interface Program {
  /** Programs with the same key have the same code. */
  readonly key: string;
  /** WGSL: entry point `main`, workgroups of 64 threads along x; bindings in group 0: outputs, inputs, then the uniforms if any. */
  readonly code: () => string;
  readonly outputs: readonly TensorInfo[];
  readonly inputs: readonly TensorInfo[];
  /** Whole numbers, or bytes, which keep their bits. Absent: the program has none. */
  readonly uniforms?: readonly number[] | ArrayBuffer;
  /** Threads needed; the last workgroups may have more. */
  readonly threads: number;
}

/**
 * Makes the backend on a device.
 *
 * - A fault that the device reports, and the loss of the device, are thrown by the next kernel and by every read after it: WebGPU itself
 *   continues with zeros.
 * - Tensors can be read synchronously in Node: Dawn gets its turns while the program waits.
 * - Free buffers are bounded.
 * - int32 tensors made from values keep these, so that kernels can check indices and plan sums.
 *
 * @param base tfjs's class; it can be imported only where a `navigator.gpu` is
 * @throws ColdstartError, from its kernels and reads, code GPU_FAILED after a fault of the device, OUT_OF_MEMORY if its memory is full
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
    private failure: ColdstartError | undefined;
    private startedInTurn = 0;

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

    compute({ key, code, outputs, inputs, uniforms, threads }: Program): void {
      if (threads === 0) return;
      this.countProgram();
      const tensors = [...outputs, ...inputs];
      for (const { dataId } of tensors) this.uploadToGPU(dataId);
      for (const { dataId } of outputs) this.tensorMap.get(dataId).values = null; // of before
      const pipeline = (this.pipelineCache[key] ??= device.createComputePipeline({
        label: key,
        layout: 'auto',
        compute: { module: device.createShaderModule({ label: key, code: code() }), entryPoint: 'main' },
      }));
      const bindings = tensors.map(({ dataId }) => this.tensorMap.get(dataId).resource!);
      if (uniforms !== undefined) {
        const bytes = Array.isArray(uniforms) ? Uint32Array.from(uniforms).buffer : (uniforms as ArrayBuffer);
        const buffer = this.bufferManager.acquireBuffer(
          Math.ceil(bytes.byteLength / 16) * 16,
          GPUBufferUsage.COPY_DST | GPUBufferUsage.UNIFORM,
        );
        this.queue.writeBuffer(buffer, 0, bytes);
        this.uniformPendingDisposal.push(buffer);
        bindings.push(buffer);
      }
      const group = device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: bindings.map((buffer, binding) => ({ binding, resource: { buffer } })),
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
      const bytes = Math.max(4, 4 * util.sizeFromShape(shape));
      const staging = this.bufferManager.acquireBuffer(bytes, GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ);
      this.ensureCommandEncoderReady();
      this.endComputePassEncoder();
      this.commandEncoder.copyBufferToBuffer(resource!, 0, staging, 0, bytes);
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
          `The webgpu backend was given ${programsPerTurn} operations within one turn of Node's event loop, and its memory is freed only between turns. Use a smaller train.updateFreq or a larger gradinit.pieceTokens, or another backend; own programs await setImmediate of node:timers/promises between steps.`,
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
