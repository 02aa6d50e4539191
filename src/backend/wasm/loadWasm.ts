import { readFile } from 'node:fs/promises';
import { registerWasm } from './registerWasm.js';

let loaded: Promise<string> | undefined;

/**
 * Makes tfjs's wasm backend and adds coldstart's kernels to it. Its .wasm files are read from node_modules, nothing
 * is fetched.
 * @returns one line: version, threads
 * @throws ColdstartError if the runtime has no WebAssembly SIMD
 */
export function loadWasm(): Promise<string> {
  loaded ??= registerWasm(() => readFile(new URL('./kernels.wasm', import.meta.url)));
  return loaded;
}
