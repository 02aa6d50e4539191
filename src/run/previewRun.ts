import { modelOptions } from '../config/modelOptions.js';
import { corpusFolder, prepareCommand } from '../config/prepareOptions.js';
import type { Config } from '../config/schema.js';
import { openPreparedCorpus } from '../corpus/preparedCorpus.js';
import type { ModelConfig } from '../model/config.js';
import { numParameters } from '../model/parameters.js';
import { readLastCheckpoint } from '../train/runFiles.js';
import { checkSettings } from './checkSettings.js';
import { checkDecode } from './chooseCheckpoint.js';
import { epochShape, runLength } from './epochShape.js';
import { estimateRun, type RunEstimate } from './estimateRun.js';
import { checkPlannedBudget } from './initBudget.js';
import { readInitReport } from './initRecords.js';
import { checkEndsLater } from './resumedEnd.js';
import { findRun, letsTrainOn, runIdentity, runPaths } from './runFolder.js';
import type { RunTask } from './run.js';
import { trainingPairs } from './trainingPairs.js';

/** What a run would do. */
export interface RunPreview {
  readonly model: ModelConfig;
  readonly numParameters: number;
  readonly trainPairs: number;
  readonly updatesPerEpoch: number;
  /** Undefined if only patience ends the run. */
  readonly maxUpdates?: number;
  /** The folder holds this run already: that many updates are done. */
  readonly updatesDone?: number;
  /** Of what is left of the run; absent if the folder holds it complete. */
  readonly estimate?: RunEstimate;
}

/**
 * Checks all that `run` checks before it begins, checksums of the prepared corpus included, and measures how long the
 * run takes. Writes nothing.
 * @throws as `run` would
 */
export async function previewRun({
  config,
  runDir,
  resume,
  ignoreMemory,
}: Pick<RunTask, 'config' | 'runDir' | 'resume' | 'ignoreMemory'>): Promise<RunPreview> {
  checkSettings(config);
  const found = await checkedCorpus(config, runDir, resume);
  const { isComplete, ...preview } = found;
  if (isComplete) return preview;
  const initUpdates = readInitReport(runPaths(runDir).initReport)?.cost.updateEquivalents;
  return {
    ...preview,
    estimate: await estimateRun(config, ignoreMemory, { updates: preview.updatesDone, initUpdates }),
  };
}

async function checkedCorpus(
  config: Config,
  runDir: string,
  resume: boolean,
): Promise<Omit<RunPreview, 'estimate'> & { readonly isComplete: boolean }> {
  const corpus = await openPreparedCorpus(corpusFolder(config), prepareCommand(config));
  try {
    const model = modelOptions(config, corpus.manifest.vocabularySizes);
    checkDecode(config, model.trgVocabSize);
    for (const split of ['train', 'valid', 'test'] as const) if (corpus.has(split)) corpus.dataset(split);
    const { isNew, scores, changed } = findRun(runDir, config, runIdentity(corpus.manifest), resume);
    if (changed.some(letsTrainOn)) checkEndsLater(runDir, config);
    const pairs = corpus.dataset('train');
    if (isNew) checkPlannedBudget(config, pairs);
    const { updatesPerEpoch } = epochShape(trainingPairs(corpus, config)(1), config);
    const maxUpdates = runLength(config, updatesPerEpoch);
    const updatesDone = readLastCheckpoint(runDir)?.training?.position.update ?? 0;
    return {
      model,
      numParameters: numParameters(model),
      trainPairs: pairs.length,
      updatesPerEpoch,
      ...(maxUpdates !== undefined && { maxUpdates }),
      ...(!isNew && { updatesDone }),
      isComplete: scores !== undefined && changed.length === 0,
    };
  } finally {
    await corpus.close();
  }
}
