import { disposeParams } from '../../src/backend/autodiff/valueAndGradients.js';
import { translate } from '../../src/decode/translate.js';
import { gradInit } from '../../src/gradinit/gradInit.js';
import { initParams } from '../../src/model/init.js';
import { translationLoss } from '../../src/model/loss.js';
import { parameterGroup } from '../../src/model/parameters.js';
import { MemoryStore } from '../../src/train/memoryStore.js';
import { trainLoop } from '../../src/train/trainLoop.js';
import { reversals, tinyConfig, tinyTask } from '../tinyRun.js';

/** All numbers of a training, as plain lists. */
export interface TinyTraining {
  readonly gradInitLosses: number[];
  readonly losses: number[];
  readonly norms: number[];
  readonly validation: number[];
  readonly translations: number[][];
  /** Of the last checkpoint, by name. */
  readonly params: Record<string, number[]>;
}

/**
 * GradInit, a few updates, a validation, a checkpoint and translations with the tiny model on the current backend, in
 * Node or a browser.
 * @param gamma GradInit's bound, by which it needs second derivatives or not
 */
export async function tinyTraining(gamma: number): Promise<TinyTraining> {
  const drawn = initParams(tinyConfig, { method: 'fairseq', seed: 1 });
  const { trainBatches, runDir: _, ...task } = tinyTask('', '', { maxUpdates: 2, keepEpochs: 0 });
  const batches = trainBatches.epochBatches(1);
  const { params, report } = await gradInit({
    params: drawn,
    loss: (p, batch: ReturnType<typeof batches.batch>) =>
      translationLoss(p, batch, { config: tinyConfig, labelSmoothing: 0.1 }).lossSum,
    batches: (i) => ({ first: batches.batch(2 * i), second: batches.batch(2 * i + 1) }),
    groupOf: parameterGroup,
    algorithm: 'adam',
    eta: 1e-3,
    gamma,
    iterations: 2,
  });
  disposeParams(drawn);
  const store = new MemoryStore();
  const [losses, norms, validation]: number[][] = [[], [], []];
  const result = await trainLoop({
    ...task,
    trainBatches,
    params,
    store,
    onUpdate: ({ loss, gradNormL2 }) => {
      losses.push(loss);
      norms.push(gradNormL2);
    },
    onEvent: (event) => void (event.event === 'valid' && validation.push(event.loss)),
  });
  const sources = reversals(4, 5).map(({ src }) => Int32Array.from(src));
  const { hypotheses } = await translate(result.params, tinyConfig, sources, {
    beamSize: 2,
    lengthPenalty: 1,
    maxLenA: 1,
    maxLenB: 2,
    maxTokens: 100,
    maxSentences: 4,
  });
  disposeParams(result.params);
  return {
    gradInitLosses: report.iterations.flatMap(({ lossBefore, lossAfter }) => [lossBefore, lossAfter ?? 0]),
    losses,
    norms,
    validation,
    translations: hypotheses.map(([best]) => best.tokens),
    params: Object.fromEntries(
      [...store.checkpoints.get(store.last)!.params].map(([name, { data }]) => [name, [...data]]),
    ),
  };
}
