import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import type { Config } from '../config/schema.js';
import { createBatches } from '../data/batches.js';
import { openPreparedCorpus, type PreparedCorpus } from '../corpus/preparedCorpus.js';
import type { ModelConfig } from '../model/config.js';
import { initParams } from '../model/init.js';
import { disposeOptimizerState } from '../train/optimizer.js';
import { createOptimizer } from '../train/optimizers.js';
import { updateGradients } from '../train/trainUpdate.js';
import { validationLoss } from '../train/validationLoss.js';
import type { AblationPlan, PlannedRun } from './ablationPlan.js';
import { epochShape } from '../run/epochShape.js';
import { translateHeldOut } from '../run/heldOut.js';
import { gradInitUses, initCost, metaInitUses } from '../run/initCost.js';
import { initialParams } from '../run/initialParams.js';
import { modelOptions } from '../config/modelOptions.js';
import { corpusFolder } from '../config/prepareOptions.js';
import { runPaths } from '../run/runFolder.js';
import { readRunScores } from '../run/runScores.js';
import { trainOptions } from '../config/trainOptions.js';

/** How long a run is expected to take, in seconds; decoding is measured with an untrained model, whose translations are long. */
export interface RunEstimate {
  readonly backend: string;
  readonly secondsPerUpdate: number;
  /** Updates of training, without those that initialisation is counted as. */
  readonly updates: number;
  readonly initSeconds: number;
  readonly initUpdates: number;
  readonly trainSeconds: number;
  readonly validationSeconds: number;
  readonly testSeconds: number;
}

export interface PlanEstimate {
  /** Runs that are not complete, with what each is expected to take from its beginning. */
  readonly waiting: readonly { readonly run: PlannedRun; readonly estimate: RunEstimate }[];
  readonly complete: number;
  /** Of all waiting runs one after another. */
  readonly seconds: number;
}

/**
 * Measures a step of every kind of run that a plan has left, on its own corpus and model, and adds up.
 *
 * Runs that differ only in what takes no time (seed, rates) share a measurement.
 * @param onMeasure called before each measurement with the run that stands for its kind
 */
export async function estimatePlan(
  { runs }: AblationPlan,
  onMeasure?: (run: PlannedRun) => void,
): Promise<PlanEstimate> {
  const left = runs.filter(({ runDir }) => readRunScores(runPaths(runDir).scores) === undefined);
  const measured = new Map<string, RunEstimate>();
  const waiting: { run: PlannedRun; estimate: RunEstimate }[] = [];
  for (const run of left) {
    const kind = timeKind(run.config);
    if (!measured.has(kind)) {
      onMeasure?.(run);
      measured.set(kind, await estimateRun(run.config));
    }
    waiting.push({ run, estimate: measured.get(kind)! });
  }
  const seconds = waiting.reduce((total, { estimate }) => total + totalSeconds(estimate), 0);
  return { waiting, complete: runs.length - left.length, seconds };
}

export function totalSeconds({ initSeconds, trainSeconds, validationSeconds, testSeconds }: RunEstimate): number {
  return initSeconds + trainSeconds + validationSeconds + testSeconds;
}

/** What a run's time depends on. */
function timeKind({ train, seed: _, init: __, record: ___, gradinit, metainit, ...rest }: Config): string {
  const {
    optimizer,
    maxUpdates,
    maxEpochs,
    maxTokens,
    maxSentences,
    updateFreq,
    precision,
    countInit,
    validateEveryUpdates,
    validateBleu,
    validateBleuSentences,
    keepEpochs,
  } = train;
  const learning = {
    algorithm: gradinit.algorithm,
    gradinit: [gradinit.iterations, gradinit.maxTokens],
    metainit: [metainit.iterations, metainit.maxTokens],
  };
  return JSON.stringify({
    rest,
    learning,
    optimizer,
    maxUpdates,
    maxEpochs,
    maxTokens,
    maxSentences,
    updateFreq,
    precision,
    countInit,
    validateEveryUpdates,
    validateBleu,
    validateBleuSentences,
    keepEpochs,
  });
}

