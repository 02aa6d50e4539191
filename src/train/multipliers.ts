import type { Params } from '../backend/autodiff/valueAndGradients.js';
import type { Optimizer, OptimizerState, UpdateOptions } from './optimizer.js';

/** Tensors that train as if they were s V with a fixed multiplier s and V of the tensor's size; see `multipliersAt`. */
export interface Multipliers {
  /** s by name, above 0; 1 where a name is missing. */
  readonly scales: Readonly<Record<string, number>>;
  /** Updates over which the multipliers go back to 1; 0: they stay. */
  readonly releaseUpdates: number;
}

/**
 * The multipliers of one update, those that are 1 left out. With a release of n updates log s falls in a straight line
 * to 0 at update n.
 * @param update updates done before this one: 0 for the first
 */
export function multipliersAt({ scales, releaseUpdates }: Multipliers, update: number): ReadonlyMap<string, number> {
  const left = releaseUpdates === 0 ? 1 : Math.max(1 - update / releaseUpdates, 0);
  return new Map(
    Object.entries(scales)
      .map(([name, scale]) => [name, scale ** left] as const)
      .filter(([, scale]) => scale !== 1),
  );
}

/**
 * An optimiser that trains each tensor with a multiplier s as s V, while the multipliers go back to 1. A library's own
 * loop trains with it after GradInit's variant robust, or whenever `scaled` is `rates` or `both`: `scales` are those of
 * GradInit's report, `releaseUpdates` is that of the variant (`variantDefaults`).
 */
export function withMultipliers(optimizer: Optimizer, multipliers: Multipliers): Optimizer {
  return {
    slots: optimizer.slots,
    init: (params) => optimizer.init(params),
    update(gradients, state, params, options) {
      const current = multipliersAt(multipliers, state.step);
      return current.size > 0
        ? updateWithMultipliers(optimizer, gradients, state, params, options, current)
        : optimizer.update(gradients, state, params, options);
    },
  };
}

/**
 * An update after which each tensor W with a multiplier s equals s V, had V been trained. The gradient by V is s times
 * that by W, and W moves by s times what V moves by: for Adam a rate of s lr, for SGD of s² lr. The share of the
 * weights that weight decay takes is as without a multiplier. The optimiser's state is that of V.
 */
export function updateWithMultipliers(
  optimizer: Optimizer,
  gradients: Params,
  state: OptimizerState,
  params: Params,
  { lr, gradientScale, decayScale = 1 }: UpdateOptions,
  multipliers: ReadonlyMap<string, number>,
): { params: Params; state: OptimizerState } {
  if (params.size === 0) return optimizer.update(gradients, state, params, { lr, gradientScale, decayScale });
  const groups = new Map<number, string[]>();
  for (const name of params.keys()) {
    const multiplier = multipliers.get(name) ?? 1;
    groups.set(multiplier, [...(groups.get(multiplier) ?? []), name]);
  }
  const updated = [...groups].map(([multiplier, names]) =>
    optimizer.update(
      only(gradients, names),
      { step: state.step, slots: new Map([...state.slots].map(([slot, tensors]) => [slot, only(tensors, names)])) },
      only(params, names),
      { lr: lr * multiplier, gradientScale: gradientScale * multiplier, decayScale: decayScale / multiplier },
    ),
  );
  const names = [...params.keys()];
  const slots = new Map(
    [...updated[0].state.slots.keys()].map((slot) => [
      slot,
      inOrderOf(
        names,
        updated.map(({ state: { slots } }) => slots.get(slot)!),
      ),
    ]),
  );
  return {
    params: inOrderOf(
      names,
      updated.map((group) => group.params),
    ),
    state: { step: updated[0].state.step, slots },
  };
}

function only(tensors: Params, names: readonly string[]): Params {
  return new Map(names.flatMap((name) => (tensors.has(name) ? [[name, tensors.get(name)!] as const] : [])));
}

function inOrderOf(names: readonly string[], groups: readonly Params[]): Params {
  const all = new Map(groups.flatMap((group) => [...group]));
  return new Map(names.map((name) => [name, all.get(name)!]));
}
