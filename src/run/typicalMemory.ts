import type { BackendName } from '../backend/backendNames.js';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
import { modelOptions } from '../config/modelOptions.js';
import { pairsInMemory } from '../data/pairSource.js';
import { eosId, unkId } from '../text/specialIds.js';
import { reportMemory } from './checkMemory.js';
import { hasMemoryEstimate } from './memoryEstimate.js';

/** Memory of runs of the usual sizes, in bytes. */
export interface TypicalMemory {
  readonly arch: 'tiny' | 'iwslt';
  readonly train: number;
  readonly gradinit: number;
}

/** The batch of the estimates: the default train.maxTokens, in sentences of 32 tokens, and 10,000 words a side. */
export const typicalBatch = { maxTokens: 4096, length: 32, vocabulary: 10_000 } as const;

/** Estimates for the current backend; empty if memory cannot be estimated. */
export async function typicalMemory(backend: BackendName): Promise<TypicalMemory[]> {
  if (!hasMemoryEstimate(backend)) return [];
  const { maxTokens, length, vocabulary } = typicalBatch;
  const ids = [...new Array<number>(length - 1).fill(unkId), eosId];
  const trainPairs = pairsInMemory(new Array(maxTokens / length).fill({ src: ids, trg: ids }));
  const found: TypicalMemory[] = [];
  for (const arch of ['tiny', 'iwslt'] as const) {
    const settings = {
      'model.arch': arch,
      'gradinit.algorithm': 'adam',
      'train.maxUpdates': 1,
      'train.maxTokens': maxTokens,
    };
    const config = changeConfig(defaultConfig(), settings, 'a usual run');
    const model = modelOptions(config, { src: vocabulary, trg: vocabulary });
    const task = { config, model, trainPairs, heldOutLengths: new Int32Array() };
    const { stages } = (await reportMemory(task, backend, 0, ['train', 'gradinit']))!;
    found.push({ arch, train: stages.train!.process, gradinit: stages.gradinit!.process });
  }
  return found;
}
