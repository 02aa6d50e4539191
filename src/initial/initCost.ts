import type { Branch } from '../gradinit/scaleOptimizer.js';
import type { goals, Scaled } from '../gradinit/variants.js';

/** The cost of learning or profiling initial parameters, before training. */
export interface InitCost {
  readonly seconds: number;
  /** Target tokens of the batches that were used, each counted once per use. */
  readonly trgTokens: number;
  /** Updates of training with the same amount of computation; see `passes`. */
  readonly updateEquivalents: number;
}

/**
 * Cost of each use of a batch in gradients of the loss on it (one of which, on one update's batch, is an update). The
 * rule: the gradient of a computation costs three times the computation, as the backward pass of a matrix product is
 * two.
 */
export const passes = {
  /** A value: a third of its gradient. */
  forward: 1 / 3,
  gradient: 1,
  /** The gradient of a gradient's norm. */
  secondOrder: 3,
  /** The gradient of a quotient of gradients and Hessian products. */
  thirdOrder: 9,
} as const;

/** Uses of a batch: their number, and the cost of one. */
export interface BatchUse {
  readonly trgTokens: number;
  readonly passes: number;
}

/**
 * A GradInit iteration: a gradient on the first part, then a second-order one there, or a gradient on the second part.
 * The norm of a gradient that only rates scale is differentiated without a further pass. With the goal `cosine` both
 * parts have a gradient and a second-order one.
 */
export function gradInitUses(
  branch: Branch,
  firstTokens: number,
  secondTokens: number,
  scaled: Scaled = 'weights',
  goal: (typeof goals)[number] = 'step',
): BatchUse[] {
  if (goal === 'cosine')
    return [passes.gradient, passes.secondOrder].flatMap((cost) =>
      [firstTokens, secondTokens].map((trgTokens) => ({ trgTokens, passes: cost })),
    );
  const first = { trgTokens: firstTokens, passes: passes.gradient };
  if (branch === 'objective') return [first, { trgTokens: secondTokens, passes: passes.gradient }];
  return scaled === 'rates' ? [first] : [first, { trgTokens: firstTokens, passes: passes.secondOrder }];
}

/**
 * GradInit's check after learning: with the scales and without, a gradient on the first part and a loss on the second.
 */
export function checkUses(firstTokens: number, secondTokens: number): BatchUse[] {
  return [
    { trgTokens: 2 * firstTokens, passes: passes.gradient },
    { trgTokens: 2 * secondTokens, passes: passes.forward },
  ];
}

/**
 * A MetaInit iteration: a gradient, and the gradient of the gradient quotient. Several pieces need two more passes,
 * each for a product with the Hessian.
 */
export function metaInitUses(trgTokens: number, numPieces: number): BatchUse[] {
  const products = numPieces > 1 ? [passes.secondOrder, passes.secondOrder] : [];
  return [passes.gradient, ...products, passes.thirdOrder].map((cost) => ({ trgTokens, passes: cost }));
}

/** @param tokensPerUpdate mean target tokens of an update */
export function initCost(uses: readonly BatchUse[], tokensPerUpdate: number, seconds: number): InitCost {
  const weighted = uses.reduce((total, use) => total + use.trgTokens * use.passes, 0);
  return {
    seconds,
    trgTokens: uses.reduce((total, use) => total + use.trgTokens, 0),
    updateEquivalents: weighted / tokensPerUpdate,
  };
}
