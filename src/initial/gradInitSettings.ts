import { choice, integer, optionalChoice, optionalFlag, optionalInteger, type Section, type Values } from '../field.js';
import { algorithms, byVariant, scaleFields } from '../gradinit/options.js';
import {
  crossAttentionChoices,
  variantDefaults,
  variants,
  type Variant,
  type VariantSettings,
} from '../gradinit/variants.js';

/** The configuration's settings of GradInit. */
export const gradInitFields = {
  algorithm: choice(
    ['none', ...algorithms],
    'none',
    'GradInit before training: the optimiser whose first step it looks ahead to.',
  ),
  variant: optionalChoice(
    variants,
    "released: the authors' program (Adam on the scales); paper: Algorithm 1 (plain descent); robust: scales of weights and of the first rates, with settings that need no tuning. Default: robust.",
  ),
  iterations: scaleFields.iterations,
  scaled: scaleFields.scaled,
  releaseUpdates: optionalInteger(
    `Updates of training over which scaled rates go back to 1, their logarithms in a straight line; 0: never${byVariant('releaseUpdates')}.`,
    { min: 0, unit: 'updates' },
  ),
  eta: {
    ...scaleFields.eta,
    help: "Size of the step looked ahead. Default: for robust what training's optimiser moves by in its first lookAhead updates at the full rate while the gradient stays the same; before training with sgd, A = Adam takes 1e-3. For released and paper: train.lr if training uses the same optimiser, 1e-3 for adam and 0.1 for sgd if not.",
  },
  lookAhead: integer(5, 'Updates that make up the default eta (robust).', { min: 1, max: 1000, unit: 'updates' }),
  gamma: {
    ...scaleFields.gamma,
    help: 'Bound on the gradient norm (L1 for adam, L2 for sgd). Default: eta gamma = 1 (adam), eta gamma^2 = 0.1 (sgd); none for robust.',
  },
  gammaShare: scaleFields.gammaShare,
  gammaScope: scaleFields.gammaScope,
  goal: scaleFields.goal,
  fallBack: optionalFlag(
    `After learning, start as drawn if the loss after the look-ahead on other training batches is more than 2 % higher with the scales than without, if layer norms have closed, or if a number was not finite${byVariant('fallBack')}.`,
  ),
  lr: scaleFields.lr,
  layerNormLr: scaleFields.layerNormLr,
  crossAttention: optionalChoice(
    crossAttentionChoices,
    `Whether the decoder's attention to the encoder is scaled as well, or left as drawn${byVariant('crossAttention')}.`,
  ),
  minScale: scaleFields.minScale,
  layerNormMinScale: scaleFields.layerNormMinScale,
  biasMinScale: scaleFields.biasMinScale,
  maxScale: scaleFields.maxScale,
  layerNormMaxScale: scaleFields.layerNormMaxScale,
  gradClip: scaleFields.gradClip,
  scaleStep: scaleFields.scaleStep,
  normalizeGrad: scaleFields.normalizeGrad,
  tiedStep: choice(
    ['lookup-only', 'shared'],
    'lookup-only',
    "Whether the step moves a tied matrix in its lookups only, as the authors' program, or in all uses.",
  ),
  maxTokens: optionalInteger('Batch size for GradInit; default: train.maxTokens.', { min: 1, unit: 'tokens' }),
  pieceTokens: optionalInteger(
    'Larger batches of GradInit are differentiated in pieces of this size, which bounds its memory; default: train.maxTokens.',
    { min: 1, unit: 'tokens' },
  ),
} as const satisfies Section;
export type GradInitSettings = Values<typeof gradInitFields>;

/** The variant; `robust` if it is not set. */
export function variantOf({ variant }: Pick<GradInitSettings, 'variant'>): Variant {
  return variant ?? 'robust';
}

/** Whether a bound on the gradient norm is set, or the variant has one by default. */
export function boundsNorm(gradinit: GradInitSettings): boolean {
  return variantOf(gradinit) !== 'robust' || gradinit.gamma !== undefined || gradinit.gammaShare !== undefined;
}

/** GradInit's settings; unset ones have their default, which may depend on the variant. */
export type CompleteGradInitSettings = Omit<GradInitSettings, keyof VariantSettings | 'variant'> &
  VariantSettings & { readonly variant: Variant };

export function gradInitSettings(gradinit: GradInitSettings): CompleteGradInitSettings {
  const variant = variantOf(gradinit);
  const defaults: VariantSettings = variantDefaults[variant];
  const set = Object.fromEntries(
    Object.entries(gradinit).filter(([, value]) => value !== undefined),
  ) as GradInitSettings;
  return { ...defaults, ...set, variant } as CompleteGradInitSettings;
}
