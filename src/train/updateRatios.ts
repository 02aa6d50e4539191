import { div, sqrt, square, stack, sub, sum } from '@tensorflow/tfjs-core';
import { readComputed } from '../backend/readValues.js';
import type { Params } from '../backend/autodiff/valueAndGradients.js';

/**
 * Whether an update's ratios are sampled: every one of the first 10, every 5th to 50, then every 25th, up to a limit.
 */
export function isRatioSampled(update: number, limit = 0): boolean {
  return update <= limit && update % (update <= 10 ? 1 : update <= 50 ? 5 : 25) === 0;
}

/**
 * For each tensor the L2 norm of its update by the norm it had before, to four digits; null where that was 0 or a
 * number is not finite.
 */
export async function updateRatios(before: Params, after: Params): Promise<(number | null)[]> {
  const [ratios] = await readComputed(() => [
    stack([...before].map(([name, old]) => sqrt(div(sum(square(sub(after.get(name)!, old))), sum(square(old)))))),
  ]);
  return Array.from(ratios, (ratio) => (Number.isFinite(ratio) ? Number(ratio.toPrecision(4)) : null));
}
