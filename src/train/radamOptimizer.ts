import { add, dispose, mul, square, sub, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { adamStep } from '../backend/ops/adamStep.js';
import {
  steadyAdamStep,
  initMoments,
  momentFields,
  momentSlots,
  orderedMoments,
  withMoments,
} from './adamOptimizer.js';
import { optimizerKind } from './optimizer.js';

/**
 * RAdam: Adam's rate times r_t, which makes up for the variance of the young second moment; while that cannot be done
 * (the first five updates with beta2 0.98), momentum without a second moment.
 *
 * The step is adamStep's with lr r_t, or p = p - lr wd p - lr / (1 - b1^t) m. Source: Liu et al. 2020 (ICLR, arXiv
 * 1908.03265), algorithm 2, in the form of the authors' program and torch.optim.RAdam.
 */
export const radam = optimizerKind({
  fields: momentFields,
  // Adam's, into which the rectified steps grow: the first few follow the gradient and are far smaller
  steady: { growsWithGradient: false, step: steadyAdamStep },
  create: (options) => ({
    slots: momentSlots,
    init: initMoments,
    update(gradients, state, params, { lr, gradientScale, decayScale = 1 }) {
      const step = state.step + 1;
      const weightDecay = options.weightDecay * decayScale;
      const { names, ...tensors } = orderedMoments(gradients, state, params);
      const factor = rectification(options.beta2, step);
      if (factor === undefined) {
        const updated = names.map((_, i) => {
          const used = [tensors.params[i], tensors.gradients[i], tensors.firstMoments[i], tensors.secondMoments[i]];
          const moved = tidy(() => momentumStep(used, { ...options, weightDecay, lr, step, gradientScale }));
          dispose(used);
          return moved;
        });
        return withMoments(names, step, {
          params: updated.map(([param]) => param),
          firstMoments: updated.map(([, first]) => first),
          secondMoments: updated.map(([, , second]) => second),
        });
      }
      const updated = adamStep(tensors.params, tensors.gradients, tensors.firstMoments, tensors.secondMoments, {
        ...options,
        lr: lr * factor,
        weightDecay: weightDecay / factor, // adamStep scales it by its rate; the decay is not rectified
        step,
        gradientScale,
      });
      return withMoments(names, step, updated);
    },
  }),
});

/**
 * The factor r_t of update t, from 1; undefined while it has no value that can be relied on: the approximated length of
 * the moving average is 5 or less. (The paper says 4, where r_t begins to exist; the authors' program and torch say 5.)
 */
export function rectification(beta2: number, t: number): number | undefined {
  const longest = 2 / (1 - beta2) - 1;
  const length = longest - (2 * t * beta2 ** t) / (1 - beta2 ** t);
  if (length <= 5) return undefined;
  return Math.sqrt(((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length));
}

interface MomentumStep {
  readonly beta1: number;
  readonly beta2: number;
  readonly weightDecay: number;
  readonly lr: number;
  /** From 1. */
  readonly step: number;
  readonly gradientScale: number;
}

/** Parameter and both moments after an update along the corrected first moment. */
function momentumStep(
  [param, gradient, first, second]: readonly Tensor[],
  { beta1, beta2, weightDecay, lr, step, gradientScale }: MomentumStep,
): [Tensor, Tensor, Tensor] {
  const g = mul(gradient, gradientScale);
  const m = add(mul(first, beta1), mul(g, 1 - beta1));
  const v = add(mul(second, beta2), mul(square(g), 1 - beta2));
  return [sub(mul(param, 1 - lr * weightDecay), mul(m, lr / (1 - beta1 ** step))), m, v];
}
