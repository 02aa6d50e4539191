import { zerosLike, type Tensor } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { ColdstartError, type UsageError } from '../errors.js';
import type { Section, Values } from '../field.js';

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
  /** Multiplies the weight decay; default 1. */
  readonly decayScale?: number;
}

/** An optimiser without memory: `init` makes the state, `update` moves parameters and state on. */
export interface Optimizer {
  /** Names of the slots that the state has after the first update; checkpoints hold them. */
  readonly slots: readonly string[];
  /** The state before the first update. */
  init(params: Params): OptimizerState;
  /**
   * The next parameters and state, owned by the caller. Gradients, state and parameters are used up: their memory
   * serves the result, and they must not be used or disposed afterwards. Tensors are matched by name; nothing is
   * touched if one is missing.
   */
  update(
    gradients: Params,
    state: OptimizerState,
    params: Params,
    options: UpdateOptions,
  ): { params: Params; state: OptimizerState };
}

/** An optimiser that configurations can name: a file with one of these, and a line in optimizers.ts. */
export interface OptimizerKind<F extends Section = Section> {
  /**
   * Its settings in `train`: the schema, the reference of settings and the checks of library calls are made from them.
   */
  readonly fields: F;
  /**
   * Refuses settings that the fields cannot refuse. @param refuse makes the error for a setting from the expectation
   */
  readonly check?: (options: Values<F>, refuse: (key: keyof F & string, expected: string) => UsageError) => void;
  readonly create: (options: Values<F>) => Optimizer;
  /**
   * How it moves while gradients stay the same. Without it, GradInit before training with it takes the published size
   * of its step.
   */
  readonly steady?: SteadySteps<F>;
}

/** The steps of an optimiser while a parameter's gradient stays the same, without weight decay. */
export interface SteadySteps<F extends Section = Section> {
  /**
   * What update t, from 1, moves a parameter by at a rate of 1. In plain numbers, so that it needs no backend.
   * @param gradient small compared with 1 and large compared with eps
   */
  readonly step: (options: Values<F>, t: number, gradient: number) => number;
  /**
   * Whether a gradient of twice the size gives a step of twice the size, as with SGD; else the size does not matter, as
   * with Adam.
   */
  readonly growsWithGradient: boolean;
}

/** The kind itself; it types `check` and `create` by the fields. */
export function optimizerKind<const F extends Section>(kind: OptimizerKind<F>): OptimizerKind<F> {
  return kind;
}

/** Releases the tensors of a state. */
export function disposeOptimizerState(state: OptimizerState): void {
  for (const slot of state.slots.values()) disposeParams(slot);
}

/** A zero tensor for every parameter. */
export function zerosFor(params: Params): Params {
  return new Map([...params].map(([name, tensor]) => [name, zerosLike(tensor)]));
}

export function named(names: readonly string[], tensors: readonly Tensor[]): Params {
  return new Map(names.map((name, i) => [name, tensors[i]]));
}

/**
 * The tensors of these names. @throws ColdstartError OPTIMIZER_STATE for the first that is missing; `what` describes
 * them
 */
export function inOrder(names: readonly string[], tensors: Params | undefined, what: string): Tensor[] {
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
