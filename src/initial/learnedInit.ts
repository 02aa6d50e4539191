import { div, type Scalar } from '@tensorflow/tfjs-core';
import type { Params } from '../backend/autodiff/valueAndGradients.js';
import type { Batch } from '../data/batch.js';
import type { PairSource } from '../data/pairSource.js';
import type { Section, Values } from '../field.js';
import type { Algorithm } from '../gradinit/options.js';
import type { Branch } from '../gradinit/scaleOptimizer.js';
import type { ModelConfig, ResidualScheme } from '../model/config.js';
import { translationLoss } from '../model/loss.js';
import type { World } from '../parallel/world.js';
import type { JsonShape } from '../storage/jsonShape.js';
import type { OptimizerOptions } from '../train/optimizers.js';
import type { ScheduleOptions } from '../train/schedule.js';
import type { BatchUse } from './initCost.js';

/**
 * A way to learn, or profile, initial parameters before training. The configuration has a section with its name and
 * fields; gradinit.json, events and messages use the name. To add a method, write a file like metaInit.ts and add its
 * name to learnedInits.ts.
 */
export interface LearnedInit<
  N extends string = string,
  F extends Section = Section,
  R extends LearnedReport = LearnedReport,
> {
  readonly name: N;
  /** The section of the configuration; absent without fields. */
  readonly fields: F;
  /** The setting that switches it on, and the value that switches it off, for messages. */
  readonly switch: { readonly on: string; readonly off: string };
  isOn(settings: Values<F>, model: { readonly residual: ResidualScheme }): boolean;
  /** One pass over data rather than iterations: the plan and its warnings say so. */
  readonly profiles?: true;

  /** Checks settings before anything is read or written. @throws UsageError if they contradict each other */
  check?(task: Pick<LearnTask<Values<F>>, 'settings' | 'model' | 'train'>): void;
  learn(task: LearnTask<Values<F>>): Promise<Learned<R>>;
  /**
   * Identifies a task of learning, together with seed, model, drawing, training and corpus; plain JSON. Without it
   * finished iterations are not stored, and an interruption loses them.
   */
  identity?(task: LearnTask<Values<F>>): object;
  /** The batches that it will use, in the order in which it takes them. */
  uses(task: InitTask<Values<F>>): PlannedUses;
  /** The numbers that reports show in addition to the scales. */
  describe(report: R): LearningCourse;
  /** The report of `learn`, as in gradinit.json. */
  readonly reportShape: JsonShape;

  /**
   * About how many pieces its batches are cut into, which several processes can share out. Default 1: one process
   * learns, and the others wait.
   */
  numPieces?(task: InitTask<Values<F>>): number;

  /** Most tokens of its batches; undefined: training's. */
  maxTokens?(settings: Values<F>): number | undefined;
  /** Smaller batches are left out. Default 1. */
  readonly leastSentences?: number;
  /** The setting that bounds its memory; default: train.maxTokens. */
  readonly memorySetting?: keyof F & string;
  /** Settings that force each kind of iteration, to count memory and time. Default: the unchanged settings. */
  samples?(settings: Values<F>, sample: InitSample): readonly Values<F>[];
}

/** A few iterations instead of all. */
export interface InitSample {
  readonly iterations: number;
  /** Batches to use, and the number of tokens of training's batches. */
  readonly batch?: { readonly maxTokens: number; readonly trainTokens: number };
}

/** The training settings on which learning may depend. */
export type TrainSettings = OptimizerOptions &
  ScheduleOptions & {
    readonly labelSmoothing: number;
    readonly maxTokens: number;
    readonly maxSentences?: number;
  };

/** The parts of a configuration and its corpus that a method receives. */
export interface InitTask<S> {
  readonly settings: S;
  readonly seed: number;
  /** How the model will be trained. */
  readonly train: TrainSettings;
  readonly trainPairs: PairSource;
}

export interface LearnTask<S> extends InitTask<S> {
  /** Parameters as drawn; the caller owns them. */
  readonly drawn: Params;
  readonly model: ModelConfig;
  /** Iterations that were finished before an interruption; their batches come first and must be skipped. */
  readonly done: readonly Iteration[];
  /** Call it with each finished iteration. @param note shown next to the progress */
  readonly onIteration: (iteration: Iteration, note: string) => void;
  readonly signal?: AbortSignal;
  /**
   * Processes that learn together, if there are several pieces (`numPieces`): all call `learn` with the same task, and
   * get the same result.
   */
  readonly world?: World;
}

/** The fields of every method's iterations. */
export interface Iteration {
  /** From 1. */
  readonly iteration: number;
  readonly seconds: number;
}

export interface LearnedReport {
  /** By name of the parameter: final value over initial value, or the value that was set. */
  readonly scales: Readonly<Record<string, number>>;
  readonly seconds: number;
}

export interface Learned<R> {
  /** Owned by the caller. */
  readonly params: Params;
  readonly report: R;
  readonly uses: readonly BatchUse[];
  /** Factors of tensors, by name. A run may stall if layer norms have nearly closed. */
  readonly weightScales?: Readonly<Record<string, number>>;
  /** Why the learned scales are not used. */
  readonly fallback?: string;
}

/** Iterations, checks after them, and what each next one uses, by the branch that GradInit takes. */
export interface PlannedUses {
  /** Iterations; 1 for profiling. */
  readonly total: number;
  readonly maxTokens: number;
  /** Batches of a check after the iterations. */
  readonly checks?: number;
  readonly next: (index: number) => (branch: Branch) => readonly BatchUse[];
}

/** The course of learning. */
export interface LearningCourse {
  readonly algorithm?: Algorithm;
  /** GradInit's step and bound. */
  readonly eta?: number;
  readonly gamma?: number;
  /** The norm of `gradNorm` and `gamma`. */
  readonly norm?: 'L1' | 'L2';
  readonly iterations: readonly LearningPoint[];
}

export interface LearningPoint {
  readonly iteration: number;
  /** GradInit's goal of this iteration. */
  readonly branch?: 'constraint' | 'objective';
  readonly lossBefore: number;
  readonly lossAfter?: number;
  /** GradInit: the norm that is bounded; MetaInit: L2. */
  readonly gradNorm: number;
  readonly gradientQuotient?: number;
}

/** One list of what `learnedInit` made may hold methods of different settings and reports. */
export const learnedInit = <const N extends string, const F extends Section, R extends LearnedReport>(
  method: LearnedInit<N, F, R>,
): LearnedInit<N, F, R> => method;

/** Mean label-smoothed loss per target token, without dropout. */
export function meanLoss({ labelSmoothing }: { readonly labelSmoothing: number }, model: ModelConfig) {
  return (params: Params, batch: Batch): Scalar =>
    div(translationLoss(params, batch, { config: model, labelSmoothing }).lossSum, batch.trgTokens);
}
