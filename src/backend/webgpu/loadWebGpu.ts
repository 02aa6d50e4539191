import { createRequire } from 'node:module';
import { ColdstartError, UsageError } from '../../errors.js';
import { saysNotInstalled } from '../optionalPeer.js';
import { DawnEvents } from './dawnEvents.js';
import { registerWebGpu, type Gpu, type RegisteredGpu } from './registerWebGpu.js';
import { hasGraphicsDevice, hasVulkanDriver } from './vulkanDrivers.js';
import type { TfjsWebGpuClass } from './tfjsWebGpu.js';
import type { GpuBackend } from './webGpuBackend.js';

export type { Gpu };

const tfjsPackage = '@tensorflow/tfjs-backend-webgpu';
const install = `npm install webgpu@0.6.2 ${tfjsPackage}@4.22.0`;

/** The package webgpu. */
interface Dawn {
  create(options: string[]): GPU;
  readonly globals: object;
}

let loaded: Promise<RegisteredGpu> | undefined;
/** Kept from garbage collection, which would end Dawn under its devices. */
const instances: GPU[] = [];

/**
 * Registers the backend `webgpu`, and with it the replaced kernels; a second call changes nothing.
 * @returns one line for `doctor`: versions, adapter
 * @throws ColdstartError code BACKEND_MISSING if a package, a driver or an adapter is missing, BACKEND_LOAD if a
 * package does not load
 */
export async function loadWebGpu(): Promise<string> {
  const { gpu, backend } = await load();
  return `Dawn ${installedVersion('webgpu')} with tfjs-backend-webgpu ${installedVersion(tfjsPackage)} on ${gpu.name}, ${precisionOf(backend)}${gpu.isSoftware ? ', a software device for tests (auto never takes it)' : ''}`;
}

function precisionOf({ hasFurtherPrecision, matrixUnits }: GpuBackend): string {
  if (!hasFurtherPrecision) return 'no f16';
  if (matrixUnits === undefined) return 'f16';
  const { rows, columns, depth } = matrixUnits;
  return `f16 by matrix units of ${rows} x ${columns} x ${depth}`;
}

/**
 * The version of an installed package.
 * @param from path or address of a module that would import it
 */
export function installedVersion(name: string, from: string = import.meta.url): string {
  return (createRequire(from)(`${name}/package.json`) as { version: string }).version;
}

/** The GPU in use. @throws ColdstartError as loadWebGpu */
async function gpuInUse(): Promise<Gpu> {
  return (await load()).gpu;
}

/** Whether there is a GPU in hardware, and everything that the backend needs. */
export async function hardwareGpu(): Promise<boolean> {
  if (!hasGraphicsDevice()) return false;
  try {
    return !(await gpuInUse()).isSoftware;
  } catch {
    return false;
  }
}

/** The backend, for functions without a tfjs interface. @throws ColdstartError as loadWebGpu */
export async function loadedGpuBackend(): Promise<GpuBackend> {
  return (await load()).backend;
}

function load(): Promise<RegisteredGpu> {
  loaded ??= initialise();
  return loaded;
}

async function initialise(): Promise<RegisteredGpu> {
  const usesMatrixUnits = mayUseMatrixUnits();
  const dawn = await packageOf<Dawn>('webgpu');
  if (!hasVulkanDriver())
    throw new ColdstartError(
      'BACKEND_MISSING',
      'no Vulkan driver was found. Install the driver of the graphics card (Debian and Ubuntu: "apt-get install libvulkan1 mesa-vulkan-drivers" for AMD and Intel, on Debian 12 with "-t bookworm-backports"; the "nvidia-driver" package for NVIDIA).',
    );
  const events = new DawnEvents();
  // constants and classes that tfjs's backend expects as globals
  Object.assign(globalThis, dawn.globals);
  // Dawn offers experimental features only then; a device has those that it is asked for
  const options = usesMatrixUnits ? ['enable-dawn-features=allow_unsafe_apis'] : [];
  const gpu = events.during(() => dawn.create(options));
  instances.push(gpu);
  const adapter = await events.during(() => gpu.requestAdapter({ powerPreference: 'high-performance' }));
  if (adapter === null)
    throw new ColdstartError(
      'BACKEND_MISSING',
      "no GPU was found that Dawn can use. On Linux it needs a Vulkan 1.1 driver (Mesa 25, or NVIDIA's; Debian 12 has it in bookworm-backports) and the loader libvulkan1.",
    );
  const { base, make } = await tfjsBackend(gpu);
  return registerWebGpu(adapter, base, make, events, usesMatrixUnits);
}

/** What COLDSTART_MATRIX_UNITS says. @throws UsageError if it is neither "off" nor empty */
export function mayUseMatrixUnits({ COLDSTART_MATRIX_UNITS: found = '' }: NodeJS.ProcessEnv = process.env): boolean {
  if (found !== '' && found !== 'off')
    throw new UsageError(
      `COLDSTART_MATRIX_UNITS is "${found}"; expected off, or nothing, with which they are used where the GPU has them.`,
    );
  return found === '';
}

/**
 * tfjs's backend asks for `navigator.gpu` when it is imported and when it is made. Nothing else should take Node for a
 * browser.
 */
async function tfjsBackend(gpu: GPU): Promise<{ base: TfjsWebGpuClass; make: <T>(constructor: () => T) => T }> {
  const restore = provideNavigator(gpu);
  try {
    const { WebGPUBackend: base } = await packageOf<{ WebGPUBackend: TfjsWebGpuClass }>(tfjsPackage);
    const make = <T>(constructor: () => T): T => {
      const undo = provideNavigator(gpu);
      try {
        return constructor();
      } finally {
        undo();
      }
    };
    return { base, make };
  } finally {
    restore();
  }
}

/** Node 20 has no `navigator`; later ones have one without `gpu`. @returns removes it again */
function provideNavigator(gpu: GPU): () => void {
  const own = globalThis as { navigator?: object };
  const [target, key, value] =
    own.navigator === undefined ? ([own, 'navigator', { gpu }] as const) : ([own.navigator, 'gpu', gpu] as const);
  const before = Object.getOwnPropertyDescriptor(target, key);
  Object.defineProperty(target, key, { value, configurable: true });
  return () => {
    if (before) Object.defineProperty(target, key, before);
    else delete (target as Record<string, unknown>)[key];
  };
}

async function packageOf<T>(name: string): Promise<T> {
  try {
    return (await import(name)) as T;
  } catch (error) {
    if (saysNotInstalled(error))
      throw new ColdstartError(
        'BACKEND_MISSING',
        `not installed. For a GPU of NVIDIA, AMD, Intel or Apple: "${install}" (200 MB).`,
      );
    throw new ColdstartError(
      'BACKEND_LOAD',
      `The package ${name} is installed but does not load: ${(error as Error).message}. Use: ${install}`,
      {
        cause: error,
      },
    );
  }
}
