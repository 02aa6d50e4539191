import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { env, setBackend } from '@tensorflow/tfjs-core';
import { ColdstartError } from '../../errors.js';
import { checkBackend } from '../checkBackend.js';
import { registerWasm } from './registerWasm.js';

/**
 * Makes wasm the current backend in a browser, in the page or in a worker.
 * @param folder of `tfjs-backend-wasm-simd.wasm` (of the package @tensorflow/tfjs-backend-wasm) and `kernels.wasm` (of
 * this package, backend/wasm): its address, with a slash at its end
 * @returns one line: version, threads
 * @throws ColdstartError as registerWasm; code WASM_KERNELS, caused by BACKEND_MISSING, if kernels.wasm is not there
 */
export async function useWasm(folder: string): Promise<string> {
  env().set('WASM_HAS_MULTITHREAD_SUPPORT', false); // our kernels work in the memory of one thread
  setWasmPaths(folder, true); // its own fetch: the other way does not call WebAssembly.instantiate, which registerWasm watches
  const description = await registerWasm(async () => {
    const response = await fetch(`${folder}kernels.wasm`);
    if (!response.ok)
      throw new ColdstartError('BACKEND_MISSING', `${folder}kernels.wasm cannot be loaded: HTTP ${response.status}.`);
    return new Uint8Array(await response.arrayBuffer());
  });
  await setBackend('wasm');
  await checkBackend();
  return description;
}
