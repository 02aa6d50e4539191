import {
  checkFields,
  choice,
  flag,
  optionalChoice,
  optionalInteger,
  optionalReal,
  orInfinity,
  real,
  required,
  unexpected,
  type Field,
  type Section,
  type Values,
} from '../field.js';
import { algorithmRules, algorithms, type Algorithm } from './algorithms.js';
import { scaleSteps, type PaperScaleOptions, type ReleasedScaleOptions } from './scaleOptimizer.js';
import {
  gammaScopes,
  goals,
  scaledChoices,
  settingsNotInPaper,
  variantDefaults,
  variants,
  type Scaled,
  type VariantSettings,
} from './variants.js';

export { algorithms, type Algorithm };

/**
 * The defaults of a setting that has one per variant, for its help: "; default: 40 (robust), 780 (released, paper)".
 */
export function byVariant(key: keyof VariantSettings, unset = 'no bound'): string {
  const names = new Map<string, string[]>();
  for (const variant of variants) {
    const { [key]: value }: VariantSettings = variantDefaults[variant];
    const shown = value === undefined ? unset : String(value);
    names.set(shown, [...(names.get(shown) ?? []), variant]);
  }
  return `; default: ${[...names].map(([value, of]) => `${value} (${of.join(', ')})`).join(', ')}`;
}

/** The settings of configurations and `gradInit`: type, bounds, default and help. */
export const scaleFields = {
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
  eta: optionalReal('Size of the step looked ahead; default: 1e-3 for adam, 0.1 for sgd.', { above: 0 }),
  gamma: optionalReal(
    'Bound on the gradient norm (L1 for adam, L2 for sgd). Default: eta gamma = 1 (adam), eta gamma^2 = 0.1 (sgd); none for robust.',
    { above: 0 },
  ),
  gammaShare: optionalReal('gamma as a share of the gradient norm in the first iteration, instead of the number.', {
    above: 0,
  }),
  gammaScope: optionalChoice(
    gammaScopes,
    'all: one bound for all gradients together; sides: gammaShare bounds encoder, decoder and embeddings each by its own first norm, and only those above their bound are made smaller; default: all.',
  ),
  goal: optionalChoice(
    goals,
    'step: the smallest loss after the step; cosine: the largest cosine between the gradients of the two parts of a batch (GradCosine; scaled: weights), and the bound is for the mean of their norms; default: step.',
  ),
  lr: optionalReal(`Learning rate of the scales (tau for the paper's variant)${byVariant('lr')}.`, { min: 0 }),
  layerNormLr: optionalReal(`Learning rate of layer-norm scales (not paper)${byVariant('layerNormLr', 'lr')}.`, {
    min: 0,
  }),
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
} as const satisfies Section;

/** Settings of Adam on the scales (not paper), which no configuration changes. */
const adamFields = {
  beta1: real(0.9, 'Decay of the first moment.', { min: 0, below: 1 }),
  beta2: real(0.98, 'Decay of the second moment.', { min: 0, below: 1 }),
  eps: real(1e-8, 'Added to the root of the second moment.', { above: 0 }),
} as const satisfies Section;

/** `gradInit`'s settings; all but the algorithm have defaults, most by the variant. */
export type GradInitSettings = { readonly algorithm: Algorithm } & Partial<
  Values<typeof scaleFields> & Values<typeof adamFields>
>;

/** All options of `gradInit` after the variant's defaults are filled in. */
export type GradInitOptions = {
  readonly algorithm: Algorithm;
  /** Size of the step looked ahead: the learning rate that training will start with, or near it. */
  readonly eta: number;
  /** Bound on the gradient norm: L1 for adam, L2 for sgd. Infinity: none. */
  readonly gamma: number;
  /** gamma as a share of the norm in the first iteration, in place of a number: independent of the model's size. */
  readonly gammaShare?: number;
  /** Whether gammaShare bounds all gradients together, or those of each side; default: all. */
  readonly gammaScope?: (typeof gammaScopes)[number];
  /** Default: step. */
  readonly goal?: (typeof goals)[number];
  /**
   * What the scales multiply; default: weights. With `rates` and `both` gradient, norm and step are those of V in W = s
   * V, so that the step is s eta sign(g) for adam, s² eta g for sgd, and training is to multiply its updates
   * (`Multipliers` in src/train).
   */
  readonly scaled?: Scaled;
  readonly iterations: number;
  /** sgd only: divide the step by the gradient norm. */
  readonly normalizeGrad: boolean;
} & (
  | ({ readonly variant: 'released' | 'robust' } & ReleasedScaleOptions)
  | ({ readonly variant: 'paper' } & PaperScaleOptions)
);

