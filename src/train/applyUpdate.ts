import type { Params } from '../backend/autodiff/valueAndGradients.js';
import { clipScale } from './clip.js';
import { multipliersAt, updateWithMultipliers, type Multipliers } from './multipliers.js';
import type { Optimizer, OptimizerState } from './optimizer.js';
import { learningRate, type ScheduleOptions } from './schedule.js';
import type { UpdateGradients } from './trainUpdate.js';

/** How gradients become an update. */
export interface UpdateRule {
  readonly optimizer: Optimizer;
  readonly options: ScheduleOptions & { readonly clipNorm: number };
  readonly multipliers?: Multipliers;
  /** Updates done before this one. */
  readonly update: number;
}

/**
 * The next parameters and state: gradients are clipped, and the optimiser steps at the schedule's rate. Takes over all
 * tensors.
 * @returns also the clipping factor, below 1 where gradients were clipped
 */
export function applyUpdate(
  { optimizer, options, multipliers, update }: UpdateRule,
  { gradients, trgTokens, gradNormL2 }: UpdateGradients,
  params: Params,
  state: OptimizerState,
): { params: Params; state: OptimizerState; scale: number } {
  const scale = clipScale(gradNormL2, options.clipNorm);
  const rates = { lr: learningRate(options, update), gradientScale: scale / trgTokens };
  const scaled = multipliers && multipliersAt(multipliers, update);
  const next = scaled?.size
    ? updateWithMultipliers(optimizer, gradients, state, params, rates, scaled)
    : optimizer.update(gradients, state, params, rates);
  return { ...next, scale };
}
