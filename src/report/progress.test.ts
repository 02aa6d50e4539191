import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeBatch } from '../data/batch.js';
import type { TrainOptions } from '../train/trainOptions.js';
import type { TrainEvent } from '../train/trainer.js';
import { tensor1d, tensor2d, type Tensor } from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { formatCount, formatDuration, formatNumber } from './format.js';
import { Progress } from './progress.js';
import { describeRun, summarizeRun } from './runSummary.js';
import { plannedUpdates, trainProgress } from './trainProgress.js';

const options: TrainOptions = {
  optimizer: 'adam', beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 1e-4, schedule: 'inverse_sqrt', lr: 5e-3, warmupUpdates: 2000, warmupInitLr: 1e-7,
  minLr: 0, maxUpdates: 8000, seed: 3, labelSmoothing: 0.1, updateFreq: 2, clipNorm: 0, maxEpochs: 0, validateEveryUpdates: 0, saveEveryUpdates: 0,
  keepEpochs: 10, logEveryUpdates: 20, patience: 0, bestBy: 'loss',
};

/** A terminal or file that keeps what is written, and a clock that stands until it is moved. */
function stage(isTTY: boolean, columns = 100) {
  const written: string[] = [];
  const clock = { ms: 0 };
  return { written, clock, stream: { isTTY, columns, write: (text: string) => written.push(text) }, now: () => clock.ms };
}

describe('progress', () => {
  test('redraws one line on a terminal, at most ten times a second, with the time left', () => {
    const { written, clock, stream, now } = stage(true);
    const progress = new Progress({ label: 'translate', total: 1000, unit: 'sentences', stream, now });
    clock.ms = 2000;
    progress.update(100, 'beam 5');
    clock.ms = 2050;
    progress.update(150);
    clock.ms = 4000;
    progress.update(500);
    progress.log('a line that stays');
    clock.ms = 8000;
    progress.update(1000);
    progress.finish();
    assert.deepEqual(written, [
      '\rtranslate  [##..................]  100/1,000 sentences  beam 5  18s left\x1b[K',
      '\rtranslate  [##########..........]  500/1,000 sentences  4.0s left\x1b[K',
      '\r\x1b[K', 'a line that stays\n',
      '\rtranslate  [####################]  1,000/1,000 sentences  8.0s\x1b[K',
      '\r\x1b[K', 'translate  [####################]  1,000/1,000 sentences  8.0s\n',
    ]);
  });

  test('never fills a narrow terminal', () => {
    const { written, clock, stream, now } = stage(true, 20);
    clock.ms = 500;
    new Progress({ label: 'a long label', total: 10, unit: 'sentences', stream, now }).update(5);
    assert.deepEqual(written, ['\ra long label  [####\x1b[K']);
  });

  test('writes whole lines now and then where there is no terminal', () => {
    const { written, clock, stream, now } = stage(false);
    const progress = new Progress({ label: 'prepare', unit: 'lines', stream, now, lineEverySeconds: 5 });
    for (clock.ms = 1000; clock.ms <= 12_000; clock.ms += 1000) progress.update(clock.ms);
    progress.finish();
    assert.deepEqual(written, ['prepare  5,000 lines  5.0s\n', 'prepare  10,000 lines  10s\n', 'prepare  12,000 lines  12s\n']);
  });

  test('a resumed task is timed by what it did itself', () => {
    const { written, clock, stream, now } = stage(true);
    const progress = new Progress({ label: 'train', total: 1000, unit: 'updates', startAt: 800, stream, now });
    clock.ms = 10_000;
    progress.update(900);
    assert.match(written[0], /10s left/);
  });
});