/**
 * The bound on the gradient norm. @param firstNorm of the first iteration; NaN where a share of it is asked for and it
 * is not known
 */
export function normBound(
  { gamma, gammaShare }: Pick<GradInitOptions, 'gamma' | 'gammaShare'>,
  firstNorm = NaN,
): number {
  return gammaShare === undefined ? gamma : gammaShare * firstNorm;
}

/** eta and gamma if the user sets none: `algorithmRules`. */
export function defaultStep(
  algorithm: Algorithm,
  eta: number = algorithmRules[algorithm].eta,
): { eta: number; gamma: number } {
  return { eta, gamma: algorithmRules[algorithm].gamma(eta) };
}

/**
 * Settings of the authors' program for Transformers (IWSLT), except the number of iterations, gamma and eta. Their
 * program names them gradinit-lr 2.5e-3, betas 0.9 and 0.98, min-scale 0.01, max-scale 100 (layer norms), grad-clip
 * 1e8.
 */
export const releasedDefaults: ReleasedScaleOptions = {
  lr: variantDefaults.released.lr,
  layerNormLr: variantDefaults.released.lr,
  beta1: adamFields.beta1.default,
  beta2: adamFields.beta2.default,
  eps: adamFields.eps.default,
  minScale: variantDefaults.released.minScale,
  biasMinScale: variantDefaults.released.biasMinScale,
  layerNormMaxScale: variantDefaults.released.layerNormMaxScale,
  gradClip: scaleFields.gradClip.default,
};

/**
 * The options of a variant with some settings; gamma is that of eta. @throws UsageError if the variant or the algorithm
 * is unknown
 */
export function completeOptions(given: GradInitSettings): GradInitOptions {
  const { algorithm, variant = scaleFields.variant.default } = given;
  checkFields({ algorithm, variant }, { algorithm: algorithmField, variant: scaleFields.variant }, 'gradInit: ');
  if (variant === 'paper') refuseSettingsOfOtherVariants(given);
  const defaults: VariantSettings = variantDefaults[variant];
  const {
    gammaShare,
    gammaScope,
    goal,
    scaled = defaults.scaled,
    lr = defaults.lr,
    minScale = defaults.minScale,
  } = given;
  const step = defaultStep(algorithm, given.eta);
  const isBounded = variant !== 'robust' || gammaShare !== undefined;
  const common = {
    algorithm,
    iterations: given.iterations ?? defaults.iterations,
    normalizeGrad: given.normalizeGrad ?? scaleFields.normalizeGrad.default,
    eta: step.eta,
    gamma: given.gamma ?? (isBounded ? step.gamma : Infinity),
    ...(gammaShare !== undefined && { gammaShare }),
    ...(gammaScope !== undefined && { gammaScope }),
    ...(goal !== undefined && { goal }),
    ...(scaled !== 'weights' && { scaled }),
    lr,
    minScale,
  };
  if (variant === 'paper') return { ...common, variant };
  const { maxScale = defaults.maxScale } = given;
  return {
    ...common,
    variant,
    beta1: given.beta1 ?? adamFields.beta1.default,
    beta2: given.beta2 ?? adamFields.beta2.default,
    eps: given.eps ?? adamFields.eps.default,
    layerNormLr: given.layerNormLr ?? defaults.layerNormLr ?? lr,
    layerNormMinScale: given.layerNormMinScale ?? minScale,
    biasMinScale: given.biasMinScale ?? defaults.biasMinScale,
    layerNormMaxScale: given.layerNormMaxScale ?? defaults.layerNormMaxScale ?? Infinity,
    ...(maxScale !== undefined && { maxScale }),
    gradClip: given.gradClip ?? scaleFields.gradClip.default,
    scaleStep: given.scaleStep ?? defaults.scaleStep,
  };
}

