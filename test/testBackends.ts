import { isAddonBuilt } from '../src/backend/native/addon.js';

/** The backends that tests of ops and models run on: those that install from npm alone, and the native engine where it was built. */
export const testBackends: readonly string[] = ['cpu', 'wasm', ...(isAddonBuilt() ? ['native'] : [])];
