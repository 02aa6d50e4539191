import { mul, square, tidy, zerosLike, type Tensor } from '@tensorflow/tfjs-core';
import { adamStep } from '../backend/ops/adamStep.js';
import { sgdStep } from '../backend/ops/sgdStep.js';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { ColdstartError } from '../errors.js';

export interface AdamOptions {
  readonly optimizer: 'adam';
  readonly beta1: number;
  readonly beta2: number;
  /** Added to the square root of the uncorrected second moment. */
  readonly eps: number;
  /** Decoupled and scaled by the learning rate, as fairseq applies it. */
  readonly weightDecay: number;
  /**
   * Second moment before the first update: zeros (default), or the square of the first gradient. With the bias correction kept,
   * the latter steps as if the rate were warmed up by sqrt(1 - beta2^t). Source: GI-Adam of Kalra and Barkeshli 2024 (arXiv 2406.09405).
   */
  readonly secondMomentStart?: 'zeros' | 'first-gradient';
}

export interface SgdOptions {
  readonly optimizer: 'sgd';
  readonly momentum: number;
  readonly nesterov: boolean;
  /** Added to the gradient. */
  readonly weightDecay: number;
}

export type OptimizerOptions = AdamOptions | SgdOptions;

/** What an optimiser remembers between updates. */
export interface OptimizerState {
  /** Updates done. */
  readonly step: number;
  /** One tensor per parameter in each slot, matched by name: Adam's moments, SGD's momentum buffer. */
  readonly slots: ReadonlyMap<string, Params>;
}

export interface UpdateOptions {
  readonly lr: number;
  /** Multiplies every gradient first: 1 / tokens times the clipping factor. */
  readonly gradientScale: number;
}

/** An optimiser without state of its own: `init` makes the state, `update` moves parameters and state on. */
export interface Optimizer {
  init(params: Params): OptimizerState;
  /**
   * The next parameters and state, owned by the caller. Gradients, state and parameters are used up: their memory serves the
   * result, and they must not be used or disposed afterwards. Tensors are matched by name; nothing is touched if one is missing.
   */
  update(
    gradients: Params,
    state: OptimizerState,
    params: Params,
    options: UpdateOptions,
  ): { params: Params; state: OptimizerState };
}

/** The optimiser that the options describe. Formulas: adamStep.ts and sgdStep.ts. */
export function createOptimizer(options: OptimizerOptions): Optimizer {
  return options.optimizer === 'adam' ? adam(options) : sgd(options);
}

/** Names of the slots that the state has after the first update. */
export function slotNames(options: OptimizerOptions): string[] {
  if (options.optimizer === 'adam') return ['firstMoment', 'secondMoment'];
  return options.momentum > 0 ? ['momentum'] : [];
}

/** Releases the tensors of a state. */
export function disposeOptimizerState(state: OptimizerState): void {
  for (const slot of state.slots.values()) disposeParams(slot);
}

function adam(options: AdamOptions): Optimizer {
  return {
    init: (params) => ({
      step: 0,
      slots: new Map([
        ['firstMoment', zerosFor(params)],
        ['secondMoment', zerosFor(params)],
      ]),
    }),
    update(gradients, state, params, { lr, gradientScale }) {
      const names = [...params.keys()];
      const step = state.step + 1;
      const ordered = inOrder(names, gradients, 'gradient');
      const isGradientInitialised = step === 1 && options.secondMomentStart === 'first-gradient';
      const secondMoments = isGradientInitialised
        ? ordered.map((gradient) => tidy(() => square(mul(gradient, gradientScale))))
        : inOrder(names, state.slots.get('secondMoment'), 'second moment');
      const updated = adamStep(
        [...params.values()],
        ordered,
        inOrder(names, state.slots.get('firstMoment'), 'first moment'),
        secondMoments,
        { ...options, lr, step, gradientScale },
      );
      if (isGradientInitialised) disposeParams(state.slots.get('secondMoment')!); // the zeros that it does without
      return {
        params: named(names, updated.params),
        state: {
          step,
          slots: new Map([
            ['firstMoment', named(names, updated.firstMoments)],
            ['secondMoment', named(names, updated.secondMoments)],
          ]),
        },
      };
    },
  };
}

function sgd(options: SgdOptions): Optimizer {
  return {
    // the first momentum buffer is the first gradient itself, so there is nothing to hold before it
    init: () => ({ step: 0, slots: new Map() }),
    update(gradients, state, params, { lr, gradientScale }) {
      const names = [...params.keys()];
      const momentum = state.slots.get('momentum');
      const updated = sgdStep(
        [...params.values()],
        inOrder(names, gradients, 'gradient'),
        momentum && inOrder(names, momentum, 'momentum buffer'),
        { ...options, lr, gradientScale },
      );
      const slots = new Map(updated.buffers ? [['momentum', named(names, updated.buffers)]] : []);
      return { params: named(names, updated.params), state: { step: state.step + 1, slots } };
    },
  };
}

function zerosFor(params: Params): Params {
  return new Map([...params].map(([name, tensor]) => [name, zerosLike(tensor)]));
}

function named(names: readonly string[], tensors: readonly Tensor[]): Params {
  return new Map(names.map((name, i) => [name, tensors[i]]));
}

function inOrder(names: readonly string[], tensors: Params | undefined, what: string): Tensor[] {
  return names.map((name) => {
    const tensor = tensors?.get(name);
    if (tensor === undefined)
      throw new ColdstartError(
        'OPTIMIZER_STATE',
        `the optimiser has no ${what} for parameter "${name}". Does its state belong to another model or optimiser?`,
      );
    return tensor;
  });
}
