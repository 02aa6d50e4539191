import { backend, engine } from '@tensorflow/tfjs-core';
import { UsageError } from '../errors.js';
import type { Precision, PreciseBackend } from './precisions.js';

/**
 * Checks that the current backend computes in this precision here.
 * @throws UsageError that says what is missing
 */
export function checkPrecision(precision: Precision): void {
  if (precision === 'fp32') return;
  const current = backend();
  if (!hasPrecisions(current)) {
    throw new UsageError(
      `precision ${precision} needs the native backend; this is ${engine().backendName}. Use "--backend native", or precision fp32.`,
    );
  }
  if (!current.hasBf16)
    throw new UsageError(
      'precision bf16 needs a processor with AVX-512 BF16 or AMX ("coldstart doctor" names its units). Use precision fp32.',
    );
}

/**
 * Runs `body` with all large matrix products in this precision, also those in gradients of gradients; float32 before
 * and after it. Small products and batches of products stay in float32.
 * @throws UsageError if the current backend does not have the precision
 */
export function withPrecision<T>(precision: Precision = 'fp32', body: () => T): T {
  checkPrecision(precision);
  const current = backend();
  return hasPrecisions(current) ? current.withPrecision(precision, body) : body();
}

function hasPrecisions(current: object): current is PreciseBackend {
  return 'withPrecision' in current;
}
