import { formatLoss, formatNumber } from '../format.js';
import { div, type Scalar } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { gradInitSettings } from '../config/gradInitSettings.js';
import { withPlaces } from '../config/loadConfig.js';
import type { Config } from '../config/schema.js';
import { cutBatch, gradInitParts, type Batch } from '../data/batch.js';
import type { PairSource } from '../data/dataset.js';
import { UsageError } from '../errors.js';
import {
  gradInit,
  type BatchPiece,
  type GradInitIteration,
  type GradInitOptions,
  type GradInitReport,
} from '../gradinit/gradInit.js';
import { metaInit, type MetaInitIteration, type MetaInitReport } from '../gradinit/metaInit.js';
import { profileResidualScales } from '../model/admin.js';
import type { ModelConfig } from '../model/config.js';
import { initParams } from '../model/init.js';
import { translationLoss } from '../model/loss.js';
import { isCrossAttention, parameterGroup, withUnmovedOutputProjection } from '../model/parameters.js';
import { cycleBatches } from './cycleBatches.js';
import { LearningLog } from './learningLog.js';
import { nearlyClosedLayerNorms } from './closedLayerNorms.js';
import { epochShape } from './epochShape.js';
import { iterationNote, learnedOrDrawn, type GradInitFallback, type LookAheadCheck } from './gradInitCheck.js';
import { gradInitOptions } from './gradInitOptions.js';
import { checkUses, gradInitUses, initCost, metaInitUses, passes, type InitCost } from './initCost.js';
import { initPlan, type InitPlan } from './initPlan.js';
import type { StageProgress } from './runEvents.js';

export interface InitialParams {
  readonly params: Params;
  /** What GradInit, MetaInit or Admin's profiling did; absent if the parameters are as drawn. */
  readonly report?: InitReport;
}

/** gradinit.json: what was done to the drawn parameters, and what it cost. */
export type InitReport = { readonly cost: InitCost } & (
  | (GradInitReport & {
      readonly method: 'gradinit';
      readonly options: GradInitOptions;
      /** Updates of training over which scaled rates go back to 1; 0: never. Absent where the weights are scaled. */
      readonly releaseUpdates?: number;
      readonly fallback?: GradInitFallback;
      readonly check?: LookAheadCheck;
    })
  | (MetaInitReport & { readonly method: 'metainit' })
  /** `scales` by residual scale, here what it is set to. */
  | { readonly method: 'admin'; readonly scales: Readonly<Record<string, number>>; readonly seconds: number }
);

export interface InitialParamsControl {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Omit<StageProgress, 'event'>) => void;
  /** What the work ahead costs, before it begins. What this throws ends the work. */
  readonly onPlan?: (plan: InitPlan) => void;
  /** What GradInit learned is not used, and why. */
  readonly onFallback?: (reason: string) => void;
  /** Learned scales that a run may stall with. */
  readonly onClosedLayerNorms?: (scales: Readonly<Record<string, number>>) => void;
  /** Where finished iterations are stored, and read again if the file is there. Without it an interruption loses them. */
  readonly learningLog?: {
    readonly path: string;
    /** SHA-256 of the prepared files that determine the numbers. */
    readonly corpus: Readonly<Record<string, string>>;
  };
  /** Learning was interrupted: how many iterations the learning log holds. */
  readonly onSaved?: (saved: Pick<StageProgress, 'stage' | 'done' | 'total'>) => void;
  /** Makes the parameters instead of the configuration's drawing; `initialParams` disposes them. */
  readonly draw?: () => Params;
  /** Sees the parameters as drawn, before anything is learned. */
  readonly onDrawn?: (params: Params) => void;
}

/**
 * Parameters to train from: drawn, profiled if the model has Admin's residual scales, and learned if the configuration says so.
 * The caller disposes them.
 * @throws UsageError if the configuration asks for both GradInit and MetaInit, or for one of them with Admin's profiling
 */
export async function initialParams(
  config: Config,
  model: ModelConfig,
  trainPairs: PairSource,
  control: InitialParamsControl = {},
): Promise<InitialParams> {
  const learn = learnMethod(config);
  const drawn = control.draw?.() ?? initParams(model, { method: config.init.method, seed: config.seed });
  try {
    control.onDrawn?.(drawn);
    if (learn === undefined) return { params: new Map([...drawn].map(([name, tensor]) => [name, tensor.clone()])) };
    const learned = await learn(drawn, config, model, trainPairs, control);
    if (learned.report !== undefined && learned.report.method !== 'admin') {
      const scalesRates = learned.report.method === 'gradinit' && learned.report.options.scaled === 'rates';
      const closed = scalesRates ? {} : nearlyClosedLayerNorms(learned.report.scales);
      if (Object.keys(closed).length > 0) control.onClosedLayerNorms?.(closed);
    }
    return learned;
  } finally {
    disposeParams(drawn);
  }
}

