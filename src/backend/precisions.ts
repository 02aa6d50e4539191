/**
 * What matrix products round their operands to: fp32 (nothing), or bf16 (8 bits of significand, summed in float32). Parameters and
 * everything else stay float32.
 */
export type Precision = 'fp32' | 'bf16';

/** What `--precision` and the setting `train.precision` accept. A file of its own, since precision.ts loads tfjs and `--help` need not. */
export const precisions: readonly Precision[] = ['fp32', 'bf16'];
