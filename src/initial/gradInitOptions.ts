import { UsageError } from '../errors.js';
import { defaultStep, releasedDefaults, type Algorithm, type GradInitOptions } from '../gradinit/gradInit.js';
import { algorithmRules } from '../gradinit/algorithms.js';
import { numParameters } from '../model/parameters.js';
import { optimizers } from '../train/optimizers.js';
import { firstMovement } from '../train/firstUpdates.js';
import { boundsNorm, gradInitSettings, variantOf, type GradInitSettings } from './gradInitSettings.js';
import type { LearnTask } from './learnedInit.js';

/** The context on which the options depend. */
type OptionsTask = Pick<LearnTask<GradInitSettings>, 'settings' | 'model' | 'train'>;

/**
 * GradInit's options in a configuration; what is not set has the variant's default. @throws UsageError if GradInit is
 * off
 */
export function gradInitOptions(task: OptionsTask): GradInitOptions {
  const settings = gradInitSettings(task.settings);
  const { algorithm, variant, iterations, lr, minScale, gammaShare, gammaScope, goal, scaled } = settings;
  if (algorithm === 'none') throw new UsageError('gradinit.algorithm is "none". Set it to adam or sgd.');
  const step = defaultSize(task, algorithm);
  const { normalizeGrad = settings.normalizeGrad } = step;
  const { gamma } = defaultStep(algorithm, step.eta);
  const common = {
    algorithm,
    iterations,
    normalizeGrad,
    eta: step.eta,
    gamma: settings.gamma ?? (boundsNorm(task.settings) ? gamma : Infinity),
    ...(gammaShare !== undefined && { gammaShare }),
    ...(gammaScope !== undefined && { gammaScope }),
    ...(goal !== undefined && { goal }),
    ...(scaled !== 'weights' && { scaled }),
    lr,
    minScale,
  };
  if (variant === 'paper') return { ...common, variant };
  const { layerNormLr = lr, layerNormMinScale = minScale, biasMinScale, maxScale, gradClip, scaleStep } = settings;
  const { layerNormMaxScale = Infinity } = settings;
  const bounds = { layerNormMinScale, biasMinScale, layerNormMaxScale, ...(maxScale !== undefined && { maxScale }) };
  return { ...releasedDefaults, ...common, variant, layerNormLr, ...bounds, gradClip, scaleStep };
}

/**
 * eta, if it is not set. For `robust` the movement of training's first updates at the full rate; a step of A = SGD
 * before training with another optimiser is as long as that optimiser's, in the gradient's direction. Otherwise the
 * published rule: training's highest rate.
 */
function defaultSize(
  { settings, train, model }: OptionsTask,
  algorithm: Algorithm,
): { eta: number; normalizeGrad?: boolean } {
  if (settings.eta !== undefined) return { eta: settings.eta };
  const steps = optimizers.steadySteps(train);
  const { growsWithGradient } = algorithmRules[algorithm];
  // the size of SGD's step depends on the gradient, so no step of A = Adam is as long
  const isComparable = steps !== undefined && (growsWithGradient || !steps.growsWithGradient);
  if (variantOf(settings) !== 'robust' || !isComparable)
    return defaultStep(algorithm, algorithm === train.optimizer ? train.lr : undefined);
  const gradient = 1e-3;
  const moved = firstMovement(train, steps, settings.lookAhead, gradient);
  if (moved === 0)
    throw new UsageError(
      'gradinit.eta is not set, and train.lr is 0, so there is no step to look ahead to. Set train.lr or gradinit.eta.',
    );
  if (!growsWithGradient) return { eta: moved };
  return steps.growsWithGradient
    ? { eta: moved / gradient }
    : { eta: moved * Math.sqrt(numParameters(model)), normalizeGrad: true };
}