function refuseSettingsOfOtherVariants(given: GradInitSettings): void {
  const adam = Object.keys(adamFields) as (keyof typeof adamFields)[];
  for (const key of [...settingsNotInPaper, ...adam])
    if (given[key] !== undefined)
      throw unexpected(`gradInit: ${key}`, given[key], 'no value: the variant paper has no such setting, released has');
}

const algorithmField = choice(algorithms, 'adam', 'The optimiser whose first step GradInit looks ahead to.');

/** The fields of library calls: a bound may be Infinity, none. */
const callFields = {
  ...scaleFields,
  gamma: orInfinity(scaleFields.gamma),
  maxScale: orInfinity(scaleFields.maxScale),
  layerNormMaxScale: orInfinity(scaleFields.layerNormMaxScale),
  gradClip: orInfinity(scaleFields.gradClip),
} as const satisfies Section;

/** What every variant needs, and those that move scales with Adam. */
const neededFields = Object.fromEntries(
  (['eta', 'gamma', 'iterations', 'lr', 'minScale'] as const).map((key) => [
    key,
    required(callFields[key] as Field<unknown>),
  ]),
);
const neededWithAdam = Object.fromEntries(
  (['biasMinScale', 'layerNormLr', 'layerNormMaxScale'] as const).map((key) => [key, required(callFields[key])]),
);

/** @throws UsageError naming the first option that cannot be used, and what is expected */
export function checkOptions(options: GradInitOptions): void {
  const { algorithm, variant, normalizeGrad, scaled = 'weights', minScale } = options;
  const check = (what: string, found: unknown, isGood: boolean, expected: string): void => {
    if (!isGood) throw unexpected(`gradInit: ${what}`, found, expected);
  };
  const { gradClip, ...fields } = callFields;
  checkFields(options, { algorithm: algorithmField, ...fields, ...neededFields }, 'gradInit: ');
  const { gammaScope = 'all', gammaShare, goal = 'step' } = options;
  check(
    'goal',
    goal,
    goal === 'step' || scaled === 'weights',
    `step, as scaled is ${scaled} (cosine needs scaled: weights)`,
  );
  check('gammaScope', gammaScope, gammaScope === 'all' || goal === 'step', 'all, as goal is cosine');
  check(
    'gammaScope',
    gammaScope,
    gammaScope === 'all' || gammaShare !== undefined,
    'all, as gammaShare is not set (it says which share of its first norm bounds a side)',
  );
  // with a rate of 0 a tensor would never change
  const positive = (what: string, found: number): void =>
    check(what, found, scaled === 'weights' || found > 0, `a number above 0, as scaled is ${scaled}`);
  positive('minScale', minScale);
  check(
    'normalizeGrad',
    normalizeGrad,
    !normalizeGrad || algorithmRules[algorithm].growsWithGradient,
    'false with adam, whose step does not depend on the norm',
  );
  if (variant === 'paper') return;
  checkFields(options, { ...neededWithAdam, gradClip, ...adamFields }, 'gradInit: ');
  const { biasMinScale, layerNormMaxScale, layerNormMinScale = minScale, maxScale = Infinity } = options;
  positive('layerNormMinScale', layerNormMinScale);
  positive('biasMinScale', biasMinScale);
  const least = Math.max(minScale, biasMinScale);
  check('maxScale', maxScale, maxScale >= least, 'a number of at least the least scales (Infinity: no bound)');
  check(
    'layerNormMaxScale',
    layerNormMaxScale,
    layerNormMaxScale >= layerNormMinScale,
    'a number of at least the least scale of layer norms (Infinity: no bound)',
  );
}
