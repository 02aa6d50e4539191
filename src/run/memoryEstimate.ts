import type { BackendName } from '../backend/backendNames.js';
import type { Config } from '../config/schema.js';
import { trainOptions } from '../config/trainOptions.js';
import { batchShapes, type BatchShape } from '../data/batches.js';
import type { PairSource } from '../data/pairSource.js';
import { chosenInit, initNamed, settingsOf } from '../initial/learnedInits.js';
import type { ModelConfig } from '../model/config.js';
import { numParameters } from '../model/parameters.js';
import { sumBytes } from '../parallel/sharedTensors.js';
import { createOptimizer } from '../train/optimizers.js';
import { initTask } from './initPlan.js';
import { countDecoding, countInit, countUpdate } from './countMemory.js';

/** Training (`train`), decoding (`decode`), or a learned initialisation by its name. */
export type MemoryStage = string;

/** The settings and sizes on which a run's memory depends. */
export interface MemoryTask {
  readonly config: Config;
  readonly model: ModelConfig;
  readonly trainPairs: PairSource;
  /** Source lengths of the translated sets. */
  readonly heldOutLengths: Int32Array;
  /** How many processes train together. Default 1. */
  readonly processes?: number;
}

/**
 * Program, libraries and JavaScript's own objects once training runs, in bytes: measured (docs/notes/performance.md).
 */
const programBytes = 180 * 2 ** 20;

/** Memory per byte of tensors: includes freed blocks that are kept for the next tensors, and gaps. */
const slack: Readonly<Partial<Record<BackendName, number>>> = { native: 1.08, wasm: 1.15 };

/** Whether memory can be estimated: not if tensors are elsewhere (a GPU) or wait for the garbage collector. */
export function hasMemoryEstimate(backend: BackendName): boolean {
  return slack[backend] !== undefined;
}

/** The peak memory of a stage, in bytes. */
export interface StageMemory {
  /** Of the whole process. */
  readonly process: number;
  /** Of the backend's tensors, with freed memory that it keeps. */
  readonly tensors: number;
}

/**
 * Counts the memory of a stage on the largest batches of its corpus. `hasMemoryEstimate` must be true for the current
 * backend.
 */
export async function stageMemory(stage: MemoryStage, task: MemoryTask, backend: BackendName): Promise<StageMemory> {
  const { config, model, processes = 1 } = task;
  const parameters = numParameters(model);
  const numSlots = createOptimizer(trainOptions(config)).slots.length;
  // each of several processes keeps its shard of the optimiser's state
  const others = initNamed(stage) ? 0 : 4 * parameters * numSlots * (1 - 1 / processes);
  const tensors = ((await countStage(stage, task)) - others) * slack[backend]!;
  // a checkpoint is written from copies of parameters and optimiser state, while those of the best one before it are
  // not released yet
  const copies = 4 * parameters * (2 + numSlots);
  // several processes keep their sums of gradients outside the backend until they are added up
  const terms = sharedTerms(stage, task);
  const sums = processes > 1 && terms > 1 ? sumBytes(processes, terms, parameters) : 0;
  return { tensors, process: tensors + Math.max(copies, sums) + programBytes };
}

/** How many sets of gradients a stage adds up, which several processes share out. */
function sharedTerms(stage: MemoryStage, { config, trainPairs }: MemoryTask): number {
  if (stage === 'train') return config.train.updateFreq;
  const method = initNamed(stage);
  return method?.numPieces?.(initTask(config, method, trainPairs)) ?? 1;
}

/** The stages of a run with large computations, in order. */
export function stagesOf(config: Config): MemoryStage[] {
  const init = chosenInit(config);
  return [...(init ? [init.name] : []), 'train', 'decode'];
}

/** Bytes of tensors of a stage. */
async function countStage(
  stage: MemoryStage,
  { config, model, trainPairs, heldOutLengths }: MemoryTask,
): Promise<number> {
  const { maxTokens, maxSentences } = config.train;
  const options = trainOptions(config);
  const largest = async (tokens: number, count: (shape: BatchShape) => Promise<number>): Promise<number> => {
    let most = 0;
    for (const shape of largestShapes(batchShapes(trainPairs, { maxTokens: tokens, maxSentences })))
      most = Math.max(most, await count(shape));
    return most;
  };
  switch (stage) {
    case 'train':
      return largest(maxTokens, (shape) => countUpdate(options, model, shape));
    case 'decode': {
      const batch = largestDecoding(heldOutLengths, config.decode);
      return batch === undefined ? 0 : countDecoding(options, model, config.decode, batch);
    }
    default: {
      const method = initNamed(stage)!;
      const { leastSentences = 1 } = method;
      return largest(method.maxTokens?.(settingsOf(config, method)) ?? maxTokens, (shape) =>
        countInit(config, method, model, atLeast(leastSentences, shape)),
      );
    }
  }
}

/**
 * The candidates for the largest batch: most tokens, most positions for logits, most pairs of positions for attention.
 */
function largestShapes(shapes: readonly BatchShape[]): BatchShape[] {
  const most = (size: (shape: BatchShape) => number): BatchShape =>
    shapes.reduce((best, shape) => (size(shape) > size(best) ? shape : best));
  return [
    ...new Set([
      most(({ numSentences, srcLength, trgLength }) => numSentences * (srcLength + trgLength)),
      most(({ numSentences, trgLength }) => numSentences * trgLength),
      most(({ numSentences, srcLength, trgLength }) => numSentences * (srcLength ** 2 + trgLength ** 2)),
    ]),
  ];
}

/** GradInit leaves smaller batches out. */
function atLeast(least: number, shape: BatchShape): BatchShape {
  return { ...shape, numSentences: Math.max(least, shape.numSentences) };
}

/** The batch of decoding with the most rows times steps (decode/translate.ts cuts them). */
function largestDecoding(
  lengths: Int32Array,
  { maxTokens, maxSentences, maxLenA, maxLenB }: Config['decode'],
): { numSentences: number; srcLength: number } | undefined {
  const order = lengths.slice().sort().reverse();
  let best: { numSentences: number; srcLength: number } | undefined;
  let bestSize = 0;
  for (let start = 0; start < order.length;) {
    const srcLength = order[start];
    const fit = Math.max(1, Math.min(maxSentences, Math.floor(maxTokens / srcLength)));
    const numSentences = Math.min(fit, order.length - start);
    const size = numSentences * (maxLenA * srcLength + maxLenB);
    if (size > bestSize) [best, bestSize] = [{ numSentences, srcLength }, size];
    start += fit;
  }
  return best;
}