describe('training progress', () => {
  const update = { update: 20, epoch: 1, loss: 6.5, perplexity: 500, lr: 5e-5, gradNormL2: 1.2345, trgTokens: 8000, seconds: 2 };
  const train: TrainEvent = { event: 'train', update: 20, epoch: 1, loss: 6.5, nll: 6.2146, perplexity: 500, lr: 5e-5, gradNormL2: 1.2345, clippedShare: 0, trgTokens: 160_000, trgTokensPerSecond: 4000, seconds: 40 };
  const valid: TrainEvent = { event: 'valid', update: 40, epoch: 1, loss: 5.25, nll: 5, perplexity: 148.4, bleu: 12.345, best: true, seconds: 90 };

  test('is a line per interval and validation in a file', () => {
    const { written, stream, now } = stage(false);
    const { onUpdate, onEvent, finish } = trainProgress({ label: 'warmup', options, epochBatches: 101, stream, now });
    onUpdate(update);
    onEvent(train);
    onEvent({ event: 'checkpoint', update: 20, epoch: 1, path: 'x' });
    onEvent(valid);
    finish();
    assert.deepEqual(written, [
      'warmup  epoch 1  update 20/8,000  loss 6.500  ppl 500  lr 5e-5  gnorm 1.23  4,000 tokens/s  4h26m left\n',
      'warmup  epoch 1  update 40  valid loss 5.250  ppl 148.4  BLEU 12.35  best so far\n',
    ]);
  });

  test('is a bar on a terminal, intervals are not repeated as lines', () => {
    const { written, clock, stream, now } = stage(true, 200);
    const { onUpdate, onEvent } = trainProgress({ label: 'warmup', options, epochBatches: 101, stream, now });
    clock.ms = 40_000;
    onUpdate(update);
    onEvent(train);
    assert.deepEqual(written, ['\rwarmup  [....................]  20/8,000 updates  epoch 1 loss 6.500 ppl 500 lr 5e-5 gnorm 1.23 4,000 tokens/s  4h26m left\x1b[K']);
  });

  test('knows how many updates are planned', () => {
    assert.equal(plannedUpdates(options, 101), 8000);
    assert.equal(plannedUpdates({ ...options, maxEpochs: 10 }, 101), 510);
    assert.equal(plannedUpdates({ ...options, maxUpdates: 0, patience: 3 }, 101), undefined);
  });
});

test('the summary of a run shows sizes, options and the first example', () => {
  const batch = makeBatch([{ src: [5, 6, 2], trg: [7, 2] }, { src: [5, 2], trg: [7, 8, 2] }]);
  const words = ['<s>', '<pad>', '</s>', '<unk>', 'zero', 'ein', 'Haus', 'a', 'house'];
  const summary = summarizeRun({
    backend: 'wasm', options, epochBatches: { length: 101, batch: () => batch },
    params: new Map<string, Tensor>([['a', tensor2d([[1, 2], [3, 4]])], ['b', tensor1d([1, 2, 3])]]),
    config: { srcVocabSize: 9000, trgVocabSize: 9000, dModel: 128, dFf: 256, numHeads: 4, numEncoderLayers: 4, numDecoderLayers: 4, sharing: 'tied', layerNormEps: 1e-5, dropout: 0.3, attentionDropout: 0.1, reluDropout: 0.1 },
    srcTokenOf: (id) => words[id], trgTokenOf: (id) => words[id],
  });
  assert.equal(summary.parameters, 7);
  assert.deepEqual(describeRun(summary), [
    'model       4+4 layers, dModel 128, dFf 256, 4 heads, one embedding matrix for all, vocabularies 9,000 and 9,000',
    'dropout     0.3 (attention 0.1, ReLU 0.1)',
    'parameters  7 in 2 tensors',
    'backend     wasm',
    'optimiser   adam, betas 0.9 and 0.98, weight decay 1e-4, no clipping, label smoothing 0.1, 2 batches per update',
    'schedule    inverse_sqrt, lr 0.005, warmup 2,000 updates',
    'data        101 batches, 51 updates per epoch, 8,000 updates in all, seed 3',
    'first src   ein Haus </s>   [5 6 2]',
    'first trg   a </s>   [7 2]',
  ]);
});

test('numbers read well', () => {
  assert.deepEqual([0, 999, 1000, 1234567].map(formatCount), ['0', '999', '1,000', '1,234,567']);
  assert.deepEqual([0.04, 9.94, 9.96, 59.4, 59.6, 187, 3599.7, 7500].map(formatDuration), ['0.0s', '9.9s', '10s', '59s', '1m00s', '3m07s', '1h00m', '2h05m']);
  assert.deepEqual([0, 0.005, 4.1234e-7, 1e-4, 33.123, 148.41, 5432.1, 123456, 1e100, Infinity].map(formatNumber), ['0', '0.005', '4.12e-7', '1e-4', '33.1', '148.4', '5432', '1.23e5', '1e100', 'Infinity']);
});
