/**
 * Makes tfjs's cpu backend compute in double precision in this process: its float32 values live in Float32Array, which
 * is replaced here. Import this file before any other, so that it takes effect before tfjs loads. For tests against
 * finite differences, which single precision is too coarse for.
 */
import { types } from 'node:util';

(globalThis as { Float32Array: unknown }).Float32Array = Float64Array;
// how tfjs recognises its arrays
Object.defineProperty(types, 'isFloat32Array', { value: types.isFloat64Array });
