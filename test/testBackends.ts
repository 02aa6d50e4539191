import { isAddonBuilt } from '../src/backend/native/addon.js';

/**
 * Whether the tests may use a software GPU: scripts/run-tests.mjs says so where scripts/setup-software-gpu.sh put one.
 */
export const hasSoftwareGpu: boolean = process.env.COLDSTART_SOFTWARE_GPU === '1';

/** Whether that software GPU has matrix units: the tests of these run in a process with another driver. */
export const hasMatrixUnits: boolean = hasSoftwareGpu && process.env.COLDSTART_SOFTWARE_MATRIX_UNITS === '1';

/** Why tests on a GPU are skipped, for the reports of the test runner; false where they run. */
export const withoutGpu: false | string =
  !hasSoftwareGpu && 'no software GPU is set up here (run "scripts/setup-software-gpu.sh")';

/**
 * The backends that tests of ops and models run on: those that npm installs, the native engine if it was built, and
 * WebGPU on a software device if one was set up.
 */
export const testBackends: readonly string[] = [
  'cpu',
  'wasm',
  ...(isAddonBuilt() ? ['native'] : []),
  ...(hasSoftwareGpu ? ['webgpu'] : []),
];
