import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { withPlaces } from '../config/loadConfig.js';
import type { Config } from '../config/schema.js';
import type { PairSource } from '../data/pairSource.js';
import { nearlyClosedLayerNorms } from '../initial/closedLayerNorms.js';
import { initCost } from '../initial/initCost.js';
import type { Iteration, Learned, LearnedInit, LearnedReport, LearnTask } from '../initial/learnedInit.js';
import { chosenInit, type InitReport } from '../initial/learnedInits.js';
import type { ModelConfig } from '../model/config.js';
import { initParams } from '../model/init.js';
import { StoppedByOther } from '../parallel/agree.js';
import { epochShape } from './epochShape.js';
import { initPlan, initTask, type InitPlan } from './initPlan.js';
import type { InitSource } from './initSource.js';
import { LearningLog } from './learningLog.js';
import type { SharedLearning } from './sharedLearning.js';
import type { StageProgress } from './runEvents.js';

export type { InitReport };

export interface InitialParams {
  readonly params: Params;
  /** The report of a learned initialisation; absent if the parameters are as drawn. */
  readonly report?: InitReport;
}

export interface InitialParamsControl {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Omit<StageProgress, 'event'>) => void;
  /** Receives the cost of the work before it begins; an error thrown here ends the work. */
  readonly onPlan?: (plan: InitPlan) => void;
  /** Called if the learned scales are not used, with the reason. */
  readonly onFallback?: (reason: string) => void;
  /** Called with learned scales that may stall a run. */
  readonly onClosedLayerNorms?: (scales: Readonly<Record<string, number>>) => void;
  /** The file for finished iterations, which is read if it exists. Without it an interruption loses them. */
  readonly learningLog?: {
    readonly path: string;
    /** SHA-256 of the prepared files that determine the numbers. */
    readonly corpus: Readonly<Record<string, string>>;
  };
  /** Called when learning was interrupted, with the number of iterations in the learning log. */
  readonly onSaved?: (saved: Pick<StageProgress, 'stage' | 'done' | 'total'>) => void;
  /** Parameters to start from instead of the configuration's drawing (`init.from`). */
  readonly source?: InitSource;
  /** Makes the parameters in place of the configuration's drawing; `initialParams` disposes them. */
  readonly draw?: () => Params;
  /** The methods that the configuration chooses from. Default: `learnedInits`. */
  readonly methods?: readonly LearnedInit[];
  /** Processes that may learn together, of which this one leads. */
  readonly learning?: SharedLearning;
  /** Receives the drawn parameters, before anything is learned. */
  readonly onDrawn?: (params: Params) => Promise<void> | void;
}

/**
 * Parameters to train from: drawn, and learned or profiled by the method that the configuration switches on. The caller
 * disposes them.
 * @throws UsageError if the configuration switches on several methods
 */
export async function initialParams(
  config: Config,
  model: ModelConfig,
  trainPairs: PairSource,
  control: InitialParamsControl = {},
): Promise<InitialParams> {
  const method = chosenMethod(config, control.methods);
  const drawn =
    control.draw?.() ?? control.source?.draw() ?? initParams(model, { method: config.init.method, seed: config.seed });
  try {
    await control.onDrawn?.(drawn);
    if (method === undefined) return { params: new Map([...drawn].map(([name, tensor]) => [name, tensor.clone()])) };
    const { params, report, uses, weightScales, fallback } = await learnWith(
      method,
      drawn,
      config,
      model,
      trainPairs,
      control,
    );
    if (fallback !== undefined) control.onFallback?.(fallback);
    const closed = nearlyClosedLayerNorms(weightScales ?? {});
    if (Object.keys(closed).length > 0) control.onClosedLayerNorms?.(closed);
    const cost = initCost(uses, epochShape(trainPairs, config).tokensPerUpdate, report.seconds);
    return { params, report: { method: method.name, ...report, cost } as InitReport };
  } finally {
    disposeParams(drawn);
  }
}

/** The method that a configuration switches on. @throws UsageError if it switches on several */
export function chosenMethod(config: Config, methods?: readonly LearnedInit[]): LearnedInit | undefined {
  return withPlaces(config, () => chosenInit(config, methods));
}

/** Whether initial parameters are learned or profiled. @throws UsageError if by more than one method */
export function learnsInitialParams(config: Config, methods?: readonly LearnedInit[]): boolean {
  return chosenMethod(config, methods) !== undefined;
}

/**
 * Learns from the finished iterations in the learning log, if the caller keeps one, and reports their number if
 * interrupted.
 */
async function learnWith(
  method: LearnedInit,
  drawn: Params,
  config: Config,
  model: ModelConfig,
  trainPairs: PairSource,
  { learningLog, source, signal, onPlan, onProgress, onSaved, methods, learning }: InitialParamsControl,
): Promise<Learned<LearnedReport>> {
  const { seed, init } = config;
  const { name: stage } = method;
  const task: LearnTask<never> = {
    ...initTask(config, method, trainPairs),
    drawn,
    model,
    done: [],
    onIteration: () => undefined,
    signal,
  };
  const { optimizer, lr, labelSmoothing, maxTokens, maxSentences } = config.train;
  const log =
    learningLog &&
    method.identity &&
    LearningLog.open(learningLog.path, {
      version: 1,
      method: stage,
      seed,
      model,
      init,
      ...(source && { source: source.record.sha256 }),
      [stage]: method.identity(task),
      train: { optimizer, lr, labelSmoothing, maxTokens, maxSentences },
      corpus: learningLog.corpus,
    });
  const done = (log?.done ?? []) as readonly Iteration[];
  let [count, secondsHere, total] = [done.length, 0, 0];
  try {
    const plan = initPlan(config, trainPairs, done, methods)!;
    ({ total } = plan);
    onPlan?.(plan);
    const together = learning && (method.numPieces?.(task as never) ?? 1) > 1 ? learning : undefined;
    await together?.begin(drawn, done);
    return await method.learn({
      ...task,
      done,
      world: together?.world,
      onIteration: (iteration, note) => {
        log?.append(iteration);
        count++;
        secondsHere += iteration.seconds;
        onProgress?.({ stage, done: iteration.iteration, total, secondsHere, note });
      },
    });
  } catch (error) {
    if (log && (signal?.aborted || error instanceof StoppedByOther)) onSaved?.({ stage, done: count, total });
    throw error;
  } finally {
    log?.close();
  }
}
