import type { BackendName } from './backendNames.js';

/**
 * The type to which matrix products round their operands: fp32 (no rounding), bf16 (8 bits of significand) or f16 (11
 * bits, of numbers up to 65,504). Sums, parameters and everything else are float32.
 */
export type Precision = (typeof precisions)[number];

/**
 * What `--precision` and the setting `train.precision` accept. In a separate file, since precision.ts loads tfjs, which
 * `--help` does not need.
 */
export const precisions = ['fp32', 'bf16', 'f16'] as const;

/** The backend that has a precision besides fp32, and the unit of the machine that it needs. */
export const precisionNeeds: Readonly<
  Record<Exclude<Precision, 'fp32'>, { readonly backend: BackendName; readonly unit: string }>
> = {
  bf16: { backend: 'native', unit: 'a processor with AVX-512 BF16 or AMX ("coldstart doctor" names its units)' },
  f16: { backend: 'webgpu', unit: 'a GPU with the feature shader-f16 ("coldstart doctor" says whether it has it)' },
};

/** A backend that has one more precision than fp32, where the machine has the unit. */
export interface PreciseBackend {
  readonly furtherPrecision: Exclude<Precision, 'fp32'>;
  /** Whether this machine has the unit that it needs. */
  readonly hasFurtherPrecision: boolean;
  /** Runs `body` with all large matrix products in this precision. */
  withPrecision<T>(precision: Precision, body: () => T): T;
}
