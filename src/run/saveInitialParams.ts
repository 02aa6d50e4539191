import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import type { Config } from '../config/schema.js';
import { openPreparedCorpus } from '../corpus/preparedCorpus.js';
import { writeCheckpoint } from '../train/checkpoint.js';
import { checkRunMemory } from './checkMemory.js';
import { initialParams, learnsInitialParams, type InitialParams } from './initialParams.js';
import { openInitSource } from './initSource.js';
import { modelOptions } from '../config/modelOptions.js';
import { corpusFolder, prepareCommand } from '../config/prepareOptions.js';
import { removeLearningLog } from './learningLog.js';
import { corpusIdentity } from './runFolder.js';
import type { RunListener } from './runEvents.js';
import { writeJsonFile } from '../storage/jsonFile.js';

/** Learns initial parameters as a run would, and saves them and the report. @returns the report */
export async function saveInitialParams(
  config: Config,
  {
    out,
    reportFile,
    learningLog,
    ignoreMemory,
    signal,
    onEvent,
  }: {
    readonly out: string;
    readonly reportFile: string;
    /** File of finished iterations until learning ends; learning resumes from it if it exists. */
    readonly learningLog: string;
    /** Start even if memory will not suffice. */
    readonly ignoreMemory?: boolean;
    readonly signal?: AbortSignal;
    readonly onEvent?: RunListener;
  },
): Promise<NonNullable<InitialParams['report']>> {
  learnsInitialParams(config); // contradictions, before anything is read
  const corpus = await openPreparedCorpus(corpusFolder(config), prepareCommand(config));
  try {
    const model = modelOptions(config, corpus.manifest.vocabularySizes);
    const source = await openInitSource(config, model, corpus.pipeline);
    const backend = await selectBackend(config.backend);
    const memory = await checkRunMemory(config, model, corpus, backend, { initOnly: true, ignore: ignoreMemory });
    if (memory) onEvent?.({ event: 'memory', ...memory });
    const { params, report } = await initialParams(config, model, corpus.dataset('train'), {
      signal,
      source,
      onProgress: (progress) => onEvent?.({ event: 'progress', ...progress }),
      onPlan: (plan) => onEvent?.({ event: 'initPlan', ...plan }),
      onFallback: (reason) => onEvent?.({ event: 'gradInitFallback', reason }),
      onClosedLayerNorms: (scales) => onEvent?.({ event: 'closedLayerNorms', scales }),
      learningLog: { path: learningLog, corpus: corpusIdentity(corpus.manifest) },
      onSaved: (saved) => onEvent?.({ event: 'learningSaved', ...saved }),
    });
    writeCheckpoint(out, model, params, undefined, false);
    writeJsonFile(reportFile, report!, { overwrite: false });
    removeLearningLog(learningLog);
    disposeParams(params);
    return report!;
  } finally {
    await corpus.close();
  }
}
