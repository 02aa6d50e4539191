/**
 * coldstart in a browser: the model, GradInit, training and decoding, without files and without Node. Tensors are
 * tfjs's. `useWebGpu` or `useWasm` makes a backend the current one. `trainLoop` keeps its checkpoints where the program
 * says (`CheckpointStore`).
 */
export { useWasm } from './backend/wasm/useWasm.js';
export { useWebGpu } from './backend/webgpu/useWebGpu.js';
export { disposeParams, valueAndGradients, type Params } from './backend/autodiff/valueAndGradients.js';
export { ColdstartError, DataError, ShapeError, UsageError, type ErrorCode } from './errors.js';
export { makeBatch, type Batch, type IdPair } from './data/batch.js';
export { createBatches, type Batches, type BatchingOptions, type EpochBatches } from './data/batches.js';
export { pairsInMemory, type PairSource as IdPairSource } from './data/pairSource.js';
export { Vocabulary } from './text/vocabulary.js';
export { architectures, type ModelConfig } from './model/config.js';
export { initParams, type InitMethod } from './model/init.js';
export { translationLoss } from './model/loss.js';
export { isCrossAttention, numParameters, parameterGroup, parameterShapes } from './model/parameters.js';
export {
  gradInit,
  type GradInitIteration,
  type GradInitOptions,
  type GradInitReport,
  type GradInitSettings,
  type GradInitShortTask,
  type GradInitTask,
} from './gradinit/gradInit.js';
export { variantDefaults, type Variant, type VariantSettings } from './gradinit/variants.js';
export { gradInit as runGradInit } from './initial/gradInit.js';
export { initCost, type InitCost } from './initial/initCost.js';
export type { Learned, LearnTask } from './initial/learnedInit.js';
export { metaInit, type MetaInitIteration, type MetaInitReport, type MetaInitTask } from './gradinit/metaInit.js';
export { learningRate, type ScheduleOptions } from './train/schedule.js';
export { disposeOptimizerState, type Optimizer, type OptimizerState } from './train/optimizer.js';
export { createOptimizer, optimizers, type OptimizerOptions } from './train/optimizers.js';
export { withMultipliers, type Multipliers } from './train/multipliers.js';
export type { TrainOptions } from './train/trainOptions.js';
export { checkpointBytes, toTensors, type Checkpoint } from './train/checkpointBytes.js';
export { MemoryStore } from './train/memoryStore.js';
export type { CheckpointStore, KeptAt, TrainingState } from './train/checkpointStore.js';
export type { TrainPosition } from './train/position.js';
export { trainLoop, type LoopTask, type TrainEvent, type TrainResult } from './train/trainLoop.js';
export { sha256 } from './random/sha256.js';
export { corpusBleu, type BleuOptions, type BleuScore } from './score/bleu.js';
export { beamSearch, type BeamSearchOptions, type Hypothesis } from './decode/beamSearch.js';
export { translate, type TranslateOptions, type Translations } from './decode/translate.js';
