import { cpus } from 'node:os';
import { engine, getBackend, matMul, setBackend, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { saysNotInstalled } from './optionalPeer.js';
import { ColdstartError, UsageError } from '../errors.js';
import { backendNames, type BackendName } from './backendNames.js';
import { checkBackend } from './checkBackend.js';
import type { Precision } from './precisions.js';

/** A backend that coldstart can run on. */
interface BackendCandidate {
  readonly name: BackendName;
  /**
   * Makes the tfjs backend of this name available. Returns one line for `doctor` (version, threads, instruction set).
   * @throws ColdstartError that says what is missing and what to install
   */
  readonly load: () => Promise<string>;
}

/**
 * Fastest first: `auto` takes the first that loads and passes the check, and webgpu only where it is faster than that
 * one.
 */
const candidates: readonly BackendCandidate[] = [
  { name: 'native', load: async () => (await import('./native/loadNative.js')).loadNative() },
  { name: 'webgpu', load: async () => (await import('./webgpu/loadWebGpu.js')).loadWebGpu() },
  { name: 'tensorflow', load: loadTensorflow },
  { name: 'wasm', load: async () => (await import('./wasm/loadWasm.js')).loadWasm() },
  { name: 'cpu', load: loadCpu },
];

export { backendNames, type BackendName };

/** The result of trying one backend, for `doctor`. */
export interface BackendReport {
  readonly name: BackendName;
  readonly passed: boolean;
  /** Not installed, rather than installed and failing. */
  readonly missing?: boolean;
  /** Version, threads, instruction set; or why it did not pass and what to install. */
  readonly detail: string;
  /** Measured rate of a 512 x 512 x 512 float32 matrix product; undefined if the backend did not pass. */
  readonly matmulGflops?: number;
}

/**
 * What `auto` took for a precision: measured once in a process, so that memory is counted on the backend that trains.
 */
const automatic = new Map<Precision, BackendName>();

/** GPU programs that were started so far; undefined where no GPU computes. */
export async function startedPrograms(): Promise<number | undefined> {
  if (getBackend() !== 'webgpu') return undefined;
  const { loadedGpuBackend } = await import('./webgpu/loadWebGpu.js');
  return (await loadedGpuBackend()).dispatches;
}

/**
 * Makes a backend the current one.
 * @param name one of `backendNames`; `auto` takes the first of native, tensorflow, wasm and cpu that loads and passes
 * its check, or webgpu if there is a GPU in hardware on which a step of training takes less time, and products are
 * float32; for f16 such a GPU
 * @param precision of training's matrix products
 * @returns the name of the backend in use
 * @throws UsageError for an unknown name; ColdstartError code BACKEND_MISSING if the backend is not installed,
 * BACKEND_WRONG if it gives wrong results; with `auto` code NO_BACKEND
 */
export async function selectBackend(name: string, precision: Precision = 'fp32'): Promise<BackendName> {
  if (name !== 'auto') {
    const candidate = candidates.find((c) => c.name === name);
    if (candidate === undefined)
      throw new UsageError(`Unknown backend "${name}"; expected one of ${backendNames.join(', ')}.`);
    await activate(candidate);
    return candidate.name;
  }
  const before = automatic.get(precision);
  if (before !== undefined) return selectBackend(before);
  if (precision === 'f16' && (await hasHardwareGpu())) {
    automatic.set(precision, 'webgpu'); // no other backend has these products
    return selectBackend('webgpu');
  }
  const reasons: string[] = [];
  for (const candidate of candidates) {
    if (candidate.name === 'webgpu') continue; // compared with the others' fastest below
    try {
      await activate(candidate);
      const chosen = precision === 'fp32' ? await fasterOf(candidate) : candidate.name; // the GPU has no bf16
      automatic.set(precision, chosen);
      return chosen;
    } catch (error) {
      if (error instanceof UsageError) throw error; // the next backend would hide it
      reasons.push(`${candidate.name}: ${(error as Error).message}`);
    }
  }
  throw new ColdstartError('NO_BACKEND', `No backend works on this machine.\n${reasons.join('\n')}`);
}

async function hasHardwareGpu(): Promise<boolean> {
  const { hardwareGpu } = await import('./webgpu/loadWebGpu.js');
  return hardwareGpu();
}

/** Of the current backend and webgpu, the one that `auto` takes, which becomes the current one. */
async function fasterOf(current: BackendCandidate): Promise<BackendName> {
  if (!(await hasHardwareGpu())) return current.name;
  const { measureStep } = await import('./measureStep.js');
  const seconds = await measureStep();
  try {
    await activate(candidates.find(({ name }) => name === 'webgpu')!);
    if ((await measureStep()) < seconds) return 'webgpu';
  } catch {
    // a GPU that does not pass is no reason not to train; doctor says what is wrong with it
  }
  await setBackend(current.name);
  return current.name;
}

/**
 * Tries every backend: loads it, checks a product and a gradient against known values, measures it. Restores the
 * backend that was current before.
 */
export async function probeBackends(): Promise<BackendReport[]> {
  const before = engine().backendName;
  const reports: BackendReport[] = [];
  for (const candidate of candidates) {
    try {
      const detail = await activate(candidate);
      reports.push({ name: candidate.name, passed: true, detail, matmulGflops: measureMatmulGflops() });
    } catch (error) {
      const missing = error instanceof ColdstartError && error.code === 'BACKEND_MISSING';
      reports.push({
        name: candidate.name,
        passed: false,
        ...(missing && { missing }),
        detail: (error as Error).message,
      });
    }
  }
  if (before) await setBackend(before);
  return reports;
}

/**
 * The rate of float32 matrix products [size, size] x [size, size] on the current backend, in GFLOP/s: the best of the
 * runs that fit into half a second, since the first ones are slow while code is still being compiled. Every share of
 * peak that coldstart reports is relative to this.
 */
export function measureMatmulGflops(size = 512): number {
  const values = Float32Array.from({ length: size * size }, (_, i) => Math.sin(i));
  return tidy(() => {
    const a = tensor2d(values, [size, size]);
    let bestSeconds = Infinity;
    const start = performance.now();
    do {
      const began = performance.now();
      matMul(a, a).dataSync();
      bestSeconds = Math.min(bestSeconds, (performance.now() - began) / 1000);
    } while (performance.now() - start < 500);
    return (2 * size ** 3) / bestSeconds / 1e9;
  });
}

async function activate(candidate: BackendCandidate): Promise<string> {
  const before = engine().backendName;
  const detail = await candidate.load();
  if (!(await setBackend(candidate.name)))
    throw new ColdstartError('BACKEND_INIT', `The ${candidate.name} backend could not be initialised.`);
  try {
    await checkBackend();
  } catch (error) {
    if (before) await setBackend(before);
    throw error;
  }
  return detail;
}

async function loadCpu(): Promise<string> {
  const { MathBackendCPU } = await import('@tensorflow/tfjs-backend-cpu');
  await import('./cpuMatMul.js');
  // Its first use prints an advertisement for tfjs-node; the user asked for the slow reference.
  const backend = engine().findBackend('cpu');
  if (backend instanceof MathBackendCPU) (backend as unknown as { firstUse: boolean }).firstUse = false;
  return 'plain JavaScript, the slow reference';
}

async function loadTensorflow(): Promise<string> {
  const failures: string[] = [];
  for (const packageName of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    try {
      const { version } = (await import(packageName)) as { version?: Record<string, string> };
      return `${packageName} ${version?.['tfjs-node'] ?? ''}, ${cpus().length} cores`;
    } catch (error) {
      // Most users have not installed it; an installed package that fails must say why.
      if (!saysNotInstalled(error))
        failures.push(`${packageName} is installed but does not load: ${(error as Error).message}`);
    }
  }
  if (failures.length > 0) throw new ColdstartError('BACKEND_LOAD', failures.join('\n'));
  throw new ColdstartError(
    'BACKEND_MISSING',
    'not installed. For NVIDIA GPUs: "npm install @tensorflow/tfjs-node-gpu@4.22.0" (needs CUDA); for CPUs: "npm install @tensorflow/tfjs-node@4.22.0".',
  );
}
