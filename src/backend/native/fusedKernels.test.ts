import { after, before, describe } from 'node:test';
import { testFusedKernels } from '../../../test/fusedKernels.js';
import { selectBackend } from '../select.js';
import { isAddonBuilt } from './addon.js';
import { nativeBackend } from './loadNative.js';

describe(
  'fused native kernels give what their twins give on the cpu backend, over memory full of NaN',
  { skip: isAddonBuilt() ? false : 'the native engine is not built' },
  () => {
    before(async () => {
      await selectBackend('cpu');
      await selectBackend('native');
      nativeBackend().addon.setPoison(1);
    });
    after(() => nativeBackend().addon.setPoison(0));

    testFusedKernels('native', 30);
  },
);
