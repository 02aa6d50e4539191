import { jsonObject } from '../storage/jsonShape.js';
import { profileResidualScales } from '../model/admin.js';
import { cycleBatches } from './cycleBatches.js';
import { passes, type BatchUse } from './initCost.js';
import { learnedInit, type LearnedReport } from './learnedInit.js';

const usesOf = (trgTokens: number): BatchUse[] => [{ trgTokens, passes: passes.forward }];

/** Admin's profiling, on the first training batch with its dropout, as the authors' program does it. */
export const admin = learnedInit<'admin', {}, LearnedReport>({
  name: 'admin',
  fields: {},
  switch: { on: 'model.residual admin', off: 'post-ln' },
  isOn: (_, { residual }) => residual === 'admin',
  profiles: true,
  learn(task) {
    const started = performance.now();
    const batch = cycleBatches(task)();
    const { params, scales } = profileResidualScales(task.drawn, batch, task.model, {
      seed: task.seed,
      step: 0,
      microBatch: 0,
    });
    const seconds = (performance.now() - started) / 1000;
    return Promise.resolve({ params, report: { scales, seconds }, uses: usesOf(batch.trgTokens) });
  },
  uses(task) {
    const nextBatch = cycleBatches(task);
    return {
      total: 1,
      maxTokens: task.train.maxTokens,
      next: () => {
        const { trgTokens } = nextBatch();
        return () => usesOf(trgTokens);
      },
    };
  },
  describe: () => ({ iterations: [] }),
  reportShape: jsonObject({}),
});
