import { div, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/params.js';
import type { Config } from '../config/schema.js';
import { gradInitParts, type Batch } from '../data/batch.js';
import { createBatches, type EpochBatches } from '../data/batches.js';
import type { PreparedCorpus } from '../data/preparedCorpus.js';
import { defaultStep, gradInit, releasedDefaults, type GradInitOptions, type GradInitReport } from '../gradinit/gradInit.js';
import { metaInit, type MetaInitReport } from '../gradinit/metaInit.js';
import type { ModelConfig } from '../model/config.js';
import { initParams } from '../model/init.js';
import { translationLoss } from '../model/loss.js';
import { parameterGroup, withUnmovedOutputProjection } from '../model/parameters.js';
import type { StageProgress } from './runEvents.js';

export interface InitialParams {
  readonly params: Params;
  /** What GradInit or MetaInit did; absent if the parameters are as drawn. */
  readonly report?: GradInitReport | MetaInitReport;
}

interface Control {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Omit<StageProgress, 'event'>) => void;
}

/** Parameters to train from: drawn, and learned if the configuration says so. The caller disposes them. */
export async function initialParams(config: Config, model: ModelConfig, corpus: PreparedCorpus, control: Control = {}): Promise<InitialParams> {
  const drawn = initParams(model, { method: config.init.method, seed: config.seed });
  if (config.gradinit.algorithm === 'none' && config.metainit.iterations === 0) return { params: drawn };
  try {
    return config.gradinit.algorithm === 'none'
      ? await learnByMetaInit(config, model, corpus, drawn, control)
      : await learnByGradInit(config, model, corpus, drawn, control);
  } finally {
    disposeParams(drawn);
  }
}

async function learnByGradInit(config: Config, model: ModelConfig, corpus: PreparedCorpus, params: Map<string, Tensor>, { signal, onProgress }: Control): Promise<InitialParams> {
  const { gradinit } = config;
  const loss = meanLoss(config, model);
  const batches = endlessBatches(config, corpus, gradinit.maxTokens);
  return gradInit({
    params, loss, options: gradInitOptions(config), signal,
    batches: (iteration) => gradInitParts(batches(iteration)),
    groupOf: parameterGroup,
    ...(gradinit.tiedStep === 'lookup-only' && {
      stepLoss: (moved: Params, current: Params, batch: Batch) => loss(withUnmovedOutputProjection(moved, current), batch),
    }),
    onIteration: ({ iteration }) => onProgress?.({ stage: 'gradinit', done: iteration, total: gradinit.iterations }),
  });
}

async function learnByMetaInit(config: Config, model: ModelConfig, corpus: PreparedCorpus, params: Map<string, Tensor>, { signal, onProgress }: Control): Promise<InitialParams> {
  const { iterations, lr, momentum, maxTokens } = config.metainit;
  return metaInit({
    params, loss: meanLoss(config, model), batches: endlessBatches(config, corpus, maxTokens), iterations, lr, momentum, signal,
    onIteration: ({ iteration }) => onProgress?.({ stage: 'metainit', done: iteration, total: iterations }),
  });
}

/** GradInit's options in a configuration, with defaults by algorithm. */
export function gradInitOptions({ gradinit }: Pick<Config, 'gradinit'>): GradInitOptions {
  const { algorithm, variant, iterations, lr, minScale, gradClip, normalizeGrad } = gradinit;
  if (algorithm === 'none') throw new TypeError('GradInit is switched off');
  const { eta, gamma } = defaultStep(algorithm, gradinit.eta);
  const common = { algorithm, iterations, normalizeGrad, eta, gamma: gradinit.gamma ?? gamma, lr, minScale };
  return variant === 'paper' ? { ...common, variant } : { ...releasedDefaults, ...common, variant, layerNormLr: lr, gradClip };
}

/** The loss that training minimises, per target token and without dropout. */
function meanLoss({ train: { labelSmoothing } }: Config, config: ModelConfig): (params: Params, batch: Batch) => Scalar {
  return (params, batch) => div(translationLoss(params, batch, { config, labelSmoothing }).lossSum, batch.trgTokens);
}

/** Training batches one after another, epoch after epoch. */
function endlessBatches({ train, seed }: Config, corpus: PreparedCorpus, maxTokens = train.maxTokens): (iteration: number) => Batch {
  const batches = createBatches(corpus.dataset('train'), { maxTokens, maxSentences: train.maxSentences, seed });
  let epoch = 1;
  let first = 0;
  let current: EpochBatches = batches.epochBatches(epoch);
  return (iteration) => {
    while (iteration - first >= current.length) {
      first += current.length;
      current = batches.epochBatches(++epoch);
    }
    return current.batch(iteration - first);
  };
}
