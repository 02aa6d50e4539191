import { getThreadsCount, version_wasm, type BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { findBackendFactory, registerBackend, removeBackend } from '@tensorflow/tfjs-core';
import { ColdstartError } from '../../errors.js';
import { registerAttentionKernels } from './attentionKernels.js';
import { registerBatchMatMul } from './batchMatMul.js';
import { instantiateKernels } from './compiledKernels.js';
import { registerLayerNormKernels } from './layerNormKernels.js';
import { registerLinearKernels } from './linearKernels.js';
import { registerOptimizerKernels } from './optimizerKernels.js';
import { registerReplacedKernels } from './replacedKernels.js';
import { registerTokenKernels } from './tokenKernels.js';
import { checkAllocations, WasmContext } from './wasmContext.js';

/**
 * Makes tfjs's wasm backend and adds coldstart's kernels to it.
 * @param readKernels the bytes of kernels.wasm
 * @returns one line: version, threads
 * @throws ColdstartError code BACKEND_INIT or OUT_OF_MEMORY if tfjs's backend does not start, WASM_MEMORY if its memory
 * is not found, BACKEND_MISSING if it is not there, WASM_KERNELS if ours do not load
 */
export async function registerWasm(readKernels: () => Promise<Uint8Array<ArrayBuffer>>): Promise<string> {
  const { backend, memory } = await makeBackend();
  // From now on setBackend('wasm') finds this instance instead of making another with another memory.
  removeBackend('wasm');
  registerBackend('wasm', () => backend, 2);
  let kernels;
  try {
    kernels = await instantiateKernels(await readKernels(), memory);
  } catch (error) {
    throw new ColdstartError(
      'WASM_KERNELS',
      `The compiled wasm kernels do not load: ${(error as Error).message}. Run "npm run build".`,
      { cause: error },
    );
  }
  checkAllocations(backend);
  const context = new WasmContext(backend, kernels, memory);
  registerReplacedKernels(context);
  registerBatchMatMul(context);
  registerLinearKernels(context);
  registerLayerNormKernels(context);
  registerAttentionKernels(context);
  registerTokenKernels(context);
  registerOptimizerKernels(context);
  return `tfjs-backend-wasm ${version_wasm} with coldstart's SIMD kernels, ${getThreadsCount()} thread`;
}

/**
 * The backend and the memory of its tensors. tfjs does not expose the memory, but calls WebAssembly.instantiate for the
 * module that owns it, so that function is watched while the backend is made. Other code may call it meanwhile, as Node
 * 22's own fetch does: the right memory is the one of which tfjs's heap is a view.
 */
async function makeBackend(): Promise<{ backend: BackendWasm; memory: WebAssembly.Memory }> {
  const factory = findBackendFactory('wasm');
  if (factory === null || factory === undefined)
    throw new ColdstartError('BACKEND_MISSING', 'The tfjs wasm backend is not registered; run "npm ci".');
  const { instantiate } = WebAssembly;
  const { warn } = console;
  const memories: WebAssembly.Memory[] = [];
  let failure: unknown;
  const handlers = new Set(exceptionHandlers().map(({ handler }) => handler));
  WebAssembly.instantiate = (async (...args: Parameters<typeof instantiate>) => {
    // tfjs's module has installed handlers that throw whatever reaches them, and would end programs that handle their
    // rejections
    for (const { event, handler } of exceptionHandlers())
      if (!handlers.has(handler)) process.removeListener(event, handler);
    // from bytes it makes a module and an instance, from a compiled module only the instance
    const made: Promise<{ instance: WebAssembly.Instance } | WebAssembly.Instance> = instantiate(...args);
    const result = await made.catch((error: unknown) => {
      failure = error;
      throw error;
    });
    const { exports } = 'instance' in result ? result.instance : result;
    for (const value of Object.values(exports)) if (value instanceof WebAssembly.Memory) memories.push(value);
    return result;
  }) as typeof instantiate;
  console.warn = () => {}; // a module that does not start prints its own words, twice
  try {
    const backend = (await Promise.resolve(factory()).catch((error: unknown) => {
      throw notStarted(failure ?? error);
    })) as BackendWasm;
    const { HEAPU8 } = backend.wasm as unknown as { HEAPU8: Uint8Array };
    const memory = memories.find(({ buffer }) => buffer === HEAPU8.buffer);
    if (memory === undefined)
      throw new ColdstartError(
        'WASM_MEMORY',
        'The memory of the tfjs wasm backend was not found; expected @tensorflow/tfjs-backend-wasm 4.22.0.',
      );
    return { backend, memory };
  } finally {
    WebAssembly.instantiate = instantiate;
    console.warn = warn;
  }
}

const handled = ['uncaughtException', 'unhandledRejection'] as const;

/** The process's handlers of exceptions and rejections; a browser has no process. */
function exceptionHandlers(): { readonly event: string; readonly handler: (...args: unknown[]) => void }[] {
  if (typeof process === 'undefined') return [];
  return handled.flatMap((event) =>
    process.listeners(event as 'exit').map((handler) => ({ event, handler: handler as (...args: unknown[]) => void })),
  );
}

/** tfjs rejects with an object that has only advice for browsers, so the cause is what WebAssembly said. */
function notStarted(cause: unknown): ColdstartError {
  const { message } = cause as { message: string };
  return /memory/i.test(message)
    ? new ColdstartError(
        'OUT_OF_MEMORY',
        `The wasm backend cannot start: there is not enough memory (${message}). It reserves 10 GB of addresses: raise the limit ("ulimit -v unlimited"), close other programs, or build the native engine ("coldstart build-native").`,
        { cause },
      )
    : new ColdstartError('BACKEND_INIT', `The wasm backend cannot start: ${message}.`, { cause });
}
