import { div, type Scalar } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/params.js';
import type { Config } from '../config/schema.js';
import { gradInitParts, type Batch } from '../data/batch.js';
import { createBatches } from '../data/batches.js';
import type { PairSource } from '../data/dataset.js';
import { UsageError } from '../errors.js';
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
  readonly report?: (GradInitReport & { readonly method: 'gradinit'; readonly options: GradInitOptions }) | (MetaInitReport & { readonly method: 'metainit' });
}

export interface InitialParamsControl {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Omit<StageProgress, 'event'>) => void;
}

/**
 * Parameters to train from: drawn, and learned if the configuration says so. The caller disposes them.
 * @throws UsageError if the configuration asks for both GradInit and MetaInit
 */
export async function initialParams(config: Config, model: ModelConfig, trainPairs: PairSource, control: InitialParamsControl = {}): Promise<InitialParams> {
  const isGradInit = config.gradinit.algorithm !== 'none';
  const isMetaInit = config.metainit.iterations > 0;
  if (isGradInit && isMetaInit) throw new UsageError('both gradinit.algorithm and metainit.iterations are set. Parameters are learned by one of them: set the other to none or 0.');
  const drawn = initParams(model, { method: config.init.method, seed: config.seed });
  if (!isGradInit && !isMetaInit) return { params: drawn };
  try {
    return await (isGradInit ? withGradInit : withMetaInit)(drawn, config, model, trainPairs, control);
  } finally {
    disposeParams(drawn);
  }
}

async function withGradInit(drawn: Params, config: Config, model: ModelConfig, trainPairs: PairSource, { signal, onProgress }: InitialParamsControl): Promise<InitialParams> {
  const options = gradInitOptions(config);
  const loss = meanLoss(config, model);
  const { params, report } = await gradInit<Batch>({
    params: drawn, loss, options, groupOf: parameterGroup, signal,
    batches: ((batchOf) => (iteration: number) => gradInitParts(batchOf(iteration)))(cycleBatches(trainPairs, config, config.gradinit.maxTokens)),
    ...(config.gradinit.tiedStep === 'lookup-only' && {
      stepLoss: (moved: Params, current: Params, batch: Batch) => loss(withUnmovedOutputProjection(moved, current), batch),
    }),
    onIteration: ({ iteration, branch, lossBefore, gradNorm }) => onProgress?.({
      stage: 'gradinit', done: iteration, total: options.iterations, note: `loss ${lossBefore.toFixed(3)}  gnorm ${gradNorm.toPrecision(3)} of ${options.gamma.toPrecision(3)}  ${branch}`,
    }),
  });
  return { params, report: { method: 'gradinit', options, ...report } };
}

async function withMetaInit(drawn: Params, config: Config, model: ModelConfig, trainPairs: PairSource, { signal, onProgress }: InitialParamsControl): Promise<InitialParams> {
  const { iterations, lr, momentum, maxTokens } = config.metainit;
  const { params, report } = await metaInit<Batch>({
    params: drawn, loss: meanLoss(config, model), iterations, lr, momentum, signal,
    batches: cycleBatches(trainPairs, config, maxTokens),
    onIteration: ({ iteration, gradientQuotient, loss }) => onProgress?.({
      stage: 'metainit', done: iteration, total: iterations, note: `loss ${loss.toFixed(3)}  gradient quotient ${gradientQuotient.toPrecision(3)}`,
    }),
  });
  return { params, report: { method: 'metainit', ...report } };
}

/**
 * GradInit's options in a configuration; what is not set has the published values, except eta: where GradInit looks ahead to the
 * optimiser that training uses, the step looked ahead is training's own first step, and eta the learning rate.
 */
export function gradInitOptions({ gradinit, train }: Pick<Config, 'gradinit' | 'train'>): GradInitOptions {
  const { algorithm, variant, iterations, normalizeGrad, lr, minScale } = gradinit;
  if (algorithm === 'none') throw new UsageError('gradinit.algorithm is "none". Set it to adam or sgd.');
  const step = defaultStep(algorithm, gradinit.eta ?? (algorithm === train.optimizer ? train.lr : undefined));
  const common = { algorithm, iterations, normalizeGrad, eta: step.eta, gamma: gradinit.gamma ?? step.gamma, lr, minScale };
  if (variant === 'paper') return { ...common, variant };
  const { layerNormLr = lr, biasMinScale, layerNormMaxScale, gradClip } = gradinit;
  return { ...releasedDefaults, ...common, variant, layerNormLr, biasMinScale, layerNormMaxScale, gradClip };
}

/** Mean label-smoothed loss per target token, without dropout. */
function meanLoss({ train: { labelSmoothing } }: Config, model: ModelConfig) {
  return (params: Params, batch: Batch): Scalar => div(translationLoss(params, batch, { config: model, labelSmoothing }).lossSum, batch.trgTokens);
}

/** Training batches by iteration, epoch after epoch. Batches of fewer than three sentences cannot be cut in thirds and are left out. */
function cycleBatches(trainPairs: PairSource, { train, seed }: Config, maxTokens = train.maxTokens): (iteration: number) => Batch {
  const batches = createBatches(trainPairs, { maxTokens, maxSentences: train.maxSentences, seed });
  let [epoch, position] = [1, 0];
  let current = batches.epochBatches(epoch);
  let skipped = 0;
  return () => {
    for (;;) {
      if (position === current.length) {
        current = batches.epochBatches(++epoch);
        position = 0;
      }
      const batch = current.batch(position++);
      if (batch.numSentences >= 3) {
        skipped = 0;
        return batch;
      }
      if (++skipped > current.length) throw new UsageError(`batches of ${maxTokens} tokens hold fewer than three sentences each. Raise gradinit.maxTokens.`);
    }
  };
}
