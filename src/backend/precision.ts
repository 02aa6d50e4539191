import { backend, engine } from '@tensorflow/tfjs-core';
import { UsageError } from '../errors.js';
import { precisionNeeds, type Precision, type PreciseBackend } from './precisions.js';

/**
 * Checks that the current backend computes in this precision here.
 * @throws UsageError that says what is missing
 */
export function checkPrecision(precision: Precision): void {
  if (precision === 'fp32') return;
  const { backend: needed, unit } = precisionNeeds[precision];
  const current = backend();
  const own = hasPrecisions(current) ? current.furtherPrecision : undefined;
  if (!hasPrecisions(current) || own !== precision)
    throw new UsageError(
      `precision ${precision} needs the ${needed} backend; this is ${engine().backendName}${own === undefined ? '' : `, which has ${own}`}. Use "--backend ${needed}", or precision ${own === undefined ? 'fp32' : `${own} or fp32`}.`,
    );
  if (!current.hasFurtherPrecision) throw new UsageError(`precision ${precision} needs ${unit}. Use precision fp32.`);
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