/** Measures a few updates, one validation, a few translations, and an iteration of each branch of what learns parameters. */
async function estimateRun(config: Config): Promise<RunEstimate> {
  const options = trainOptions(config);
  const corpus = await openPreparedCorpus(corpusFolder(config));
  try {
    const backend = await selectBackend(config.backend);
    const model = modelOptions(config, corpus.manifest.vocabularySizes);
    const pairs = corpus.dataset('train');
    const { updatesPerEpoch } = epochShape(pairs, config);
    const params = initParams(model, { method: config.init.method, seed: config.seed });
    const secondsPerUpdate = timeUpdate(config, model, params, pairs);
    const init = await timeInit(config, model, corpus);
    const { validation, test } = await timeHeldOut(config, model, corpus);

    const limit = options.maxUpdates > 0 ? options.maxUpdates : (options.maxEpochs || 1) * updatesPerEpoch;
    const updates = Math.max(
      0,
      limit - (config.train.countInit && options.maxUpdates > 0 ? Math.ceil(init.updates) : 0),
    );
    const validations =
      1 + Math.floor(updates / (options.validateEveryUpdates > 0 ? options.validateEveryUpdates : updatesPerEpoch));
    const translations = updates >= 2 * updatesPerEpoch && options.keepEpochs >= 2 ? 2 : 1;
    return {
      backend,
      secondsPerUpdate,
      updates,
      initSeconds: init.seconds,
      initUpdates: init.updates,
      trainSeconds: updates * secondsPerUpdate,
      validationSeconds: validations * validation,
      testSeconds: translations * test,
    };
  } finally {
    await corpus.close();
  }
}

/** Seconds of an update: the mean of four, after one that is not counted. @param initial used up */
function timeUpdate(
  config: Config,
  model: ModelConfig,
  initial: Params,
  pairs: Parameters<typeof createBatches>[0],
): number {
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
    const step = updateGradients(params, batches, {
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

/** Seconds and updates' worth of initialisation, half of GradInit's iterations taken to serve the constraint. */
async function timeInit(
  config: Config,
  model: ModelConfig,
  corpus: PreparedCorpus,
): Promise<{ seconds: number; updates: number }> {
  const pairs = corpus.dataset('train');
  const { tokensPerUpdate } = epochShape(pairs, config);
  const { gradinit, metainit } = config;
  const once = async (changed: Config): Promise<{ seconds: number; trgTokens: number }> => {
    const { params, report } = await initialParams(changed, model, pairs);
    disposeParams(params);
    return report?.cost ?? { seconds: 0, trgTokens: 0 };
  };
  if (gradinit.algorithm !== 'none') {
    const branch = async (gamma: number): Promise<{ seconds: number; trgTokens: number }> =>
      once({ ...config, gradinit: { ...gradinit, gamma, iterations: 2 } });
    const [objective, constraint] = [await branch(1e30), await branch(1e-30)];
    const part = objective.trgTokens / 4; // two iterations of two parts each
    const uses = (['objective', 'constraint'] as const).flatMap((name) => gradInitUses(name, part, part));
    const iterations = gradinit.iterations / 2;
    return {
      seconds: ((objective.seconds + constraint.seconds) / 2) * iterations,
      updates: initCost(uses, tokensPerUpdate, 0).updateEquivalents * iterations,
    };
  }
  if (metainit.iterations > 0) {
    const { seconds, trgTokens } = await once({ ...config, metainit: { ...metainit, iterations: 1 } });
    return {
      seconds: seconds * metainit.iterations,
      updates: initCost(metaInitUses(trgTokens / 2), tokensPerUpdate, 0).updateEquivalents * metainit.iterations,
    };
  }
  const { params, report } = await initialParams(config, model, pairs);
  disposeParams(params);
  return { seconds: report?.cost.seconds ?? 0, updates: report?.cost.updateEquivalents ?? 0 };
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
