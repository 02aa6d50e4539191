import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { memory, type Tensor } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/params.js';
import { selectBackend } from '../backend/select.js';
import type { IdPair } from '../data/batch.js';
import { createBatches } from '../data/batches.js';
import { pairsInMemory } from '../data/dataset.js';
import { Random } from '../data/random.js';
import type { ModelConfig } from '../model/config.js';
import { initParams } from '../model/init.js';
import { averageCheckpoints, lastEpochCheckpoints } from './average.js';
import { readCheckpoint } from './checkpoint.js';
import { readLog, RunLog } from './runLog.js';
import { checkpointPaths, train, type TrainEvent, type TrainOptions, type TrainTask } from './trainer.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-trainer-'));
before(async () => void (await selectBackend('wasm')));
after(() => rmSync(folder, { recursive: true }));

const config: ModelConfig = {
  srcVocabSize: 14, trgVocabSize: 14, dModel: 32, dFf: 64, numHeads: 4, numEncoderLayers: 1, numDecoderLayers: 1, sharing: 'tied',
  layerNormEps: 1e-5, dropout: 0.1, attentionDropout: 0.1, reluDropout: 0.1,
};

const options: TrainOptions = {
  optimizer: 'adam', beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 1e-4,
  schedule: 'inverse_sqrt', lr: 5e-3, warmupUpdates: 10, warmupInitLr: 1e-7, minLr: 0, maxUpdates: 24, seed: 3,
  labelSmoothing: 0.1, updateFreq: 2, clipNorm: 1, maxEpochs: 0, validateEveryUpdates: 0, saveEveryUpdates: 5, keepEpochs: 2, logEveryUpdates: 3,
  patience: 0, bestBy: 'loss',
};

/** Random sequences and their reversal. */
function reversals(count: number, seed: number): IdPair[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const src = Array.from({ length: 2 + random.below(4) }, () => 4 + random.below(10));
    return { src: [...src, 2], trg: [...src].reverse().concat(2) };
  });
}

function task(name: string, changes: Partial<TrainOptions> = {}, more: Partial<TrainTask> = {}): TrainTask {
  const merged = { ...options, ...changes } as TrainOptions;
  return {
    config, options: merged, params: initParams(config, { method: 'fairseq', seed: 1 }),
    trainBatches: createBatches(pairsInMemory(reversals(120, 1)), { maxTokens: 60, seed: merged.seed }),
    validBatches: createBatches(pairsInMemory(reversals(20, 2)), { maxTokens: 200, shuffle: false }).epochBatches(1),
    runDir: join(folder, name), ...more,
  };
}

function values(params: Params): Map<string, number[]> {
  return new Map([...params].map(([name, tensor]) => [name, [...tensor.dataSync()]]));
}

/** Log entries without what differs between two equal runs. */
function comparable(events: readonly TrainEvent[]): unknown[] {
  return events.filter(({ event }) => event !== 'checkpoint').map((event) => ({ ...event, seconds: 0, trgTokensPerSecond: 0 }));
}

