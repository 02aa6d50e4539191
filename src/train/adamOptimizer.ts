import { mul, square, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { adamStep } from '../backend/ops/adamStep.js';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { optionalChoice, real } from '../field.js';
import { inOrder, named, optimizerKind, zerosFor, type OptimizerState } from './optimizer.js';

/** Settings of every optimiser that keeps Adam's two moments. */
export const momentFields = {
  beta1: real(0.9, 'decay of the first moment.', { min: 0, below: 1 }),
  beta2: real(0.98, 'decay of the second moment.', { min: 0, below: 1 }),
  eps: real(1e-8, 'added to the root of the second moment.', { above: 0, below: 1 }),
  weightDecay: real(0, 'weight decay, decoupled and scaled by the rate (as fairseq).', { min: 0 }),
} as const;

/**
 * Adam. Formula: adamStep.ts.
 *
 * With `secondMomentStart: first-gradient` the second moment begins with the square of the first gradient. The bias
 * correction stays, so the first steps are those of a rate warmed up by sqrt(1 - beta2^t). Source: GI-Adam of Kalra and
 * Barkeshli 2024 (arXiv 2406.09405).
 */
export const adam = optimizerKind({
  fields: {
    ...momentFields,
    secondMomentStart: optionalChoice(
      ['zeros', 'first-gradient'],
      "second moment before the first update; first-gradient: the first gradient's square (GI-Adam). Default: first-gradient after GradInit's variant robust, zeros otherwise.",
    ),
  },
  steady: {
    growsWithGradient: false,
    step: ({ secondMomentStart, ...options }, t, gradient) =>
      steadyAdamStep(options, t, gradient, secondMomentStart === 'first-gradient'),
  },
  create: (options) => ({
    slots: momentSlots,
    init: initMoments,
    update(gradients, state, params, { lr, gradientScale, decayScale = 1 }) {
      const step = state.step + 1;
      const ordered = orderedMoments(gradients, state, params);
      const startsFromGradient = step === 1 && options.secondMomentStart === 'first-gradient';
      const secondMoments = startsFromGradient
        ? ordered.gradients.map((gradient) => tidy(() => square(mul(gradient, gradientScale))))
        : ordered.secondMoments;
      const updated = adamStep(ordered.params, ordered.gradients, ordered.firstMoments, secondMoments, {
        ...options,
        weightDecay: options.weightDecay * decayScale,
        lr,
        step,
        gradientScale,
      });
      if (startsFromGradient) disposeParams(state.slots.get('secondMoment')!); // the zeros, which it does without
      return withMoments(ordered.names, step, updated);
    },
  }),
});

/**
 * The step of update t at a rate of 1 while the gradient stays the same. The correction of the first moment undoes its
 * start from zero.
 */
export function steadyAdamStep(
  { beta2, eps }: { readonly beta2: number; readonly eps: number },
  t: number,
  gradient: number,
  startsFromGradient = false,
): number {
  const correction = Math.sqrt(1 - beta2 ** t);
  const root = gradient * (startsFromGradient ? 1 : correction);
  return (correction * gradient) / (root + eps);
}

/** Names of Adam's two moments in the state. */
export const momentSlots: readonly string[] = ['firstMoment', 'secondMoment'];

/** Moments of zeros, before the first update. */
export function initMoments(params: Params): OptimizerState {
  return { step: 0, slots: new Map(momentSlots.map((slot) => [slot, zerosFor(params)])) };
}

interface Moments {
  readonly params: readonly Tensor[];
  readonly firstMoments: readonly Tensor[];
  readonly secondMoments: readonly Tensor[];
}

/** Parameters, gradients and moments as lists in one order. @throws ColdstartError OPTIMIZER_STATE if one is missing */
export function orderedMoments(
  gradients: Params,
  { slots }: OptimizerState,
  params: Params,
): Moments & { readonly names: readonly string[]; readonly gradients: readonly Tensor[] } {
  const names = [...params.keys()];
  return {
    names,
    params: [...params.values()],
    gradients: inOrder(names, gradients, 'gradient'),
    firstMoments: inOrder(names, slots.get('firstMoment'), 'first moment'),
    secondMoments: inOrder(names, slots.get('secondMoment'), 'second moment'),
  };
}

/** The lists after an update as parameters and state. */
export function withMoments(
  names: readonly string[],
  step: number,
  { params, firstMoments, secondMoments }: Moments,
): { params: Params; state: OptimizerState } {
  const slots = new Map([
    ['firstMoment', named(names, firstMoments)],
    ['secondMoment', named(names, secondMoments)],
  ]);
  return { params: named(names, params), state: { step, slots } };
}
