import { setBackend } from '@tensorflow/tfjs-core';
import { ColdstartError } from '../../errors.js';
import { checkBackend } from '../checkBackend.js';
import { registerWebGpu } from './registerWebGpu.js';
import type { TfjsWebGpuClass } from './tfjsWebGpu.js';

/**
 * Makes webgpu the current backend in a browser, in the page or in a worker. Tensors on it can only be read by `await
 * tensor.data()`.
 * @returns the adapter's name
 * @throws ColdstartError code BACKEND_MISSING if the browser offers no adapter, BACKEND_WRONG if it computes wrongly
 */
export async function useWebGpu(): Promise<string> {
  const { gpu } = (globalThis as unknown as { navigator: { gpu?: GPU } }).navigator;
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter)
    throw new ColdstartError(
      'BACKEND_MISSING',
      `This browser offers no GPU through WebGPU${gpu === undefined ? ', or this page is not secure (https, or localhost)' : ''}. Use wasm.`,
    );
  const { WebGPUBackend } = (await import('@tensorflow/tfjs-backend-webgpu')) as unknown as {
    WebGPUBackend: TfjsWebGpuClass;
  };
  const registered = await registerWebGpu(adapter, WebGPUBackend, (make) => make(), { during: (call) => call() });
  await setBackend('webgpu');
  await checkBackend();
  return registered.gpu.name;
}
