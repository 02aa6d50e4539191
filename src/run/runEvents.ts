import type { Precision } from '../backend/precisions.js';
import type { ModelConfig } from '../model/config.js';
import type { TrainEvent } from '../train/trainer.js';
import type { MemoryReport } from './checkMemory.js';
import type { InitSourceRecord } from './initSourceRecord.js';
import type { InitPlan } from './initPlan.js';
import type { RunScores } from './runScores.js';

/** A run's description, sent once at its start. */
export interface RunStart {
  readonly event: 'start';
  readonly runDir: string;
  readonly backend: string;
  /** Of training's matrix products. */
  readonly precision: Precision;
  readonly numParameters: number;
  /** Names of the tensors, in the order of `updateRatios`. */
  readonly parameters: readonly string[];
  readonly model: ModelConfig;
  readonly trainPairs: number;
  readonly trgTokensPerEpoch: number;
  readonly updatesPerEpoch: number;
  /** Updates of the run, including the cost of initialisation; undefined if only epochs or patience end it. */
  readonly maxUpdates?: number;
  /** The update from which the run resumes. */
  readonly resumedFrom?: number;
  /** The first training pair, as the model sees it. */
  readonly example: { readonly src: string; readonly trg: string };
}

/** After every update; for displays, not logged. */
export interface UpdateProgress {
  readonly event: 'update';
  readonly update: number;
  readonly epoch: number;
  readonly loss: number;
  readonly perplexity: number;
  readonly lr: number;
  readonly gradNormL2: number;
  readonly trgTokens: number;
  readonly seconds: number;
  /**
   * Update at which training ends, after subtracting the cost of initialisation; undefined if only epochs or patience
   * end it.
   */
  readonly maxUpdates?: number;
}

/** Work that is counted; for displays, not logged. */
export interface StageProgress {
  readonly event: 'progress';
  /** Validation, translation, the gradients before training, or a learned initialisation by its name. */
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** Seconds of the work in this process, if the stage is timed separately. */
  readonly secondsHere?: number;
  /** Further text to show, e.g. the loss. */
  readonly note?: string;
}

/** The backend is loaded and memory is counted, which can take seconds; for displays, not logged. */
export interface Preparing {
  readonly event: 'preparing';
}

/** The memory that the run needs, and the available memory; for displays, not logged. */
export type MemoryReported = MemoryReport & { readonly event: 'memory' };

/** The expected cost of initialisation; for displays, not logged: gradinit.json has the actual cost. */
export type InitPlanned = InitPlan & { readonly event: 'initPlan' };

/** Learned scales have nearly closed some layer norms; for displays, not logged: gradinit.json has all scales. */
export interface ClosedLayerNorms {
  readonly event: 'closedLayerNorms';
  readonly scales: Readonly<Record<string, number>>;
}

/** Training starts from the drawn parameters, since GradInit's are no better. */
export interface GradInitFellBack {
  readonly event: 'gradInitFallback';
  readonly reason: string;
}

/** Several processes train together; for displays, not logged: no number of a run depends on how many they are. */
export interface ProcessesJoined {
  readonly event: 'processes';
  readonly count: number;
  readonly hosts: readonly string[];
}

/** Settings that differ from the run's earlier ones, as `key: a → b`. */
export interface SettingsChanged {
  readonly event: 'changed';
  readonly settings: readonly string[];
}

/** A run was resumed whose log.jsonl is missing: curves and totals begin where it was resumed. */
export interface LogLost {
  readonly event: 'logLost';
  readonly path: string;
}

/** Training starts from parameters of another run. */
export type StartedFrom = InitSourceRecord & { readonly event: 'initFrom' };

/** Learning of initial parameters was interrupted and resumes after iteration `done`; for displays, not logged. */
export interface LearningSaved {
  readonly event: 'learningSaved';
  readonly stage: StageProgress['stage'];
  readonly done: number;
  readonly total: number;
}

/** Everything that happens in a run, in order. Events with a place in log.jsonl are those that are not progress. */
export type RunEvent =
  | Preparing
  | RunStart
  | ProcessesJoined
  | UpdateProgress
  | StageProgress
  | MemoryReported
  | InitPlanned
  | ClosedLayerNorms
  | GradInitFellBack
  | SettingsChanged
  | LogLost
  | StartedFrom
  | LearningSaved
  | TrainEvent
  | ({ readonly event: 'scores' } & RunScores);

export type RunListener = (event: RunEvent) => void;
