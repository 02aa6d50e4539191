import { useWasm, useWebGpu } from '../../src/browser.js';
import { tinyTraining, type TinyTraining } from './tinyTraining.js';

/** For the test that runs it: undefined if the browser offers no WebGPU. */
async function trainInPage(backend: 'wasm' | 'webgpu', gamma: number): Promise<TinyTraining | undefined> {
  const { gpu } = (globalThis as unknown as { navigator: { gpu?: GPU } }).navigator;
  if (backend === 'webgpu' && !(await gpu?.requestAdapter())) return undefined;
  await (backend === 'wasm' ? useWasm('/wasm/') : useWebGpu());
  return tinyTraining(gamma);
}

Object.assign(globalThis, { trainInPage });