describe('training', () => {
  test('learns to reverse sequences', async () => {
    const losses: number[] = [];
    const result = await train(task('learn', { maxUpdates: 400, updateFreq: 1, saveEveryUpdates: 0, warmupUpdates: 50, lr: 3e-3 }, {
      trainBatches: createBatches(pairsInMemory(reversals(1000, 1)), { maxTokens: 150 }),
      onEvent: (event) => void (event.event === 'valid' && losses.push(event.nll)),
    }));
    disposeParams(result.params);
    assert.equal(result.status, 'finished');
    assert.ok(losses[losses.length - 1] < 0.6 && losses[0] > 1.5, `validation nll from ${losses[0]} to ${losses[losses.length - 1]}`);
  });

  test('resumed in the middle of an epoch goes on bit for bit as the unbroken run', async () => {
    const whole: TrainEvent[] = [];
    const unbroken = await train(task('unbroken', {}, { onEvent: (event) => whole.push(event) }));
    const expected = values(unbroken.params);
    disposeParams(unbroken.params);

    const parts: TrainEvent[] = [];
    const stop = new AbortController();
    const first = await train(task('broken', {}, {
      signal: stop.signal, onEvent: (event) => parts.push(event),
      onUpdate: ({ update }) => void (update === 13 && stop.abort()),
    }));
    assert.equal(first.status, 'interrupted');
    assert.equal(first.position.update, 13);
    assert.ok(first.position.batchesDone > 0 && first.position.batchesDone % options.updateFreq === 0, 'the break is inside an epoch');
    disposeParams(first.params);

    const second = await train(task('broken', {}, {
      resumeFrom: readCheckpoint(checkpointPaths(join(folder, 'broken')).last), onEvent: (event) => parts.push(event),
    }));
    assert.deepEqual(values(second.params), expected);
    disposeParams(second.params);
    assert.deepEqual(comparable(parts), comparable(whole));
    const [a, b] = ['unbroken', 'broken'].map((name) => readCheckpoint(checkpointPaths(join(folder, name)).last));
    assert.deepEqual(a.training!.slots, b.training!.slots);
  });

  test('keeps the number of tensors constant from update to update', async () => {
    const counts = new Set<number>();
    const before = memory().numTensors;
    const result = await train(task('leaks', {}, { onUpdate: () => counts.add(memory().numTensors) }));
    assert.equal(counts.size, 1, `tensor counts after updates: ${[...counts]}`);
    disposeParams(result.params);
    assert.equal(memory().numTensors, before);
  });

  test('accumulating two batches equals one batch of both', async () => {
    // plain SGD shows the gradient itself; equal lengths, so that both cut the same sentences
    const pairs = reversals(200, 5).filter(({ src }) => src.length === 5).slice(0, 20);
    const run = async (name: string, maxSentences: number, updateFreq: number): Promise<Map<string, number[]>> => {
      const noDropout = { ...config, dropout: 0, attentionDropout: 0, reluDropout: 0 };
      const sgd = { optimizer: 'sgd' as const, momentum: 0, nesterov: false, weightDecay: 0, schedule: 'constant' as const, lr: 1, warmupUpdates: 0 };
      const { params } = await train(task(name, { ...sgd, updateFreq, maxUpdates: 1, clipNorm: 0 }, {
        config: noDropout, trainBatches: createBatches(pairsInMemory(pairs), { maxTokens: 1000, maxSentences }),
      }));
      const found = values(params);
      disposeParams(params);
      return found;
    };
    const [together, apart] = [await run('together', 20, 1), await run('apart', 10, 2)];
    for (const [name, expected] of together) {
      apart.get(name)!.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 2e-6, `${name}[${i}]: ${value}, expected ${expected[i]}`));
    }
  });

  test('stops on numbers that are not finite, naming update, tensor and last good checkpoint', async () => {
    const before = memory().numTensors;
    await assert.rejects(train(task('diverge', { lr: 1e20, optimizer: 'adam', schedule: 'constant', warmupUpdates: 0, clipNorm: 0, saveEveryUpdates: 1 })), (error: Error) => {
      assert.match(error.message, /diverged at update \d+: loss (NaN|Infinity), first in the (parameter|gradient of|loss)/);
      assert.match(error.message, /last good checkpoint is .*last\.safetensors/);
      return true;
    });
    assert.equal(memory().numTensors, before);
  });

  test('patience ends a run that gets no better', async () => {
    const events: TrainEvent[] = [];
    const result = await train(task('patience', { lr: 0, schedule: 'constant', warmupUpdates: 0, maxUpdates: 200, validateEveryUpdates: 2, patience: 3 }, { onEvent: (event) => events.push(event) }));
    disposeParams(result.params);
    assert.equal(result.position.update, 8);
    assert.deepEqual(events.filter(({ event }) => event === 'valid').map((event) => 'best' in event && event.best), [true, false, false, false]);
  });

  test('best checkpoint follows BLEU when asked to', async () => {
    const scores = [1, 5, 3, 5, 4];
    let asked = 0;
    const result = await train(task('bleu', { validateEveryUpdates: 4, maxUpdates: 20, bestBy: 'bleu' }, { evaluate: async () => ({ bleu: scores[asked++] }) }));
    disposeParams(result.params);
    assert.equal(asked, 5);
    assert.deepEqual(result.position.best, { update: 8, epoch: 2, value: 5 });
  });
});

describe('checkpoints', () => {
  test('damaged ones are refused by name', async () => {
    const result = await train(task('damage', { maxUpdates: 6 }));
    disposeParams(result.params);
    const { last, previous } = checkpointPaths(join(folder, 'damage'));
    assert.ok(existsSync(previous), 'the checkpoint before the last is kept');
    const bytes = readFileSync(last);
    const changed = Buffer.from(bytes);
    changed[changed.length - 5] ^= 1;
    writeFileSync(last, changed);
    assert.throws(() => readCheckpoint(last), /last\.safetensors cannot be used: its checksum does not match/);
    writeFileSync(last, bytes);
    truncateSync(last, bytes.length - 100);
    assert.throws(() => readCheckpoint(last), /last\.safetensors cannot be used: .*truncated/);
    assert.throws(() => readCheckpoint(join(folder, 'nothing.safetensors')), /there is no such file/);
    assert.equal(readCheckpoint(previous).training!.position.update, 5);
  });

  test('hold the parameters exactly, and average to their mean', async () => {
    const result = await train(task('average', { maxUpdates: 0, maxEpochs: 3, keepEpochs: 2 }));
    const final: ReadonlyMap<string, Tensor> = result.params;
    const paths = lastEpochCheckpoints(join(folder, 'average'), 2);
    assert.deepEqual(paths.map((path) => path.slice(-22)), ['epoch-0002.safetensors', 'epoch-0003.safetensors']);
    const [a, b] = paths.map(readCheckpoint);
    for (const [name, tensor] of final) assert.deepEqual([...b.params.get(name)!.data], [...tensor.dataSync()]);
    disposeParams(final);
    const out = join(folder, 'mean.safetensors');
    averageCheckpoints(paths, out);
    for (const [name, { data }] of readCheckpoint(out).params) {
      data.forEach((value, i) => assert.equal(value, Math.fround((a.params.get(name)!.data[i] + b.params.get(name)!.data[i]) / 2)));
    }
    assert.throws(() => averageCheckpoints(paths, out), /exists already/);
    assert.throws(() => lastEpochCheckpoints(join(folder, 'average'), 3), /has 2 epoch checkpoints, 3 were asked for/);
  });
});

test('the log loses what comes after the checkpoint, and a line cut short', () => {
  const path = join(folder, 'log.jsonl');
  const log = RunLog.create(path);
  log.append({ event: 'start' });
  log.append({ event: 'train', update: 5 });
  log.append({ event: 'train', update: 10 });
  writeFileSync(path, '{"event":"tr', { flag: 'a' });
  RunLog.resume(path, 5).append({ event: 'train', update: 6 });
  assert.deepEqual(readLog(path), [{ event: 'start' }, { event: 'train', update: 5 }, { event: 'train', update: 6 }]);
});