type LearnMethod = (
  drawn: Params,
  config: Config,
  model: ModelConfig,
  trainPairs: PairSource,
  control: InitialParamsControl,
) => Promise<InitialParams>;

function learnMethod(config: Config): LearnMethod | undefined {
  return withPlaces(config, () => chosenMethod(config));
}

function chosenMethod({ gradinit, metainit, model }: Config): LearnMethod | undefined {
  const methods: { setting: string; learn: LearnMethod }[] = [
    ...(gradinit.algorithm === 'none' ? [] : [{ setting: 'gradinit.algorithm', learn: withGradInit }]),
    ...(metainit.iterations === 0 ? [] : [{ setting: 'metainit.iterations', learn: withMetaInit }]),
    ...(model.residual === 'admin' ? [{ setting: 'model.residual admin', learn: withAdmin }] : []),
  ];
  if (methods.length > 1)
    throw new UsageError(
      `${methods.map(({ setting }) => setting).join(' and ')} are both set. Parameters are learned or profiled by one of them: set the other to none, 0 or post-ln.`,
    );
  return methods[0]?.learn;
}

/** Whether initial parameters are learned or profiled. @throws UsageError if by more than one method */
export function learnsInitialParams(config: Config): boolean {
  return learnMethod(config) !== undefined;
}

async function withGradInit(
  drawn: Params,
  config: Config,
  model: ModelConfig,
  trainPairs: PairSource,
  control: InitialParamsControl,
): Promise<InitialParams> {
  const options = gradInitOptions(config, model, trainPairs);
  const { signal, onProgress } = control;
  const loss = meanLoss(config, model);
  const nextBatch = cycleBatches(trainPairs, config, { maxTokens: config.gradinit.maxTokens, leastSentences: 3 }); // to be cut in thirds
  const partTokens: [number, number][] = [];
  const nextParts = (): { first: Batch; second: Batch } => {
    const parts = gradInitParts(nextBatch());
    partTokens.push([parts.first.trgTokens, parts.second.trgTokens]);
    return parts;
  };
  const task = {
    params: drawn,
    loss,
    options,
    pieces: piecesOf(config),
    ...(config.gradinit.tiedStep === 'lookup-only' && {
      stepLoss: (moved: Params, current: Params, batch: Batch) =>
        loss(withUnmovedOutputProjection(moved, current), batch),
    }),
  };
  const settings = gradInitSettings(config.gradinit);
  let finished: GradInitIteration[] = [];
  const learnGradInit = (log: IterationLog<GradInitIteration>): ReturnType<typeof gradInit> => {
    finished = [...log.done];
    for (let i = 0; i < log.done.length; i++) nextParts(); // batches that finished iterations used
    control.onPlan?.(initPlan(config, trainPairs, log.done)!);
    let secondsHere = 0;
    return gradInit<Batch>({
      ...task,
      done: log.done,
      groupOf: (name) =>
        settings.crossAttention === 'drawn' && isCrossAttention(name) ? 'fixed' : parameterGroup(name),
      signal,
      batches: nextParts,
      onIteration: (iteration) => {
        log.append(iteration);
        finished.push(iteration);
        secondsHere += iteration.seconds;
        onProgress?.({
          stage: 'gradinit',
          done: iteration.iteration,
          total: options.iterations,
          secondsHere,
          note: iterationNote(iteration, options, finished[0]),
        });
      },
    });
  };
  const outcome = await learnedOrDrawn({ task, finished: () => finished, nextParts, fallBack: settings.fallBack }, () =>
    withLearningLog('gradinit', options.iterations, config, model, trainPairs, control, learnGradInit),
  );
  const { report } = outcome;
  if (report.fallback) control.onFallback?.(report.fallback.reason);
  const uses = partTokens.flatMap((tokens, i) =>
    i < options.iterations
      ? gradInitUses(report.iterations[i]?.branch ?? 'objective', ...tokens, settings.scaled)
      : checkUses(...tokens),
  );
  return {
    params: outcome.params,
    report: {
      method: 'gradinit',
      options,
      ...(settings.scaled !== 'weights' && { releaseUpdates: settings.releaseUpdates }),
      ...report,
      cost: initCost(uses, epochShape(trainPairs, config).tokensPerUpdate, report.seconds),
    },
  };
}

