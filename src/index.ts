/**
 * coldstart as a library. Tensors are tfjs's: any backend that tfjs has set will do, `selectBackend` sets the fastest.
 */
export { selectBackend, probeBackends } from './backend/select.js';
export { disposeParams, valueAndGradients, type Params } from './backend/autodiff/valueAndGradients.js';
export {
  choice,
  flag,
  integer,
  optionalChoice,
  optionalFlag,
  optionalInteger,
  optionalPath,
  optionalReal,
  optionalText,
  real,
  text,
  texts,
  type Field,
  type Section,
  type Values,
} from './field.js';
export { ColdstartError, DataError, ShapeError, UsageError, type ErrorCode } from './errors.js';

export {
  defaultStep,
  gradInit,
  releasedDefaults,
  type GradInitIteration,
  type GradInitOptions,
  type GradInitReport,
  type GradInitSettings,
  type GradInitShortTask,
  type GradInitTask,
} from './gradinit/gradInit.js';
export { variantDefaults, type Variant, type VariantSettings } from './gradinit/variants.js';
export { metaInit, type MetaInitIteration, type MetaInitReport, type MetaInitTask } from './gradinit/metaInit.js';

export { gradInitParts, makeBatch, type Batch, type IdPair } from './data/batch.js';
export { pairsInMemory, type PairSource as IdPairSource } from './data/pairSource.js';
export { createBatches, type Batches, type BatchingOptions, type EpochPairs } from './data/batches.js';
export { createTokenizer, createUtf8Tokenizer } from './text/moses/tokenize.js';
export type { TokenizeOptions } from './text/moses/lineTokenizer.js';
export { createDetokenizer, type DetokenizeOptions } from './text/moses/detokenize.js';
export {
  createNormalizer,
  createPunctuationNormalizer,
  lowercase,
  removeNonPrinting,
  type NormalizeOptions,
} from './text/moses/normalize.js';
export {
  nonbreakingPrefixes,
  parseNonbreakingPrefixes,
  type NonbreakingPrefixes,
} from './text/moses/nonbreakingPrefixes.js';
export { readNonbreakingPrefixes, readTruecaseModel } from './text/moses/languageFiles.js';
export { createPairCleaner, type CleanOptions, type CleanResult } from './text/moses/cleanPair.js';
export { cleanCorpus, type CleanCorpusOptions, type CleanReport, type CleanRules } from './text/clean/cleanCorpus.js';
export { corpusStats, type CorpusSetStats, type CorpusStats, type StatsOptions } from './text/clean/corpusStats.js';
export { Bpe, type BpeOptions } from './text/subwords/bpe.js';
export type { BpeDropout } from './text/subwords/bpeDropout.js';
export {
  parseBpeCodes,
  parseBpeVocabulary,
  readBpeCodes,
  readBpeVocabulary,
  type BpeCodes,
} from './text/subwords/bpeCodes.js';
export {
  learnSentencePiece,
  type LearntModel,
  type SentencePieceOptions,
} from './text/sentencepiece/learnSentencePiece.js';
export { joinPieces, SentencePiece } from './text/subwords/sentencePiece.js';
export { TokenizerJson } from './text/subwords/tokenizerJson.js';
export { exportTokenizer, type ExportedTokenizer } from './text/tokenizerExport/exportTokenizer.js';
export {
  bpeCodesText,
  bpeVocabularyText,
  countWords,
  learnBpe,
  type LearnBpeOptions,
} from './text/subwords/learnBpe.js';
export { countUnits } from './text/subwords/unitCounts.js';
export {
  createTruecaser,
  detruecase,
  parseTruecaseModel,
  TruecaserTrainer,
  type TruecaseModel,
} from './text/moses/truecase.js';
export { extractCorpus, type ExtractOptions, type ExtractReport } from './corpus/extract/extractCorpus.js';
export { readPairs, type PairSource } from './corpus/extract/readPairs.js';
export { fetchCorpus, type FetchOptions, type FetchResult } from './corpus/fetch/fetchCorpus.js';
export type { FetchManifest } from './corpus/fetch/fetchManifest.js';
export { verifyFetched, type CheckedFile, type VerifyOptions } from './corpus/fetch/verifyFetched.js';
export { pairOf, parseRecipe, readRecipe, recipeNames } from './corpus/fetch/readRecipe.js';
export type { Recipe, RecipePair } from './corpus/fetch/recipe.js';
export { download, type DownloadOptions, type ExpectedContent } from './storage/http/download.js';
export { unpackArchive, type UnpackOptions, type UnpackReport } from './storage/archive/unpackArchive.js';
export type { PrepareOptions } from './corpus/prepare/options.js';
export { planCorpus, prepareCorpus, type PrepareControl, type PrepareResult } from './corpus/prepare/prepareCorpus.js';
export { openPreparedCorpus, type PreparedCorpus } from './corpus/preparedCorpus.js';
export { architectures, type ModelConfig } from './model/config.js';
export { initParams, type InitMethod } from './model/init.js';
export { translationLoss } from './model/loss.js';
export {
  isCrossAttention,
  numParameters,
  parameterGroup,
  parameterShapes,
  withUnmovedOutputProjection,
} from './model/parameters.js';
export { learningRate, type ScheduleOptions } from './train/schedule.js';
export {
  disposeOptimizerState,
  optimizerKind,
  type Optimizer,
  type OptimizerKind,
  type OptimizerState,
  type SteadySteps,
  type UpdateOptions,
} from './train/optimizer.js';
export { adam } from './train/adamOptimizer.js';
export { radam } from './train/radamOptimizer.js';
export { sgd } from './train/sgdOptimizer.js';
export { withMultipliers, type Multipliers } from './train/multipliers.js';
export { createOptimizer, optimizers, optimizerTable, type OptimizerOptions } from './train/optimizers.js';
export { averageCheckpoints, lastEpochCheckpoints } from './train/average.js';
export { readLastCheckpoint } from './train/runFiles.js';
export { readCheckpoint, toTensors, writeCheckpoint, type Checkpoint } from './train/checkpoint.js';
export { train, type TrainEvent, type TrainResult, type TrainTask } from './train/trainer.js';
export { beamSearch, type BeamSearchOptions, type Hypothesis } from './decode/beamSearch.js';
export { translate, type TranslateOptions } from './decode/translate.js';
export {
  Translator,
  type OpenOptions,
  type ScoredLine,
  type ScoreOptions,
  type StreamOptions,
  type TokenScore,
  type TranslatedLine,
  type Translation,
  type TranslatorOptions,
} from './translator/translator.js';
export { corpusStatistics, sumLines, type CorpusStatistics, type Metric } from './score/metric.js';
export { bootstrap, pairedTest, type Confidence, type PairedOptions, type PairedResult } from './score/significance.js';
export { bleu, corpusBleu, sentenceBleu, type BleuOptions, type BleuScore } from './score/bleu.js';
export { bleuSignature } from './score/bleuSignature.js';
export {
  corpusTokenisedBleu,
  formatMultiBleu,
  tokenisedBleu,
  type TokenisedBleuOptions,
} from './score/tokenisedBleu.js';
export { chrf, corpusChrf, sentenceChrf, type ChrfOptions } from './score/chrf.js';
export { corpusTer, sentenceTer, ter, type TerOptions, type TerScore } from './score/ter/ter.js';

export { changeConfig, loadConfig } from './config/loadConfig.js';
export type { Config } from './config/schema.js';
export { run, type RunResult, type RunTask } from './run/run.js';
export { ownInit, type OwnInit } from './run/ownInit.js';
export { cycleBatches } from './initial/cycleBatches.js';
export { passes, type BatchUse } from './initial/initCost.js';
export {
  learnedInit,
  meanLoss,
  type InitTask,
  type Learned,
  type LearnedInit,
  type LearnedReport,
  type LearningCourse,
  type LearnTask,
  type PlannedUses,
} from './initial/learnedInit.js';
export { jsonObject, jsonList, jsonNumber, type JsonShape } from './storage/jsonFile.js';
export { ablate, type AblationTask } from './ablation/ablate.js';
export { gatherAblation, type GatherOptions } from './ablation/gatherAblation.js';
export type { AblationData, RunData } from './ablation/ablationData.js';
