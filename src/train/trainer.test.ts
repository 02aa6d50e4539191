import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
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
import { readSafetensors, writeSafetensors, type StoredTensor } from '../storage/safetensors.js';
import { averageCheckpoints, lastEpochCheckpoints } from './average.js';
import { CheckpointError, digest, readCheckpoint } from './checkpoint.js';
import { DivergenceError } from './divergence.js';
import { checkpointPaths, readLastCheckpoint } from './runFiles.js';
import { readLog, RunLog } from './runLog.js';
import type { TrainOptions } from './trainOptions.js';
import { train, type TrainEvent, type TrainTask } from './trainer.js';

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
    const events: TrainEvent[] = [];
    const constant = { optimizer: 'adam', schedule: 'constant', warmupUpdates: 0, clipNorm: 0, saveEveryUpdates: 1 } as const;
    const explode = (name: string, lr: number): Promise<unknown> => train(task(name, { ...constant, lr }, { onEvent: (event) => events.push(event) }));
    // the parameters written after update 1 are finite, but no update succeeds from them: there is no good checkpoint
    await assert.rejects(explode('diverge', 1e20), (error: Error) => {
      assert.ok(error instanceof DivergenceError);
      assert.equal(error.update, 2);
      assert.equal(error.lastCheckpoint, undefined);
      assert.match(error.message, /diverged at update 2: loss (NaN|Infinity), first in the gradient of \S+\. There is no checkpoint from before/);
      return true;
    });
    // a rate that takes the parameters themselves out of range: they are never written
    await assert.rejects(explode('overflow', Number.MAX_VALUE), (error: Error) => {
      assert.ok(error instanceof DivergenceError);
      assert.equal(error.update, 1);
      assert.match(error.message, /diverged at update 1: loss \d\.\d+, first in the parameter encoder\.embed_tokens\.weight/);
      return true;
    });
    assert.equal(readLastCheckpoint(join(folder, 'overflow')), undefined);
    assert.deepEqual(events.filter(({ event }) => event === 'diverged').map(({ update }) => update), [2, 1]);
    assert.equal(memory().numTensors, before);
  });

  test('names the checkpoint before the last one where that is where it went wrong', async () => {
    // the last checkpoint is poisoned, so the one before it is what remains
    const good = await train(task('poison', { maxUpdates: 6, saveEveryUpdates: 2 }));
    disposeParams(good.params);
    const last = readLastCheckpoint(join(folder, 'poison'))!;
    last.params.get('encoder.layers.0.fc1.weight')!.data[3] = NaN;
    await assert.rejects(train(task('poison', { maxUpdates: 12 }, { resumeFrom: last })), (error: Error) => {
      assert.ok(error instanceof DivergenceError);
      assert.equal(error.update, 7);
      assert.equal(error.tensor, 'parameter encoder.layers.0.fc1.weight');
      assert.equal(error.lastCheckpoint, checkpointPaths(join(folder, 'poison')).previous);
      return true;
    });
  });

  test('a validation broken off is done when resumed, and no log line is lost or doubled', async () => {
    const whole: TrainEvent[] = [];
    const parts: TrainEvent[] = [];
    const settings = { maxUpdates: 8, validateEveryUpdates: 4, saveEveryUpdates: 0, bestBy: 'bleu' } as const;
    const unbroken = await train(task('validUnbroken', settings, { onEvent: (event) => whole.push(event), evaluate: async () => ({ bleu: 7 }) }));
    const stop = new AbortController();
    const first = await train(task('validBroken', settings, {
      onEvent: (event) => parts.push(event), signal: stop.signal,
      evaluate: async () => {
        stop.abort();
        throw new Error('broken off');
      },
    }));
    assert.deepEqual([first.status, first.position.update, first.position.validationDue], ['interrupted', 4, true]);
    disposeParams(first.params);
    const second = await train(task('validBroken', settings, {
      onEvent: (event) => parts.push(event), evaluate: async () => ({ bleu: 7 }), resumeFrom: readLastCheckpoint(join(folder, 'validBroken')),
    }));
    assert.deepEqual(values(second.params), values(unbroken.params));
    assert.deepEqual(comparable(parts), comparable(whole));
    disposeParams(second.params);
    disposeParams(unbroken.params);
  });

  test('resuming with another model, optimiser, seed or corpus is refused, saying what differs', async () => {
    const done = await train(task('refuse', { maxUpdates: 3 }));
    disposeParams(done.params);
    const resume = (changes: Partial<TrainOptions>, more: Partial<TrainTask> = {}): Promise<unknown> =>
      train(task('refuse', { maxUpdates: 6, ...changes }, { resumeFrom: readLastCheckpoint(join(folder, 'refuse')), ...more }));
    await assert.rejects(resume({ seed: 4 }), /was trained with seed 3, the configuration says 4/);
    await assert.rejects(resume({ optimizer: 'sgd', momentum: 0.9, nesterov: false } as Partial<TrainOptions>), /state of another optimiser \(firstMoment and secondMoment; sgd as configured has momentum\)/);
    await assert.rejects(resume({}, { config: { ...config, dFf: 128 } }), /has model\.dFf 64, the configuration says 128/);
    await assert.rejects(resume({}, { trainBatches: createBatches(pairsInMemory(reversals(60, 1)), { maxTokens: 60 }) }), /was trained on \d+ batches in epoch 1, the data now gives \d+/);
    await assert.rejects(train(task('refuse', {}, { resumeFrom: readCheckpoint(checkpointPaths(join(folder, 'refuse')).best) })), /holds parameters only/);
  });

  test('contradictory options are refused before anything is written', async () => {
    const refused = (changes: Partial<TrainOptions>, message: RegExp): Promise<void> => assert.rejects(train(task('options', changes)), message);
    await refused({ maxUpdates: 0 }, /train\.maxUpdates, train\.maxEpochs and train\.patience are all 0/);
    await refused({ schedule: 'linear', warmupUpdates: 24 }, /train\.maxUpdates is 24, expected more than train\.warmupUpdates \(24\)/);
    await refused({ updateFreq: 0 }, /train\.updateFreq is 0, expected an integer of at least 1/);
    await refused({ labelSmoothing: 1 }, /train\.labelSmoothing is 1, expected a number of at least 0 and below 1/);
    await refused({ lr: NaN }, /train\.lr is null, expected a number of at least 0/);
    await refused({ bestBy: 'bleu' }, /train\.bestBy is "bleu", but the run does not decode/);
  });

  test('patience ends a run that gets no better', async () => {
    const events: TrainEvent[] = [];
    const result = await train(task('patience', { lr: 0, schedule: 'constant', warmupUpdates: 0, maxUpdates: 200, validateEveryUpdates: 2, patience: 3 }, { onEvent: (event) => events.push(event) }));
    disposeParams(result.params);
    assert.equal(result.position.update, 8);
    const again = await train(task('patience', { lr: 0, schedule: 'constant', warmupUpdates: 0, maxUpdates: 200, validateEveryUpdates: 2, patience: 3 }, { resumeFrom: readLastCheckpoint(join(folder, 'patience')) }));
    disposeParams(again.params);
    assert.equal(again.position.update, 8, 'resuming does not go on');
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
  test('damaged ones are refused by name, and the one before is offered', async () => {
    const result = await train(task('damage', { maxUpdates: 6 }));
    disposeParams(result.params);
    const runDir = join(folder, 'damage');
    const { last, previous } = checkpointPaths(runDir);
    const bytes = readFileSync(last);
    const changed = Buffer.from(bytes);
    changed[changed.length - 5] ^= 1;
    writeFileSync(last, changed);
    assert.throws(() => readCheckpoint(last), /last\.safetensors cannot be used: its checksum does not match/);
    writeFileSync(last, bytes);
    truncateSync(last, bytes.length - 100);
    assert.throws(() => readCheckpoint(last), /last\.safetensors cannot be used: .*truncated/);
    assert.throws(() => readLastCheckpoint(runDir), /last\.safetensors cannot be used: .*truncated.*The one before it is good \(update 5\)\. To resume from there: cp ".*previous\.safetensors" ".*last\.safetensors"\.$/);
    unlinkSync(last);
    assert.throws(() => readLastCheckpoint(runDir), /last\.safetensors cannot be used: there is no such file\. The one before it is good/);
    truncateSync(previous, 50);
    assert.throws(() => readLastCheckpoint(runDir), /Nor can the one before it: .*previous\.safetensors/);
    unlinkSync(previous);
    assert.equal(readLastCheckpoint(runDir), undefined);
    assert.throws(() => readCheckpoint(join(folder, 'nothing.safetensors')), /there is no such file/);
  });

  test('a checksum that fits does not make wrong content right', async () => {
    const result = await train(task('forged', { maxUpdates: 2 }));
    disposeParams(result.params);
    const { last } = checkpointPaths(join(folder, 'forged'));
    const { tensors, metadata } = readSafetensors(last);
    const forge = (change: (settings: any) => void, changeTensors: (tensors: Map<string, StoredTensor>) => void = () => {}): void => {
      const settings = JSON.parse(metadata['coldstart']);
      change(settings);
      const altered = new Map(tensors);
      changeTensors(altered);
      const text = JSON.stringify(settings);
      writeSafetensors(last, altered, { metadata: { coldstart: text, sha256: digest(altered, text) } });
    };
    forge(() => {});
    assert.equal(readCheckpoint(last).training!.position.update, 2);
    const cases: [(settings: any) => void, RegExp, ((tensors: Map<string, StoredTensor>) => void)?][] = [
      [(s) => (s.version = 99), /format version 99, this program reads version 1/],
      [(s) => delete s.config, /model\.srcVocabSize is undefined/],
      [(s) => (s.config.dModel = 30), /model\.dModel is 30, expected a multiple/],
      [(s) => (s.config.numEncoderLayers = 1e15), /more layers than it holds tensors/],
      [(s) => (s.config.dFf = 63), /encoder\.layers\.0\.fc1\.weight" is F32 \[64,32\], its model needs F32 \[63,32\]/],
      [(s) => (s.position.update = -1), /its position in the run cannot be: update = -1/],
      [(s) => (s.position.interval = null), /interval\.updates = undefined/],
      [(s) => (s.slotNames = ['firstMoment']), /holds a tensor "secondMoment:encoder/],
      [() => {}, /"firstMoment:encoder\.embed_tokens\.weight" is missing/, (t) => t.delete('firstMoment:encoder.embed_tokens.weight')],
      [() => {}, /"encoder\.embed_tokens\.weight" is F64/, (t) => t.set('encoder.embed_tokens.weight', { dtype: 'F64', shape: [14, 32], data: new Float64Array(14 * 32) })],
    ];
    for (const [change, message, changeTensors] of cases) {
      forge(change, changeTensors);
      assert.throws(() => readCheckpoint(last), (error: Error) => error instanceof CheckpointError && message.test(error.message) && error.message.includes(last), `${message}`);
    }
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
