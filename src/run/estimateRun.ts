import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { modelOptions } from '../config/modelOptions.js';
import { corpusFolder, prepareCommand } from '../config/prepareOptions.js';
import type { Config } from '../config/schema.js';
import { trainOptions } from '../config/trainOptions.js';
import { openPreparedCorpus, type PreparedCorpus } from '../corpus/preparedCorpus.js';
import { createBatches } from '../data/batches.js';
import type { ModelConfig } from '../model/config.js';
import { initParams } from '../model/init.js';
import { disposeOptimizerState } from '../train/optimizer.js';
import { createOptimizer } from '../train/optimizers.js';
import { updateGradients } from '../train/trainUpdate.js';
import { validationLoss } from '../train/validationLoss.js';
import { openTrainingBackend } from './trainingBackend.js';
import { checkRunMemory, type MemoryReport } from './checkMemory.js';
import { epochShape, runLength, trainingLength } from './epochShape.js';
import { translateHeldOut } from './heldOut.js';
import { openInitSource } from './initSource.js';
import { initPlan, expectedUpdates } from './initPlan.js';
import { timeInit } from './timeInit.js';
import { trainingPairs } from './trainingPairs.js';

/**
 * The expected time of a run, in seconds; decoding is measured with an untrained model, whose translations are long.
 */
export interface RunEstimate {
  readonly backend: string;
  readonly secondsPerUpdate: number;
  /** Updates of training, without the cost of initialisation. */
  readonly updates: number;
  /** Those of them that are not done yet. The seconds are for these. */
  readonly updatesLeft: number;
  readonly initSeconds: number;
  readonly initUpdates: number;
  /** Updates of the run, including the cost of initialisation. */
  readonly runUpdates: number;
  /** Undefined if unknown for the backend. */
  readonly memory?: MemoryReport;
  readonly trainSeconds: number;
  readonly validationSeconds: number;
  readonly testSeconds: number;
}

export function totalSeconds({ initSeconds, trainSeconds, validationSeconds, testSeconds }: RunEstimate): number {
  return initSeconds + trainSeconds + validationSeconds + testSeconds;
}

/** What a run needs of memory; nothing is measured. @throws ColdstartError TOO_LARGE if it would not fit */
export async function estimateMemory(config: Config, ignoreMemory = false): Promise<MemoryReport | undefined> {
  const corpus = await openPreparedCorpus(corpusFolder(config), prepareCommand(config));
  try {
    const backend = await openTrainingBackend(config);
    const model = modelOptions(config, corpus.manifest.vocabularySizes);
    return await checkRunMemory(config, model, corpus, backend, { ignore: ignoreMemory });
  } finally {
    await corpus.close();
  }
}

/**
 * Measures a few updates, one validation, a few translations, and an iteration of each branch of the learned
 * initialisation.
 * @param done what an unfinished run has behind it, whose time is left out: updates, and the recorded cost of its
 * initial parameters
 * @throws ColdstartError TOO_LARGE if that would not fit into memory
 */
