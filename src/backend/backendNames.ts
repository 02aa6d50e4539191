/** A backend that coldstart can run on. */
export type BackendName = 'native' | 'tensorflow' | 'wasm' | 'cpu';

/** What `--backend` and the setting `backend` accept. A file of its own, since select.ts loads tfjs and `--help` need not. */
export const backendNames: readonly ('auto' | BackendName)[] = ['auto', 'native', 'tensorflow', 'wasm', 'cpu'];
