/**
 * The type to which matrix products round their operands: fp32 (no rounding), or bf16 (8 bits of significand, summed in
 * float32). Parameters and everything else stay float32.
 */
export type Precision = (typeof precisions)[number];

/**
 * What `--precision` and the setting `train.precision` accept. In a separate file, since precision.ts loads tfjs, which
 * `--help` does not need.
 */
export const precisions = ['fp32', 'bf16'] as const;

/** A backend that has further precisions: the native one. */
export interface PreciseBackend {
  readonly hasBf16: boolean;
  /** Runs `body` with all large matrix products in this precision. */
  withPrecision<T>(precision: Precision, body: () => T): T;
}
