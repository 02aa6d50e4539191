import { formatLoss, formatNumber } from '../format.js';
import type { Batch } from '../data/batch.js';
import { integer, optionalInteger, type Section } from '../field.js';
import {
  metaInit as learnNorms,
  metaInitFields,
  type MetaInitIteration,
  type MetaInitReport,
} from '../gradinit/metaInit.js';
import { jsonCount, jsonList, jsonNullable, jsonNumber, jsonObject } from '../storage/jsonShape.js';
import { batchPieces, numPieces } from './batchPieces.js';
import { cycleBatches } from './cycleBatches.js';
import { metaInitUses, type BatchUse } from './initCost.js';
import { learnedInit, meanLoss } from './learnedInit.js';

const fields = {
  iterations: integer(0, 'MetaInit steps before training; 0: not used.', { min: 0 }),
  ...metaInitFields,
  maxTokens: optionalInteger('Batch size for MetaInit; default: train.maxTokens.', { min: 1, unit: 'tokens' }),
  pieceTokens: optionalInteger(
    'Larger batches of MetaInit are differentiated in pieces of this size, which bounds its memory; default: train.maxTokens.',
    { min: 1, unit: 'tokens' },
  ),
} as const satisfies Section;

const measured = jsonNullable(jsonNumber);

/** MetaInit on training batches. */
export const metaInit = learnedInit<'metainit', typeof fields, MetaInitReport>({
  name: 'metainit',
  fields,
  switch: { on: 'metainit.iterations', off: '0' },
  isOn: ({ iterations }) => iterations > 0,
  async learn(task) {
    const { iterations, lr, momentum, maxTokens } = task.settings;
    const nextBatch = cycleBatches(task, { maxTokens });
    const pieces = batchPieces(task);
    const uses: BatchUse[] = [];
    const next = (): Batch => {
      const batch = nextBatch();
      uses.push(...metaInitUses(batch.trgTokens, pieces(batch).length));
      return batch;
    };
    for (let i = 0; i < task.done.length; i++) next(); // batches that finished iterations used
    const { params, report } = await learnNorms<Batch>({
      done: task.done as readonly MetaInitIteration[],
      params: task.drawn,
      loss: meanLoss(task.train, task.model),
      iterations,
      lr,
      momentum,
      signal: task.signal,
      batches: next,
      pieces,
      world: task.world,
      onIteration: (finished) => {
        const { gradientQuotient, loss } = finished;
        task.onIteration(finished, `loss ${formatLoss(loss)}  gradient quotient ${formatNumber(gradientQuotient)}`);
      },
    });
    return { params, report, uses, weightScales: report.scales };
  },
  identity: ({ settings }) => settings,
  uses(task) {
    const { iterations, maxTokens = task.train.maxTokens } = task.settings;
    const nextBatch = cycleBatches(task, { maxTokens });
    const pieces = batchPieces(task);
    return {
      total: iterations,
      maxTokens,
      next: () => {
        const batch = nextBatch();
        const uses = metaInitUses(batch.trgTokens, pieces(batch).length);
        return () => uses;
      },
    };
  },
  describe: ({ iterations }) => ({
    iterations: iterations.map(({ iteration, loss, gradNormL2, gradientQuotient }) => ({
      iteration,
      lossBefore: loss,
      gradNorm: gradNormL2,
      gradientQuotient,
    })),
  }),
  reportShape: jsonObject({
    iterations: jsonList(
      jsonObject({ iteration: jsonCount, loss: measured, gradNormL2: measured, gradientQuotient: measured }),
    ),
  }),
  numPieces,
  maxTokens: ({ maxTokens }) => maxTokens,
  memorySetting: 'pieceTokens',
  samples: (settings, { iterations, batch }) => [
    {
      ...settings,
      iterations,
      ...(batch && { maxTokens: batch.maxTokens, pieceTokens: settings.pieceTokens ?? batch.trainTokens }),
    },
  ],
});
