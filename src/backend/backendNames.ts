/** A backend that coldstart can run on. */
export type BackendName = 'native' | 'webgpu' | 'tensorflow' | 'wasm' | 'cpu';

/**
 * What `--backend` and the setting `backend` accept. In a separate file, since select.ts loads tfjs, which `--help`
 * does not need.
 */
export const backendNames: readonly ('auto' | BackendName)[] = [
  'auto',
  'native',
  'webgpu',
  'tensorflow',
  'wasm',
  'cpu',
];
