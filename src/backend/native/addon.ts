import { createRequire } from 'node:module';
import { ColdstartError, UsageError } from '../../errors.js';
import { suggest } from '../../suggest.js';
import { builtEngine } from './engineFolders.js';

/** What the compiled addon (native/addon.cpp) exports. Handles are the addon's names for blocks of tensor memory. */
export interface NativeAddon {
  kernelNames(): string[];
  /** Where calls are written: [tensor count, attribute count, (handle, type, rank, dims …) …, attributes …]. */
  setCallBuffer(words: Float64Array): void;
  /** Runs a kernel, by its index in `kernelNames`, on the call in the buffer. */
  run(kernel: number): void;
  allocate(bytes: number): number;
  release(handle: number): void;
  write(handle: number, values: ArrayBufferView): void;
  read(handle: number, values: ArrayBufferView): void;
  /**
   * `primitives`: products and convolutions that oneDNN has compiled and that are held for the next call of their
   * sizes.
   */
  memory(): { liveBlocks: number; liveBytes: number; cachedBytes: number; peakBytes: number; primitives: number };
  /** Returns cached blocks to the system. */
  trimMemory(): void;
  /** 1: every new block is filled with NaN bits, so that tests find reads of memory that was never written. */
  setPoison(poison: 0 | 1): void;
  setThreads(threads: number): void;
  /**
   * The type to which large matrix products round their operands from now on. 0: float32; 1: bf16, which throws where
   * `info().bf16` is "".
   */
  setPrecision(precision: 0 | 1): void;
  /** `bf16`: the unit that multiplies bf16, "amx" or "avx512"; "" without one. */
  info(): {
    version: string;
    oneDnnVersion: string;
    instructionSet: string;
    threads: number;
    bf16: 'amx' | 'avx512' | '';
  };
}

/** The version of the interface above; the addon reports the version that it was built with. */
const expectedVersion = '4';

/** The command to run if the engine is missing or does not fit. */
export const buildCommand = 'npx coldstart build-native';

/** Whether the addon was built on this machine. */
export function isAddonBuilt(): boolean {
  return builtEngine() !== undefined;
}

/**
 * Loads OpenMP's runtime so that a thread that waits for the others spins for about a tenth of a millisecond and then
 * sleeps. By default it spins for many milliseconds, and if other processes need the cores, that takes a core from the
 * thread it waits for.
 */
function withShortSpinning<T>(load: () => T): T {
  const { env } = process;
  if (env['GOMP_SPINCOUNT'] !== undefined || env['OMP_WAIT_POLICY'] !== undefined) return load();
  env['GOMP_SPINCOUNT'] = '3000';
  try {
    return load();
  } finally {
    delete env['GOMP_SPINCOUNT']; // not for child processes
  }
}

/** The values of COLDSTART_INSTRUCTION_SET: the largest set that kernels may use (native/instructionSet.cpp). */
const instructionSets = ['avx512', 'avx2', 'baseline'];

function checkInstructionSet(named: string | undefined): void {
  if (named === undefined || named === '' || instructionSets.includes(named)) return;
  const nearest = suggest(named, instructionSets);
  throw new UsageError(
    `Unknown instruction set "${named}" in COLDSTART_INSTRUCTION_SET; expected ${instructionSets.join(', ')} or nothing.${nearest === undefined ? '' : ` Did you mean ${nearest}?`}`,
  );
}

/**
 * Loads the addon.
 * @throws ColdstartError code BACKEND_MISSING if it was not built, NATIVE_LOAD if it does not load, NATIVE_VERSION if
 * it was built from other sources; UsageError if COLDSTART_INSTRUCTION_SET names no instruction set
 */
export function loadAddon(): NativeAddon {
  checkInstructionSet(process.env['COLDSTART_INSTRUCTION_SET']);
  const path = builtEngine();
  if (path === undefined) {
    throw new ColdstartError(
      'BACKEND_MISSING',
      `not built. Run "${buildCommand}"; it needs g++ and oneDNN (Debian, Ubuntu: apt-get install g++ libdnnl-dev).`,
    );
  }
  let addon: NativeAddon;
  try {
    addon = withShortSpinning(() => createRequire(import.meta.url)(path) as NativeAddon);
  } catch (error) {
    throw new ColdstartError(
      'NATIVE_LOAD',
      `${path} does not load: ${(error as Error).message}. Run "${buildCommand}" again.`,
      { cause: error },
    );
  }
  const { version } = addon.info();
  if (version !== expectedVersion) {
    throw new ColdstartError(
      'NATIVE_VERSION',
      `${path} has version ${version}, expected ${expectedVersion}. Run "${buildCommand}" again.`,
    );
  }
  return addon;
}
