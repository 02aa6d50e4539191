import type { TensorGradients } from '../../run/gradientRecord.js';

/** A number for the gradients of several tensors together; NaN if one of them is not finite. */
export type GradientMeasure = (tensors: readonly TensorGradients[]) => number;

const total = (tensors: readonly TensorGradients[], of: (tensor: TensorGradients) => number | null): number =>
  tensors.reduce((sum, tensor) => sum + (of(tensor) ?? NaN), 0);
const squared = (value: number | null): number | null => (value === null ? null : value ** 2);

/** L2 norm, mean over batches. */
export const gradientNorm: GradientMeasure = (tensors) => Math.sqrt(total(tensors, ({ normL2 }) => squared(normL2)));

/** Variance over batches, summed over elements. */
export const gradientVariance: GradientMeasure = (tensors) => total(tensors, ({ variance }) => variance);

/**
 * The variance divided by the squared norm of the mean gradient, which does not fall merely because weights are
 * smaller.
 */
export const relativeGradientVariance: GradientMeasure = (tensors) =>
  gradientVariance(tensors) / total(tensors, ({ meanNormL2 }) => squared(meanNormL2));

/** Variance over batches, mean per element. */
export const elementVariance: GradientMeasure = (tensors) =>
  gradientVariance(tensors) / total(tensors, ({ size }) => size);
