import { isAddonBuilt } from '../src/backend/native/addon.js';

/** The backends that tests of ops and models run on: those that npm installs, and the native engine if it was built. */
export const testBackends: readonly string[] = ['cpu', 'wasm', ...(isAddonBuilt() ? ['native'] : [])];
