/**
 * coldstart as a library. Tensors are tfjs's: any backend that tfjs has set will do, `selectBackend` sets the fastest.
 */
export { selectBackend, probeBackends } from './backend/select.js';
export { disposeParams, valueAndGradients, type Params } from './backend/params.js';
export { ColdstartError, DataError, ShapeError, UsageError } from './errors.js';

export { defaultStep, gradInit, releasedDefaults, type GradInitIteration, type GradInitOptions, type GradInitReport, type GradInitTask } from './gradinit/gradInit.js';
export { metaInit, type MetaInitIteration, type MetaInitReport, type MetaInitTask } from './gradinit/metaInit.js';

export { makeBatch, type Batch, type IdPair } from './data/batch.js';
export { createBatches, type Batches, type BatchingOptions } from './data/batches.js';
export { createTokenizer, createUtf8Tokenizer, type TokenizeOptions } from './data/moses/tokenize.js';
export { createDetokenizer, type DetokenizeOptions } from './data/moses/detokenize.js';
export { createNormalizer, createPunctuationNormalizer, lowercase, removeNonPrinting, type NormalizeOptions } from './data/moses/normalize.js';
export { nonbreakingPrefixes, parseNonbreakingPrefixes, readNonbreakingPrefixes, type NonbreakingPrefixes } from './data/moses/nonbreakingPrefixes.js';
export { createPairCleaner, type CleanOptions, type CleanResult } from './data/moses/cleanPair.js';
export { cleanCorpus, type CleanCorpusOptions, type CleanReport, type CleanRules } from './data/clean/cleanCorpus.js';
export { corpusStats, type CorpusSetStats, type CorpusStats, type StatsOptions } from './data/clean/corpusStats.js';
export { Bpe, type BpeOptions } from './data/subwords/bpe.js';
export type { BpeDropout } from './data/subwords/bpeDropout.js';
export { parseBpeCodes, parseBpeVocabulary, readBpeCodes, readBpeVocabulary, type BpeCodes } from './data/subwords/bpeCodes.js';
export { learnSentencePiece, type LearntModel, type SentencePieceOptions } from './data/spm/learnSentencePiece.js';
export { joinPieces, SentencePiece } from './data/subwords/sentencePiece.js';
export { TokenizerJson } from './data/subwords/tokenizerJson.js';
export { exportTokenizer, type ExportedTokenizer } from './data/tokenizerExport/exportTokenizer.js';
export { bpeCodesText, bpeVocabularyText, countWords, learnBpe, type LearnBpeOptions } from './data/subwords/learnBpe.js';
export { countUnits } from './data/subwords/unitCounts.js';
export { createTruecaser, detruecase, parseTruecaseModel, readTruecaseModel, TruecaserTrainer, type TruecaseModel } from './data/moses/truecase.js';
export { extractCorpus, type ExtractOptions, type ExtractReport } from './data/extract/extractCorpus.js';
export { readPairs, type PairSource } from './data/extract/readPairs.js';
export { fetchCorpus, type FetchOptions, type FetchResult } from './data/recipes/fetchCorpus.js';
export type { FetchManifest } from './data/recipes/fetchManifest.js';
export { verifyFetched, type CheckedFile, type VerifyOptions } from './data/recipes/verifyFetched.js';
export { pairOf, parseRecipe, readRecipe, recipeNames } from './data/recipes/readRecipe.js';
export type { Recipe, RecipePair } from './data/recipes/recipe.js';
export { download, type DownloadOptions, type ExpectedContent } from './storage/http/download.js';
export { unpackArchive, type UnpackOptions, type UnpackReport } from './storage/archive/unpackArchive.js';
export type { PrepareOptions } from './data/prepare/options.js';
export { planCorpus, prepareCorpus, type PrepareControl, type PrepareResult } from './data/prepare/prepareCorpus.js';
export { openPreparedCorpus, type PreparedCorpus } from './data/preparedCorpus.js';
export { architectures, type ModelConfig } from './model/config.js';
export { initParams, type InitMethod } from './model/init.js';
export { translationLoss } from './model/loss.js';
export { numParameters, parameterGroup, parameterShapes, withUnmovedOutputProjection } from './model/parameters.js';
export { learningRate, type ScheduleOptions } from './train/schedule.js';
export { createOptimizer, type Optimizer, type OptimizerOptions } from './train/optimizer.js';
export { averageCheckpoints, lastEpochCheckpoints } from './train/average.js';
export { readLastCheckpoint } from './train/runFiles.js';
export { readCheckpoint, toTensors, writeCheckpoint, type Checkpoint } from './train/checkpoint.js';
export { train, type TrainEvent, type TrainResult, type TrainTask } from './train/trainer.js';
export { beamSearch, type BeamSearchOptions, type Hypothesis } from './eval/beamSearch.js';
export { translate, type TranslateOptions } from './eval/translate.js';
export { corpusStatistics, sumLines, type CorpusStatistics, type Metric } from './eval/metric.js';
export { bootstrap, pairedTest, type Confidence, type PairedOptions, type PairedResult } from './eval/significance.js';
export { bleu, corpusBleu, sentenceBleu, type BleuOptions, type BleuScore } from './eval/bleu.js';
export { bleuSignature } from './eval/bleuSignature.js';
export { corpusTokenisedBleu, formatMultiBleu, tokenisedBleu, type TokenisedBleuOptions } from './eval/tokenisedBleu.js';
export { chrf, corpusChrf, sentenceChrf, type ChrfOptions } from './eval/chrf.js';
export { corpusTer, sentenceTer, ter, type TerOptions, type TerScore } from './eval/ter.js';

export { changeConfig, loadConfig } from './config/loadConfig.js';
export type { Config } from './config/schema.js';
export { run, type RunResult, type RunTask } from './experiment/run.js';
export { ablate, type AblationTask } from './experiment/ablate.js';
export { gatherAblation, type GatherOptions } from './experiment/gatherAblation.js';
export type { AblationData, RunData } from './experiment/ablationData.js';
