import {
  choice,
  flag,
  integer,
  optionalChoice,
  optionalFlag,
  optionalInteger,
  optionalReal,
  real,
  type Section,
  type Values,
} from '../field.js';
import { scaleSteps } from '../gradinit/scaleOptimizer.js';
import {
  crossAttentionChoices,
  scaledChoices,
  variantDefaults,
  variants,
  type VariantSettings,
} from '../gradinit/variants.js';

/** The defaults of a setting that has one per variant, for its help: "; default: 40 (robust), 780 (released, paper)". */
function byVariant(key: keyof VariantSettings, unset = 'no bound'): string {
  const names = new Map<string, string[]>();
  for (const variant of variants) {
    const { [key]: value }: VariantSettings = variantDefaults[variant];
    const shown = value === undefined ? unset : String(value);
    names.set(shown, [...(names.get(shown) ?? []), variant]);
  }
  return `; default: ${[...names].map(([value, of]) => `${value} (${of.join(', ')})`).join(', ')}`;
}

/** The configuration's settings of GradInit. */
export const gradInitFields = {
  algorithm: choice(
    ['none', 'adam', 'sgd'],
    'none',
    'GradInit before training: the optimiser whose first step it looks ahead to.',
  ),
  variant: choice(
    variants,
    'released',
    "released: the authors' program (Adam on the scales); paper: Algorithm 1 (plain descent); robust: scales of the first rates instead of weights, with settings that need no tuning.",
  ),
  iterations: optionalInteger(`Steps on the scales${byVariant('iterations')}.`, { min: 1 }),
  scaled: optionalChoice(
    scaledChoices,
    `What the scales multiply: weights, as published; rates, what training moves a tensor by; both, W = s V with V trained at its own size${byVariant('scaled')}.`,
  ),
  releaseUpdates: optionalInteger(
    `Updates of training over which scaled rates go back to 1, their logarithms in a straight line; 0: never${byVariant('releaseUpdates')}.`,
    { min: 0, unit: 'updates' },
  ),
  eta: optionalReal(
    "Size of the step looked ahead. Default: for robust what training's optimiser moves by in its first lookAhead updates while the gradient stays the same; else train.lr if training uses the same optimiser, 1e-3 for adam and 0.1 for sgd if not.",
    { above: 0 },
  ),
  lookAhead: integer(5, 'Updates that make up the default eta (robust).', { min: 1, max: 1000, unit: 'updates' }),
  gamma: optionalReal(
    'Bound on the gradient norm (L1 for adam, L2 for sgd). Default: eta gamma = 1 (adam), eta gamma^2 = 0.1 (sgd); none for robust.',
    { above: 0 },
  ),
  gammaShare: optionalReal('gamma as a share of the gradient norm in the first iteration, instead of the number.', {
    above: 0,
  }),
  fallBack: optionalFlag(
    `After learning, start as drawn if the look-ahead on other training batches is no better with the scales than without, if layer norms have closed, or if a number was not finite${byVariant('fallBack')}.`,
  ),
  lr: optionalReal(`Learning rate of the scales (tau for the paper's variant)${byVariant('lr')}.`, { min: 0 }),
  layerNormLr: optionalReal(`Learning rate of layer-norm scales (not paper)${byVariant('layerNormLr', 'lr')}.`, {
    min: 0,
  }),
  crossAttention: optionalChoice(
    crossAttentionChoices,
    `Whether the decoder's attention to the encoder is scaled as well, or left as drawn${byVariant('crossAttention')}.`,
  ),
  minScale: optionalReal(`Least scale of weights and layer norms${byVariant('minScale')}.`, { min: 0 }),
  layerNormMinScale: optionalReal('Least scale of layer norms (not paper); default: minScale.', { min: 0 }),
  biasMinScale: optionalReal(`Least scale of biases (not paper)${byVariant('biasMinScale')}.`, { min: 0 }),
  maxScale: optionalReal(`Largest scale of weights and biases (not paper)${byVariant('maxScale')}.`, { above: 0 }),
  layerNormMaxScale: optionalReal(`Largest scale of layer norms (not paper)${byVariant('layerNormMaxScale')}.`, {
    min: 0,
  }),
  gradClip: real(1e8, "Bound on each scale's gradient (not paper).", { above: 0 }),
  scaleStep: optionalChoice(
    scaleSteps,
    `How a step changes a scale (not paper): it is added, or multiplies, which moves the logarithm and never reaches 0${byVariant('scaleStep')}.`,
  ),
  normalizeGrad: flag(false, 'Divide the step of sgd by the gradient norm.'),
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

/** Whether a bound on the gradient norm is set, or the variant has one by default. */
export function boundsNorm({ variant, gamma, gammaShare }: GradInitSettings): boolean {
  return variant !== 'robust' || gamma !== undefined || gammaShare !== undefined;
}

/** GradInit's settings where each that is not set has the default of the variant. */
export function gradInitSettings(
  gradinit: GradInitSettings,
): Omit<GradInitSettings, keyof VariantSettings> & VariantSettings {
  const defaults: VariantSettings = variantDefaults[gradinit.variant];
  const set = Object.fromEntries(
    Object.entries(gradinit).filter(([, value]) => value !== undefined),
  ) as GradInitSettings;
  return { ...defaults, ...set } as Omit<GradInitSettings, keyof VariantSettings> & VariantSettings;
}
