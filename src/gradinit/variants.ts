import type { ScaleStep } from './scaleOptimizer.js';

/**
 * The target of the scales. `weights`: the initial tensors, as published. `rates`: training's updates of a tensor,
 * while the tensor starts as drawn. `both`: W = s V, V trained at its own size.
 */
export type Scaled = (typeof scaledChoices)[number];
export const scaledChoices = ['weights', 'rates', 'both'] as const;

/** What a bound on the gradient norm is for: all gradients together, or each side by itself. */
export const gammaScopes = ['all', 'sides'] as const;

/**
 * The goal while the norm is under its bound. `step`: the smallest loss after the optimiser's step. `cosine`: the
 * largest cosine between the gradients of the two parts of the data (GradCosine).
 */
export const goals = ['step', 'cosine'] as const;

export const crossAttentionChoices = ['scaled', 'drawn'] as const;

/** Settings whose default depends on the variant. */
export interface VariantSettings {
  readonly iterations: number;
  /** Step of the scales. */
  readonly lr: number;
  /** Step of the scales of layer norms; undefined: lr. */
  readonly layerNormLr: number | undefined;
  readonly minScale: number;
  readonly biasMinScale: number;
  /** undefined: no bound. */
  readonly maxScale: number | undefined;
  readonly layerNormMaxScale: number | undefined;
  readonly scaleStep: ScaleStep;
  readonly scaled: Scaled;
  /** Updates of training over which scaled rates return to 1; 0: never. */
  readonly releaseUpdates: number;
  /** Whether the decoder's attention to the encoder is scaled too, or stays as drawn. */
  readonly crossAttention: (typeof crossAttentionChoices)[number];
  /** Whether training starts from the drawn parameters if learning did not help. */
  readonly fallBack: boolean;
}

/**
 * `released`: the authors' program for IWSLT'14. `paper`: Algorithm 1. `robust`: measured here
 * (docs/results/gradinit-robust.md). No scale exceeds 1, since the look-ahead rewards larger queries and keys, with
 * which attention saturates; attention to the encoder stays as drawn, since the first steps lower the loss without the
 * source, and a decoder without it learns only a language model.
 */
export const variantDefaults = {
  robust: {
    iterations: 30,
    lr: 0.05,
    layerNormLr: 0,
    minScale: 0.3,
    biasMinScale: 0.1,
    maxScale: 1,
    layerNormMaxScale: 1,
    scaleStep: 'multiply',
    scaled: 'both',
    releaseUpdates: 300,
    crossAttention: 'drawn',
    fallBack: true,
  },
  released: {
    iterations: 780,
    lr: 2.5e-3,
    layerNormLr: undefined,
    minScale: 0.01,
    biasMinScale: 0,
    maxScale: undefined,
    layerNormMaxScale: 100,
    scaleStep: 'add',
    scaled: 'weights',
    releaseUpdates: 0,
    crossAttention: 'scaled',
    fallBack: false,
  },
  paper: {
    iterations: 780,
    lr: 2.5e-3,
    layerNormLr: undefined,
    minScale: 0.01,
    biasMinScale: 0.01,
    maxScale: undefined,
    layerNormMaxScale: undefined,
    scaleStep: 'add',
    scaled: 'weights',
    releaseUpdates: 0,
    crossAttention: 'scaled',
    fallBack: false,
  },
} as const satisfies Record<string, VariantSettings>;

export type Variant = keyof typeof variantDefaults;
export const variants = Object.keys(variantDefaults) as readonly Variant[] as readonly ['robust', 'released', 'paper'];

/** Settings that Algorithm 1 of the paper lacks. */
export const settingsNotInPaper = [
  'layerNormLr',
  'layerNormMinScale',
  'biasMinScale',
  'maxScale',
  'layerNormMaxScale',
  'gradClip',
  'scaleStep',
] as const;