async function withMetaInit(
  drawn: Params,
  config: Config,
  model: ModelConfig,
  trainPairs: PairSource,
  control: InitialParamsControl,
): Promise<InitialParams> {
  const { iterations, lr, momentum, maxTokens } = config.metainit;
  const { signal, onProgress } = control;
  const nextBatch = cycleBatches(trainPairs, config, { maxTokens });
  const tokens: number[] = [];
  const next = (): Batch => {
    const batch = nextBatch();
    tokens.push(batch.trgTokens);
    return batch;
  };
  const learnMetaInit = (log: IterationLog<MetaInitIteration>): ReturnType<typeof metaInit> => {
    for (let i = 0; i < log.done.length; i++) next(); // batches that finished iterations used
    control.onPlan?.(initPlan(config, trainPairs, log.done)!);
    let secondsHere = 0;
    return metaInit<Batch>({
      done: log.done,
      params: drawn,
      loss: meanLoss(config, model),
      iterations,
      lr,
      momentum,
      signal,
      batches: next,
      onIteration: (finished) => {
        log.append(finished);
        secondsHere += finished.seconds;
        const { iteration, gradientQuotient, loss } = finished;
        onProgress?.({
          stage: 'metainit',
          done: iteration,
          total: iterations,
          secondsHere,
          note: `loss ${formatLoss(loss)}  gradient quotient ${formatNumber(gradientQuotient)}`,
        });
      },
    });
  };
  const { params, report } = await withLearningLog(
    'metainit',
    iterations,
    config,
    model,
    trainPairs,
    control,
    learnMetaInit,
  );
  const uses = tokens.flatMap((trgTokens) => metaInitUses(trgTokens));
  return {
    params,
    report: {
      method: 'metainit',
      ...report,
      cost: initCost(uses, epochShape(trainPairs, config).tokensPerUpdate, report.seconds),
    },
  };
}

interface IterationLog<I> {
  /** Iterations finished before an interruption. */
  readonly done: readonly I[];
  append(iteration: I): void;
}

/** Learns with the finished iterations in the learning log, if the caller keeps one, and reports what it holds if interrupted. */
async function withLearningLog<I extends object, R>(
  stage: 'gradinit' | 'metainit',
  total: number,
  config: Config,
  model: ModelConfig,
  trainPairs: PairSource,
  { learningLog, signal, onSaved }: InitialParamsControl,
  learn: (log: IterationLog<I>) => Promise<R>,
): Promise<R> {
  if (learningLog === undefined) return learn({ done: [], append: () => undefined });
  const { init, gradinit, metainit, seed } = config;
  const { optimizer, lr, labelSmoothing, maxTokens, maxSentences } = config.train;
  const train = { optimizer, lr, labelSmoothing, maxTokens, maxSentences };
  const log = LearningLog.open(learningLog.path, {
    version: 1,
    method: stage,
    seed,
    model,
    init,
    [stage]:
      stage === 'gradinit'
        ? { ...gradInitSettings(gradinit), ...gradInitOptions(config, model, trainPairs) }
        : metainit,
    train,
    corpus: learningLog.corpus,
  });
  let count = log.done.length;
  try {
    return await learn({
      done: log.done as readonly I[],
      append: (iteration) => {
        log.append(iteration);
        count++;
      },
    });
  } catch (error) {
    if (signal?.aborted) onSaved?.({ stage, done: count, total });
    throw error;
  } finally {
    log.close();
  }
}

/** Admin's profiling, on the first training batch with its dropout, as the authors' program does it. */
async function withAdmin(
  drawn: Params,
  config: Config,
  model: ModelConfig,
  trainPairs: PairSource,
  { onPlan }: InitialParamsControl,
): Promise<InitialParams> {
  onPlan?.(initPlan(config, trainPairs)!);
  const started = performance.now();
  const batch = cycleBatches(trainPairs, config)();
  const { params, scales } = profileResidualScales(drawn, batch, model, { seed: config.seed, step: 0, microBatch: 0 });
  const seconds = (performance.now() - started) / 1000;
  const uses = [{ trgTokens: batch.trgTokens, passes: passes.forward }];
  return {
    params,
    report: {
      method: 'admin',
      scales,
      seconds,
      cost: initCost(uses, epochShape(trainPairs, config).tokensPerUpdate, seconds),
    },
  };
}

/** Pieces of a batch that GradInit differentiates one after another. */
function piecesOf({ gradinit, train }: Config): (batch: Batch) => BatchPiece<Batch>[] {
  const { pieceTokens = train.maxTokens } = gradinit;
  return (batch) =>
    cutBatch(batch, pieceTokens).map((piece) => ({ batch: piece, weight: piece.trgTokens / batch.trgTokens }));
}

/** Mean label-smoothed loss per target token, without dropout. */
export function meanLoss({ train: { labelSmoothing } }: Config, model: ModelConfig) {
  return (params: Params, batch: Batch): Scalar =>
    div(translationLoss(params, batch, { config: model, labelSmoothing }).lossSum, batch.trgTokens);
}
