import { formatLoss } from '../format.js';
import { all, isFinite as isFiniteElement, stack, tidy } from '@tensorflow/tfjs-core';
import { readComputed } from '../backend/readValues.js';
import type { Params } from '../backend/autodiff/valueAndGradients.js';
import { ColdstartError } from '../errors.js';

/** Training ran into infinite or undefined numbers. A result, not a defect: ablations record it. */
export class DivergenceError extends ColdstartError {
  constructor(
    readonly update: number,
    readonly loss: number,
    /** First tensor with such numbers, e.g. "gradient of encoder.layers.0.fc1.weight". */
    readonly tensor: string,
    /** The newest checkpoint from which at least one update succeeded. */
    readonly lastCheckpoint: string | undefined,
  ) {
    super(
      'DIVERGED',
      `training diverged at update ${update}: loss ${formatLoss(loss)}, first in the ${tensor}. ` +
        (lastCheckpoint
          ? `The last good checkpoint is ${lastCheckpoint}. `
          : 'There is no checkpoint from before that. ') +
        'Lower the learning rate, clip gradients (train.clipNorm), or use a warmup or GradInit.',
    );
  }
}

/** The first named tensor that holds a number that is not finite. */
export async function firstNonFinite(
  groups: readonly { readonly what: string; readonly tensors: Params }[],
): Promise<string | undefined> {
  for (const { what, tensors } of groups) {
    if (tensors.size === 0) continue;
    const [isFinite] = await readComputed(() => [
      stack([...tensors.values()].map((value) => tidy(() => all(isFiniteElement(value))))),
    ]);
    const first = isFinite.findIndex((flag) => !flag);
    if (first !== -1) return `${what} ${[...tensors.keys()][first]}`;
  }
  return undefined;
}
