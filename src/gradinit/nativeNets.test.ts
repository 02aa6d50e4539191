import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isAddonBuilt } from '../backend/native/addon.js';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { smallNetBatch, smallNetParams, smallNets } from '../../test/smallNets.js';
import { defaultStep, gradInit, releasedDefaults } from './gradInit.js';

describe(
  'GradInit learns on the native backend what it learns on plain JavaScript',
  { skip: isAddonBuilt() ? false : 'the native engine is not built' },
  () => {
    for (const [name, net] of Object.entries(smallNets)) {
      test(name, async () => {
        const learn = async (backend: string): Promise<{ branches: string[]; values: number[] }> => {
          await selectBackend(backend);
          const initial = smallNetParams(net, 2);
          const { params, report } = await gradInit({
            params: initial,
            loss: net.loss,
            batches: (i) => ({ first: smallNetBatch(8, 2 * i), second: smallNetBatch(8, 2 * i + 1) }),
            options: {
              algorithm: 'sgd',
              variant: 'released',
              iterations: 6,
              normalizeGrad: false,
              ...releasedDefaults,
              ...defaultStep('sgd'),
            },
          });
          const values = [...params.values()].flatMap((tensor) => [...tensor.dataSync()]);
          disposeParams(params);
          disposeParams(initial);
          return { branches: report.iterations.map(({ branch }) => branch), values };
        };
        const expected = await learn('cpu');
        const found = await learn('native');
        assert.deepEqual(found.branches, expected.branches);
        found.values.forEach((value, i) =>
          assert.ok(
            Math.abs(value - expected.values[i]) < 1e-3 * (1 + Math.abs(expected.values[i])),
            `value ${i}: ${value}, expected ${expected.values[i]}`,
          ),
        );
      });
    }
  },
);
