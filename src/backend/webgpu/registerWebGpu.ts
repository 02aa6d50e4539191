import { env, registerBackend, removeBackend } from '@tensorflow/tfjs-core';
import type { DeviceEvents } from './deviceEvents.js';
import { registerFusedKernels } from './fusedKernels.js';
import { multipliesRightly } from './matrixCheck.js';
import { matrixFeature, matrixUnitsOf } from './matrixUnits.js';
import { registerReplacedKernels } from './replacedKernels.js';
import type { AdapterInfo, TfjsWebGpuClass } from './tfjsWebGpu.js';
import { webGpuBackend, type GpuBackend } from './webGpuBackend.js';

/** What of the adapter's limits the device may use. */
const limits = [
  'maxBufferSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
] as const;

/** A GPU, as far as it is known before it computes. */
export interface Gpu {
  /** As the driver calls it. */
  readonly name: string;
  /** A driver that computes on the processor's cores, for tests. */
  readonly isSoftware: boolean;
}

export interface RegisteredGpu {
  readonly backend: GpuBackend;
  readonly gpu: Gpu;
}

/**
 * Makes a device of an adapter and registers the backend `webgpu` on it, with the replaced and the fused kernels.
 * @param base tfjs's class
 * @param make runs the constructor of the backend
 * @param usesMatrixUnits whether products of f16 may use the device's matrix units, if it has any that multiply rightly
 */
export async function registerWebGpu(
  adapter: GPUAdapter,
  base: TfjsWebGpuClass,
  make: <T>(constructor: () => T) => T,
  events: DeviceEvents,
  usesMatrixUnits = true,
): Promise<RegisteredGpu> {
  const units = usesMatrixUnits ? matrixUnitsOf(adapter) : undefined;
  const features = ['shader-f16', 'subgroups', ...(units === undefined ? [] : [matrixFeature])] as GPUFeatureName[];
  const device = await events.during(() =>
    adapter.requestDevice({
      requiredLimits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]])),
      requiredFeatures: features.filter((feature) => adapter.features.has(feature)),
    }),
  );
  const { info } = adapter as unknown as { info: AdapterInfo };
  const backend = make(() => webGpuBackend(base, device, info, events));
  removeBackend('webgpu');
  registerBackend('webgpu', () => backend, 3);
  // Every product by the one program whose sums have a fixed order: others add with atomic operations, so that results
  // differ from run to run.
  env().set('WEBGPU_THRESHOLD_TO_INCREASE_WORKGROUPS_FOR_MATMUL', 0.25);
  // tfjs computes in JavaScript with small tensors that are not on the device yet, as after a checkpoint is read, and
  // rounds differently there.
  env().set('WEBGPU_CPU_FORWARD', false);
  registerReplacedKernels(backend);
  registerFusedKernels(backend);
  if (units !== undefined && (await multipliesRightly(backend, units, events))) backend.matrixUnits = units;
  const { description, device: model, vendor, architecture } = info;
  return {
    backend,
    gpu: {
      name: description || model || [vendor, architecture].filter(Boolean).join(' ') || 'an unnamed adapter',
      isSoftware: info.isFallbackAdapter === true,
    },
  };
}
