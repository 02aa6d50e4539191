import type { LearningCourse } from '../initial/learnedInit.js';
import type { Config } from '../config/schema.js';
import type { AblationResults } from './ablationResults.js';
import type { Cell } from './ablationPlan.js';
import type { GradientRecord } from '../run/gradientRecord.js';
import type { RunScores, ValidationResult } from '../run/runScores.js';
import type { ValidSample } from '../train/trainer.js';

/*
 * The contents of a folder of runs as one plain object that JSON can represent; reports are made from it. Undefined and
 * null both mean that there is no such number; NaN and Infinity do not occur.
 */

/** A folder of an ablation, or of one run, which then is the only run of its only arm. */
export interface AblationData extends AblationResults {
  /** The folder's name. */
  readonly name: string;
  /** Updates at which all runs end; undefined if the runs differ or have no such limit. */
  readonly budget?: number;
  /** The limits where runs differ in them. */
  readonly differentBudgets?: readonly number[];
  /**
   * Keys of runs that have a test BLEU, but whose translations or references (test.hyp, test.ref) are missing or differ
   * from those that were scored: they are not compared or shown.
   */
  readonly untranslated?: readonly string[];
  /** In the order of the plan: every arm in every cell with the first seed, then with the second. */
  readonly runs: readonly RunData[];
  readonly samples: readonly SampleTranslation[];
}

/**
 * `waiting`: has no folder. `running`: a process works on it. `unfinished`: begun and interrupted. `failed`: it ended
 * with an error, and the ablation's command tries it again. `diverged`: infinite or undefined numbers. `stuck`:
 * finished without having learned to use context. `finished`: otherwise.
 */
export type RunState = 'waiting' | 'running' | 'unfinished' | 'failed' | 'diverged' | 'stuck' | 'finished';

/** One run: its state, configuration, curves and scores. */
export interface RunData {
  /** `ARM/seed-N` or `ARM/CELL/seed-N`, unique; also the folder. */
  readonly key: string;
  readonly arm: string;
  readonly cell: Cell;
  readonly seed: number;
  readonly state: RunState;
  /** Why it failed. */
  readonly failure?: string;
  /** Updates done so far, and where training ends if that is known. */
  readonly updates: number;
  readonly maxUpdates?: number;
  /** When the log was last written, ms since 1970; absent for waiting runs. */
  readonly lastWrittenMs?: number;
  readonly scores?: RunScores;
  /** Every setting, resolved; absent for waiting runs. */
  readonly config?: Config;
  /** The same as YAML, as the run saved it. */
  readonly configYaml?: string;
  /** Program and version, and when it began (ISO 8601). */
  readonly program?: string;
  readonly startedAt?: string;
  readonly numParameters?: number;
  readonly train: readonly TrainPoint[];
  readonly valid: readonly ValidPoint[];
  /** Update-to-weight ratios: `samples[i].ratios[t]` is that of tensor `tensors[t]`. */
  readonly updateRatios?: {
    readonly tensors: readonly string[];
    readonly samples: readonly { readonly update: number; readonly ratios: readonly (number | null)[] }[];
  };
  /** Gradients before training; `drawn` is present if parameters were learned. */
  readonly gradients?: GradientRecord;
  readonly learned?: LearnedScales;
}

/** One log interval of training, means over its updates. */
export interface TrainPoint {
  readonly update: number;
  readonly epoch: number;
  readonly loss: number;
  readonly nll: number;
  readonly lr: number;
  readonly gradNormL2: number;
  /** Target tokens and seconds of training so far. */
  readonly trgTokensPerSecond: number;
  readonly seconds: number;
}

/** A validation and its time. */
export interface ValidPoint extends ValidationResult {
  readonly best: boolean;
  readonly seconds: number;
  /** Sentences as they were translated then. */
  readonly samples?: readonly ValidSample[];
}

/** What learning or profiling changed in the initial parameters. */
export interface LearnedScales extends LearningCourse {
  /** Name of the learned initialisation. */
  readonly method: string;
  readonly tensors: readonly LearnedTensor[];
}

export interface LearnedTensor extends TensorPlace {
  /** Final value over initial value. */
  readonly scale: number;
}

/**
 * The position of a tensor in the model: `decoder.layers.2.encoder_attn.v_proj.weight` is side decoder, layer 2, part
 * encoder_attn.v_proj, kind weight.
 */
export interface TensorPlace {
  readonly name: string;
  readonly side: 'encoder' | 'decoder';
  /** From 0; absent for embeddings and the output projection. */
  readonly layer?: number;
  readonly part: string;
  readonly kind: 'weight' | 'bias';
}

/** One sentence of the test set with its translation by every run that has one. */
export interface SampleTranslation {
  /** Line of the test set, from 1. */
  readonly line: number;
  readonly src: string;
  readonly ref: string;
  /** By the key of the run. */
  readonly hyps: Readonly<Record<string, string>>;
}

/** Takes a parameter's name apart. */
export function tensorPlace(name: string): TensorPlace {
  const [, side, layer, rest] = /^(encoder|decoder)\.(?:layers\.(\d+)\.)?(.+)$/.exec(name) ?? [
    undefined,
    'decoder',
    undefined,
    name,
  ];
  const kind = rest!.endsWith('bias') ? 'bias' : 'weight';
  return {
    name,
    side: side as TensorPlace['side'],
    ...(layer !== undefined && { layer: Number(layer) }),
    part: rest!.replace(/\.(weight|bias)$/, ''),
    kind,
  };
}
