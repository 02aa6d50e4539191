import { getThreadsCount, version_wasm } from '@tensorflow/tfjs-backend-wasm';
import { setBackend } from '@tensorflow/tfjs-core';
import { registerUnsortedSegmentSum } from './unsortedSegmentSum.js';

let loaded: Promise<string> | undefined;

/**
 * Initialises tfjs's wasm backend (its .wasm files are read from node_modules, nothing is fetched) and adds what it lacks.
 * @returns one line: version, threads
 */
export function loadWasm(): Promise<string> {
  loaded ??= initialise();
  return loaded;
}

async function initialise(): Promise<string> {
  registerUnsortedSegmentSum();
  await setBackend('wasm');
  return `tfjs-backend-wasm ${version_wasm}, ${getThreadsCount()} thread`;
}
