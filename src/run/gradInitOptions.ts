import { boundsNorm, gradInitSettings } from '../config/gradInitSettings.js';
import type { Config } from '../config/schema.js';
import type { PairSource } from '../data/dataset.js';
import { UsageError } from '../errors.js';
import { defaultStep, releasedDefaults, type Algorithm, type GradInitOptions } from '../gradinit/gradInit.js';
import type { ModelConfig } from '../model/config.js';
import { numParameters } from '../model/parameters.js';
import { optimizers } from '../train/optimizers.js';
import { firstMovement } from '../train/firstUpdates.js';
import { epochShape, scheduleLead } from './epochShape.js';

/** GradInit's options in a configuration; what is not set has the variant's default. @throws UsageError if GradInit is off */
export function gradInitOptions(config: Config, model: ModelConfig, trainPairs: PairSource): GradInitOptions {
  const settings = gradInitSettings(config.gradinit);
  const { algorithm, variant, iterations, lr, minScale, gammaShare, scaled } = settings;
  if (algorithm === 'none') throw new UsageError('gradinit.algorithm is "none". Set it to adam or sgd.');
  const step = defaultSize(config, algorithm, model, trainPairs);
  const { normalizeGrad = settings.normalizeGrad } = step;
  const { gamma } = defaultStep(algorithm, step.eta);
  const common = {
    algorithm,
    iterations,
    normalizeGrad,
    eta: step.eta,
    gamma: settings.gamma ?? (boundsNorm(config.gradinit) ? gamma : Infinity),
    ...(gammaShare !== undefined && { gammaShare }),
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
 * eta, if it is not set. For `robust` the movement of training's first updates; a step of A = SGD before training with another
 * optimiser is as long as that optimiser's, in the gradient's direction. Else the published rule: training's highest rate.
 */
function defaultSize(
  config: Config,
  algorithm: Algorithm,
  model: ModelConfig,
  trainPairs: PairSource,
): { eta: number; normalizeGrad?: boolean } {
  const { gradinit, train } = config;
  if (gradinit.eta !== undefined) return { eta: gradinit.eta };
  const trainsWithSgd = train.optimizer === 'sgd';
  if (gradinit.variant !== 'robust' || (algorithm === 'adam' && trainsWithSgd))
    return defaultStep(algorithm, algorithm === train.optimizer ? train.lr : undefined);
  const gradient = 1e-3;
  const lead = train.extraEpoch === 'none' ? {} : scheduleLead(config, epochShape(trainPairs, config).updatesPerEpoch);
  const moved = firstMovement({ ...train, ...optimizers.pick(train), ...lead }, gradinit.lookAhead, gradient);
  if (algorithm === 'adam') return { eta: moved };
  return trainsWithSgd
    ? { eta: moved / gradient }
    : { eta: moved * Math.sqrt(numParameters(model)), normalizeGrad: true };
}
