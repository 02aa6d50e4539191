import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { withoutGpu } from '../../test/testBackends.js';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { loadConfig } from '../config/loadConfig.js';
import { modelOptions } from '../config/modelOptions.js';
import { corpusFolder, prepareCommand, prepareOptions } from '../config/prepareOptions.js';
import { trainOptions } from '../config/trainOptions.js';
import { writeSyntheticCorpus } from '../corpus/synth/generateCorpus.js';
import { prepareCorpus } from '../corpus/prepare/prepareCorpus.js';
import { openPreparedCorpus } from '../corpus/preparedCorpus.js';
import { createBatches } from '../data/batches.js';
import { initialParams } from '../run/initialParams.js';
import { MemoryStore } from '../train/memoryStore.js';
import { trainLoop } from '../train/trainLoop.js';
import { planAblation } from './ablationPlan.js';

/**
 * Mean losses of the arm `warmup` on cpu, which takes minutes for them: the first two are computed again. To make them
 * again after a change of the quickstart, print what `losses('cpu', 40)` gives.
 */
const lossesOnCpu = [
  8.177685, 8.079607, 8.194461, 8.173122, 7.931011, 8.157021, 7.975671, 7.960888, 7.927914, 7.915096, 7.733338,
  7.798017, 7.705341, 7.566331, 7.454529, 7.174971, 7.501415, 7.280879, 7.18609, 7.182952, 7.318717, 7.383607, 7.085525,
  7.052878, 7.111511, 6.810274, 7.24337, 7.220316, 7.092556, 7.233643, 6.980527, 6.932648, 6.98552, 6.804998, 6.848345,
  6.852936, 6.766022, 6.803483, 7.044886, 6.901608,
];

describe('an arm of the quickstart on a GPU', { skip: withoutGpu }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'coldstart-quickstart-on-gpu-'));
  after(() => rmSync(folder, { recursive: true }));
  const config = loadConfig('configs/quickstart.yaml', [
    `corpus.dir=${join(folder, 'prepared')}`,
    ...['train', 'valid', 'test'].flatMap((split) => [
      `corpus.${split}.src=${join(folder, 'text', split)}.de`,
      `corpus.${split}.trg=${join(folder, 'text', split)}.en`,
    ]),
  ]);
  const { config: arm } = planAblation(config, folder).runs.find((run) => run.arm === 'warmup')!;

  before(async () => {
    await writeSyntheticCorpus(join(folder, 'text'), { pairs: 20_000, seed: 1 });
    await prepareCorpus(prepareOptions(config), { workers: 1 });
  });

  /** Mean losses of the first updates. */
  async function losses(backend: string, updates: number): Promise<number[]> {
    await selectBackend(backend);
    const corpus = await openPreparedCorpus(corpusFolder(arm), prepareCommand(arm));
    try {
      const model = modelOptions(arm, corpus.manifest.vocabularySizes);
      const pairs = corpus.dataset('train');
      const { params } = await initialParams(arm, model, pairs);
      const { maxTokens, maxSentences } = arm.train;
      const found: number[] = [];
      const stop = new AbortController();
      const result = await trainLoop({
        config: model,
        options: { ...trainOptions(arm), saveEveryUpdates: 0 },
        params,
        trainBatches: createBatches(pairs, { maxTokens, maxSentences, seed: arm.seed }),
        validBatches: createBatches(pairs, { maxTokens, shuffle: false }).epochBatches(1), // not reached
        store: new MemoryStore(),
        onUpdate: ({ loss }) => {
          if (found.push(loss) === updates) stop.abort();
        },
        signal: stop.signal,
      });
      disposeParams(result.params);
      return found;
    } finally {
      await corpus.close();
    }
  }

  test('its first 40 updates have the losses of cpu to five decimals', async () => {
    const assertEqual = (found: readonly number[], on: string): void =>
      found.forEach((loss, i) =>
        assert.ok(
          Math.abs(loss - lossesOnCpu[i]) < 5e-6,
          `update ${i + 1} on ${on}: found ${loss}, expected ${lossesOnCpu[i]}`,
        ),
      );
    assertEqual(await losses('cpu', 2), 'cpu');
    const found = await losses('webgpu', lossesOnCpu.length);
    assert.equal(found.length, 40);
    assertEqual(found, 'webgpu');
  });
});