export async function estimateRun(
  config: Config,
  ignoreMemory = false,
  done: { readonly updates?: number; readonly initUpdates?: number } = {},
): Promise<RunEstimate> {
  const options = trainOptions(config);
  const corpus = await openPreparedCorpus(corpusFolder(config), prepareCommand(config));
  try {
    const backend = await openTrainingBackend(config);
    const model = modelOptions(config, corpus.manifest.vocabularySizes);
    await openInitSource(config, model, corpus.pipeline); // refused before the measuring
    const memory = await checkRunMemory(config, model, corpus, backend, { ignore: ignoreMemory });
    const pairs = corpus.dataset('train');
    const trained = trainingPairs(corpus, config)(1);
    const { updatesPerEpoch } = epochShape(trained, config);
    const params = initParams(model, { method: config.init.method, seed: config.seed });
    const secondsPerUpdate = await timeUpdate(config, model, params, trained);
    const plan = initPlan(config, pairs);
    const { updates: updatesDone = 0 } = done;
    const initUpdates = done.initUpdates ?? (plan === undefined ? 0 : expectedUpdates(plan));
    const isLearned = updatesDone > 0 || done.initUpdates !== undefined;
    const initSeconds = isLearned ? 0 : await timeInit(config, model, pairs);
    const { validation, test } = await timeHeldOut(config, model, corpus);

    const runUpdates = runLength(config, updatesPerEpoch) ?? updatesPerEpoch;
    const updates = trainingLength(config, updatesPerEpoch, initUpdates) ?? updatesPerEpoch;
    const updatesLeft = Math.max(0, updates - updatesDone);
    const validationsUntil = (update: number): number =>
      Math.floor(update / (options.validateEveryUpdates > 0 ? options.validateEveryUpdates : updatesPerEpoch));
    const validations = 1 + validationsUntil(updates) - validationsUntil(updates - updatesLeft);
    const translations =
      updates >= 2 * (options.keepEveryUpdates || updatesPerEpoch) && options.keepEpochs >= 2 ? 2 : 1;
    return {
      backend,
      secondsPerUpdate,
      updates,
      updatesLeft,
      initSeconds,
      initUpdates,
      runUpdates,
      memory,
      trainSeconds: updatesLeft * secondsPerUpdate,
      validationSeconds: validations * validation,
      testSeconds: translations * test,
    };
  } finally {
    await corpus.close();
  }
}

/** Seconds of an update: the mean of four, after one that is not counted. @param initial used up */
async function timeUpdate(
  config: Config,
  model: ModelConfig,
  initial: Params,
  pairs: Parameters<typeof createBatches>[0],
): Promise<number> {
  const { maxTokens, maxSentences, updateFreq, labelSmoothing, precision } = config.train;
  const epoch = createBatches(pairs, { maxTokens, maxSentences, seed: config.seed }).epochBatches(1);
  const optimizer = createOptimizer(trainOptions(config));
  let params = initial;
  let state = optimizer.init(params);
  let started = 0;
  const counted = 4;
  for (let update = 0; update <= counted; update++) {
    if (update === 1) started = performance.now();
    const batches = Array.from({ length: updateFreq }, (_, i) => epoch.batch((update * updateFreq + i) % epoch.length));
    const step = await updateGradients(params, batches, {
      config: model,
      labelSmoothing,
      seed: config.seed,
      update,
      precision,
    });
    ({ params, state } = optimizer.update(step.gradients, state, params, { lr: 0, gradientScale: 1 / step.trgTokens }));
  }
  const seconds = (performance.now() - started) / 1000 / counted;
  disposeParams(params);
  disposeOptimizerState(state);
  return seconds;
}

async function timeHeldOut(
  config: Config,
  model: ModelConfig,
  corpus: PreparedCorpus,
): Promise<{ validation: number; test: number }> {
  const params = initParams(model, { method: config.init.method, seed: config.seed });
  const { labelSmoothing, maxTokens, validateBleu, validateBleuSentences = Infinity } = config.train;
  const batches = createBatches(corpus.dataset('valid'), { maxTokens, shuffle: false }).epochBatches(1);
  try {
    const lossSeconds = await timed(() =>
      validationLoss(
        params,
        { length: 1, batch: () => batches.batch(batches.length >> 1) },
        { config: model, labelSmoothing },
      ),
    );
    const sentences = Math.min(16, corpus.dataset('valid').length);
    const perSentence =
      (await timed(() => translateHeldOut(params, model, corpus, 'valid', { decode: config.decode, sentences }))) /
      sentences;
    const decoded = validateBleu ? Math.min(validateBleuSentences, corpus.dataset('valid').length) : 0;
    return {
      validation: lossSeconds * batches.length + perSentence * decoded,
      test: corpus.has('test') ? perSentence * corpus.dataset('test').length : 0,
    };
  } finally {
    disposeParams(params);
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}
