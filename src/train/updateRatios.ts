import { div, sqrt, square, stack, sub, sum, tidy } from '@tensorflow/tfjs-core';
import type { Params } from '../backend/autodiff/valueAndGradients.js';

/** Whether an update's ratios are sampled: every one of the first 10, every 5th to 50, then every 25th, up to a limit. */
export function isRatioSampled(update: number, limit = 0): boolean {
  return update <= limit && update % (update <= 10 ? 1 : update <= 50 ? 5 : 25) === 0;
}

/** For each tensor the L2 norm of its update by the norm it had before, to four digits; null where that was 0 or a number is not finite. */
export function updateRatios(before: Params, after: Params): (number | null)[] {
  let ratios: number[] = [];
  tidy(() => {
    ratios = [
      ...stack(
        [...before].map(([name, old]) => sqrt(div(sum(square(sub(after.get(name)!, old))), sum(square(old))))),
      ).dataSync(),
    ];
  });
  return ratios.map((ratio) => (Number.isFinite(ratio) ? Number(ratio.toPrecision(4)) : null));
}
