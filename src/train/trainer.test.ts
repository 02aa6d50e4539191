import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { memory } from '@tensorflow/tfjs-core';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { testBackends } from '../../test/testBackends.js';
import { createBatches } from '../data/batches.js';
import { pairsInMemory } from '../data/pairSource.js';
import { initParams } from '../model/init.js';
import { reversals, tinyConfig, tinyTask } from '../../test/tinyRun.js';
import { readCheckpoint } from './checkpoint.js';
import { DivergenceError } from './divergence.js';
import { checkpointPaths, readLastCheckpoint } from './runFiles.js';
import { resumedPosition } from './position.js';
import { countedValidations, readLog, RunLog } from './runLog.js';
import { updateGradients } from './trainUpdate.js';
import type { TrainOptions } from './trainOptions.js';
import { train, type TrainEvent, type TrainTask } from './trainer.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-trainer-'));
after(() => rmSync(folder, { recursive: true }));

const task = (name: string, changes: Partial<TrainOptions> = {}, parts: Partial<TrainTask> = {}): TrainTask =>
  tinyTask(folder, name, changes, parts);

function values(params: Params): Map<string, number[]> {
  return new Map([...params].map(([name, tensor]) => [name, [...tensor.dataSync()]]));
}

/** Log entries without the fields that differ between two equal runs. */
function comparable(events: readonly TrainEvent[]): unknown[] {
  return events
    .filter(({ event }) => event !== 'checkpoint')
    .map((event) => ({ ...event, seconds: 0, trgTokensPerSecond: 0 }));
}

for (const backend of testBackends) {
  describe(`resuming on ${backend}`, () => {
    before(async () => void (await selectBackend(backend)));

    const momentum = {
      optimizer: 'sgd',
      momentum: 0.9,
      nesterov: true,
      weightDecay: 1e-4,
      lr: 0.1,
    } as Partial<TrainOptions>;
    // saved files do not depend on the backend; plain JavaScript and a software GPU are too slow to test it for each
    // optimiser
    const optimizers = [
      ['adam', {}],
      ['sgd', momentum],
      ['radam', { optimizer: 'radam' } as Partial<TrainOptions>],
    ] as const;
    for (const [optimizer, changes] of ['cpu', 'webgpu'].includes(backend) ? optimizers.slice(0, 1) : optimizers) {
      test(`in the middle of an epoch resumes bit for bit like the unbroken run (${optimizer})`, async () => {
        const whole: TrainEvent[] = [];
        const [wholeName, brokenName] = ['whole', 'broken'].map((name) => `${name}-${backend}-${optimizer}`);
        const unbroken = await train(task(wholeName, changes, { onEvent: (event) => whole.push(event) }));
        const expected = values(unbroken.params);
        disposeParams(unbroken.params);

        const parts: TrainEvent[] = [];
        const stop = new AbortController();
        const first = await train(
          task(brokenName, changes, {
            signal: stop.signal,
            onEvent: (event) => parts.push(event),
            onUpdate: ({ update }) => void (update === 13 && stop.abort()),
          }),
        );
        assert.equal(first.status, 'interrupted');
        assert.equal(first.position.update, 13);
        assert.ok(
          first.position.batchesDone > 0 && first.position.batchesDone < first.position.epochBatches,
          'the break is inside an epoch',
        );
        disposeParams(first.params);

        const second = await train(
          task(brokenName, changes, {
            resumeFrom: readLastCheckpoint(join(folder, brokenName)),
            onEvent: (event) => parts.push(event),
          }),
        );
        assert.deepEqual(values(second.params), expected);
        disposeParams(second.params);
        assert.deepEqual(comparable(parts), comparable(whole));
        const [a, b] = [wholeName, brokenName].map((name) => readLastCheckpoint(join(folder, name))!.training!);
        assert.deepEqual(a.slots, b.slots);
        assert.ok(a.slots.size > 0);
      });
    }

    test('keeps the number of tensors constant from update to update', async () => {
      const counts = new Set<number>();
      const before = memory().numTensors;
      const result = await train(
        task(`leaks-${backend}`, { maxUpdates: 12 }, { onUpdate: () => counts.add(memory().numTensors) }),
      );
      assert.equal(counts.size, 1, `tensor counts after updates: ${[...counts]}`);
      disposeParams(result.params);
      assert.equal(memory().numTensors, before);
    });
  });
}

describe('training', () => {
  before(async () => void (await selectBackend('wasm')));

  test('learns to reverse sequences', async () => {
    const losses: number[] = [];
    const result = await train(
      task(
        'learn',
        { maxUpdates: 400, updateFreq: 1, saveEveryUpdates: 0, warmupUpdates: 50, lr: 3e-3 },
        {
          trainBatches: createBatches(pairsInMemory(reversals(1000, 1)), { maxTokens: 150 }),
          onEvent: (event) => void (event.event === 'valid' && losses.push(event.nll)),
        },
      ),
    );
    disposeParams(result.params);
    assert.equal(result.status, 'finished');
    assert.ok(
      losses[losses.length - 1] < 0.6 && losses[0] > 1.5,
      `validation nll from ${losses[0]} to ${losses[losses.length - 1]}`,
    );
  });

  test('accumulating two batches equals one batch of both', async () => {
    // plain SGD shows the gradient itself; equal lengths, so that both cut the same sentences
    const pairs = reversals(200, 5)
      .filter(({ src }) => src.length === 5)
      .slice(0, 20);
    const run = async (name: string, maxSentences: number, updateFreq: number): Promise<Map<string, number[]>> => {
      const noDropout = { ...tinyConfig, dropout: 0, attentionDropout: 0, reluDropout: 0 };
      const sgd = {
        optimizer: 'sgd' as const,
        momentum: 0,
        nesterov: false,
        weightDecay: 0,
        schedule: 'constant' as const,
        lr: 1,
        warmupUpdates: 0,
      };
      const { params } = await train(
        task(
          name,
          { ...sgd, updateFreq, maxUpdates: 1, clipNorm: 0 },
          {
            config: noDropout,
            trainBatches: createBatches(pairsInMemory(pairs), { maxTokens: 1000, maxSentences }),
          },
        ),
      );
      const found = values(params);
      disposeParams(params);
      return found;
    };
    const [together, apart] = [await run('together', 20, 1), await run('apart', 10, 2)];
    for (const [name, expected] of together) {
      apart
        .get(name)!
        .forEach((value, i) =>
          assert.ok(Math.abs(value - expected[i]) < 2e-6, `${name}[${i}]: ${value}, expected ${expected[i]}`),
        );
    }
  });

  test('stops on numbers that are not finite, naming update, tensor and last good checkpoint', async () => {
    const before = memory().numTensors;
    const events: TrainEvent[] = [];
    const constant = {
      optimizer: 'adam',
      schedule: 'constant',
      warmupUpdates: 0,
      clipNorm: 0,
      saveEveryUpdates: 1,
    } as const;
    const explode = (name: string, lr: number): Promise<unknown> =>
      train(task(name, { ...constant, lr }, { onEvent: (event) => events.push(event) }));
    // the parameters written after update 1 are finite, but no update succeeds from them: there is no good checkpoint
    await assert.rejects(explode('diverge', 1e20), (error: Error) => {
      assert.ok(error instanceof DivergenceError);
      assert.equal(error.update, 2);
      assert.equal(error.lastCheckpoint, undefined);
      assert.match(
        error.message,
        /diverged at update 2: loss (NaN|Infinity), first in the gradient of \S+\. There is no checkpoint from before/,
      );
      return true;
    });
    // a rate that moves the parameters out of range: they are never written
    await assert.rejects(explode('overflow', Number.MAX_VALUE), (error: Error) => {
      assert.ok(error instanceof DivergenceError);
      assert.equal(error.update, 1);
      assert.match(
        error.message,
        /diverged at update 1: loss \d\.\d+, first in the parameter encoder\.embed_tokens\.weight/,
      );
      return true;
    });
    assert.equal(readLastCheckpoint(join(folder, 'overflow')), undefined);
    // the second went wrong in its epoch's last update: it is that epoch's
    assert.deepEqual(
      events.flatMap((event) => (event.event === 'diverged' ? [[event.update, event.epoch]] : [])),
      [
        [2, 1],
        [1, 1],
      ],
    );
    assert.equal(memory().numTensors, before);
  });

  test('names the checkpoint before the last one where that is where it went wrong', async () => {
    // the last checkpoint has bad numbers, so the one before it remains
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

  test("after a crash the log resumes at the checkpoint's position", async () => {
    const logged = async (name: string, log: RunLog, parts: Partial<TrainTask> = {}): Promise<void> => {
      const { params } = await train(task(name, {}, { onEvent: (event) => log.append(event), ...parts }));
      disposeParams(params);
    };
    const [wholeLog, brokenLog] = ['whole.jsonl', 'broken.jsonl'].map((name) => join(folder, name));
    await logged('logged', RunLog.create(wholeLog));
    const crash = logged('crashed', RunLog.create(brokenLog), {
      onUpdate({ update }) {
        if (update === 14) throw new Error('power cut');
      },
    });
    await assert.rejects(crash, /power cut/);
    const resumeFrom = readLastCheckpoint(join(folder, 'crashed'))!;
    const { update } = resumeFrom.training!.position;
    assert.ok(update < 12, `the log has lines after the checkpoint (update ${update}), which are written again`);
    await logged('crashed', RunLog.resume(brokenLog, resumeFrom.training!.position), { resumeFrom });
    const lines = (path: string): unknown[] => comparable(readLog(path) as unknown as TrainEvent[]);
    assert.deepEqual(lines(brokenLog), lines(wholeLog));
    assert.ok(lines(wholeLog).length >= 10);
  });

  test('a validation broken off is done when resumed, and no log line is lost or doubled', async () => {
    const whole: TrainEvent[] = [];
    const parts: TrainEvent[] = [];
    const settings = { maxUpdates: 8, validateEveryUpdates: 4, saveEveryUpdates: 0, bestBy: 'bleu' } as const;
    const unbroken = await train(
      task('validUnbroken', settings, { onEvent: (event) => whole.push(event), evaluate: async () => ({ bleu: 7 }) }),
    );
    const stop = new AbortController();
    const first = await train(
      task('validBroken', settings, {
        onEvent: (event) => parts.push(event),
        signal: stop.signal,
        evaluate: async () => {
          stop.abort();
          throw new Error('broken off');
        },
      }),
    );
    assert.deepEqual([first.status, first.position.update, first.position.validationDue], ['interrupted', 4, true]);
    disposeParams(first.params);
    const second = await train(
      task('validBroken', settings, {
        onEvent: (event) => parts.push(event),
        evaluate: async () => ({ bleu: 7 }),
        resumeFrom: readLastCheckpoint(join(folder, 'validBroken')),
      }),
    );
    assert.deepEqual(values(second.params), values(unbroken.params));
    assert.deepEqual(comparable(parts), comparable(whole));
    disposeParams(second.params);
    disposeParams(unbroken.params);
  });

  test('resuming with another model, optimiser, seed or corpus is refused, saying what differs', async () => {
    const done = await train(task('refuse', { maxUpdates: 3 }));
    disposeParams(done.params);
    const resume = (changes: Partial<TrainOptions>, more: Partial<TrainTask> = {}): Promise<unknown> =>
      train(
        task(
          'refuse',
          { maxUpdates: 6, ...changes },
          { resumeFrom: readLastCheckpoint(join(folder, 'refuse')), ...more },
        ),
      );
    await assert.rejects(resume({ seed: 4 }), /was trained with seed 3, the configuration says 4/);
    await assert.rejects(
      resume({ optimizer: 'sgd', momentum: 0.9, nesterov: false } as Partial<TrainOptions>),
      /state of another optimiser \(firstMoment and secondMoment; sgd as configured has momentum\)/,
    );
    await assert.rejects(
      resume({ bestBy: 'bleu' }, { evaluate: () => Promise.resolve({ bleu: 1 }) }),
      /has a best validation by loss, the configuration says train\.bestBy bleu/,
    );
    await assert.rejects(
      resume({}, { config: { ...tinyConfig, dFf: 128 } }),
      /has model\.dFf 64, the configuration says 128/,
    );
    await assert.rejects(
      resume({}, { trainBatches: createBatches(pairsInMemory(reversals(60, 1)), { maxTokens: 60 }) }),
      /was trained on \d+ batches in epoch 1, the data now gives \d+/,
    );
    await assert.rejects(
      train(task('refuse', {}, { resumeFrom: readCheckpoint(checkpointPaths(join(folder, 'refuse')).best) })),
      /holds parameters only/,
    );
  });

  test('contradictory options are refused before anything is written', async () => {
    const refused = (changes: Partial<TrainOptions>, message: RegExp): Promise<void> =>
      assert.rejects(train(task('options', changes)), message);
    await refused({ maxUpdates: 0 }, /train\.maxUpdates, train\.maxEpochs and train\.patience are all 0/);
    await refused(
      { schedule: 'linear', warmupUpdates: 24 },
      /train\.maxUpdates is 24, expected more than train\.warmupUpdates \(24\)/,
    );
    await refused(
      { schedule: 'linear', warmupUpdates: 4, holdUpdates: 20 },
      /train\.maxUpdates is 24, expected more than train\.warmupUpdates \(4\) and train\.holdUpdates \(20\), because the linear schedule falls from there/,
    );
    await refused(
      { schedule: 'cosine', maxUpdates: 0, maxEpochs: 2 },
      /train\.maxUpdates is 0, expected more than train\.warmupUpdates \(10\), because the cosine schedule falls from there/,
    );
    await refused(
      { holdUpdates: -1 },
      /train\.holdUpdates is -1, expected an integer from 0 to 1000000000 \(updates\)\.$/,
    );
    await refused({ updateFreq: 0 }, /train\.updateFreq is 0, expected an integer from 1 to/);
    await refused({ labelSmoothing: 1 }, /train\.labelSmoothing is 1, expected a number from 0 to 0\.99\.$/);
    await refused({ lr: NaN }, /train\.lr is NaN, expected a number of at least 0\.$/);
    await refused({ bestBy: 'bleu' }, /train\.bestBy is "bleu", but the run does not decode/);
    await refused(
      { schedule: 'exponential' } as never,
      /train\.schedule is "exponential", expected one of inverse_sqrt, linear, cosine, constant/,
    );
    await refused({ bestBy: 'BLEU' } as never, /train\.bestBy is "BLEU", expected one of loss, bleu/);
    await refused({ optimizer: 'adamw' } as never, /train\.optimizer is "adamw", expected one of adam, sgd/);
    await refused({ precision: 'fp16' } as never, /train\.precision is "fp16", expected one of fp32, bf16, f16/);
    await refused(
      { secondMomentStart: 'ones' } as never,
      /train\.secondMomentStart is "ones", expected one of zeros, first-gradient/,
    );
    await refused({ warmupInitLr: NaN }, /train\.warmupInitLr is NaN, expected a number\.$/);
    await refused(
      { lead: { shape: 'x', updates: 3 } } as never,
      /train\.lead\.shape is "x", expected one of constant, warmup\.$/,
    );
    await refused(
      { lead: { shape: 'warmup', updates: -3 } },
      /train\.lead\.updates is -3, expected an integer from 0 to/,
    );
  });

  test('a run that cannot begin, or that breaks off in the midst of an update, leaves no tensors behind', async () => {
    const before = memory().numTensors;
    await assert.rejects(train(task('unbegun', { bestBy: 'bleu' })), /does not decode/);
    assert.equal(memory().numTensors, before);
    const params = initParams(tinyConfig, { method: 'fairseq', seed: 1 });
    const started = memory().numTensors;
    const { batch } = createBatches(pairsInMemory(reversals(20, 1)), { maxTokens: 60 }).epochBatches(1);
    const broken = { ...batch(1), src: Int32Array.of(1) };
    await assert.rejects(
      updateGradients(params, [batch(0), broken], {
        config: tinyConfig,
        labelSmoothing: 0.1,
        seed: 1,
        update: 0,
        precision: 'fp32',
      }),
    );
    assert.equal(memory().numTensors, started);
    disposeParams(params);
  });

  test('patience ends a run that gets no better', async () => {
    const events: TrainEvent[] = [];
    const result = await train(
      task(
        'patience',
        { lr: 0, schedule: 'constant', warmupUpdates: 0, maxUpdates: 200, validateEveryUpdates: 2, patience: 3 },
        { onEvent: (event) => events.push(event) },
      ),
    );
    disposeParams(result.params);
    assert.equal(result.position.update, 8);
    const again = await train(
      task(
        'patience',
        { lr: 0, schedule: 'constant', warmupUpdates: 0, maxUpdates: 200, validateEveryUpdates: 2, patience: 3 },
        { resumeFrom: readLastCheckpoint(join(folder, 'patience')) },
      ),
    );
    disposeParams(again.params);
    assert.equal(again.position.update, 8, 'resuming does not train further');
    assert.deepEqual(
      events.filter(({ event }) => event === 'valid').map((event) => 'best' in event && event.best),
      [true, false, false, false],
    );
  });

  test('best checkpoint follows BLEU when asked to', async () => {
    const scores = [1, 5, 3, 5, 4];
    let asked = 0;
    const result = await train(
      task(
        'bleu',
        { validateEveryUpdates: 4, maxUpdates: 20, bestBy: 'bleu' },
        { evaluate: async () => ({ bleu: scores[asked++] }) },
      ),
    );
    disposeParams(result.params);
    assert.equal(asked, 5);
    assert.deepEqual(result.position.best, { update: 8, epoch: 2, value: 5, by: 'bleu' });
  });
});

describe('a run that is resumed with later limits', () => {
  before(async () => void (await selectBackend('wasm')));

  /** BLEU by the updates done: best at 7 and 11, where nothing but an end asks for a validation. */
  const bleus: Record<number, number> = { 5: 3, 7: 9, 10: 4, 11: 9, 15: 2, 20: 3, 25: 3.5, 30: 5 };
  const settings = { validateEveryUpdates: 5, logEveryUpdates: 4, saveEveryUpdates: 0, bestBy: 'bleu' } as const;

  interface Part {
    readonly limits: Partial<TrainOptions>;
    /** Broken off in the validation after this many updates. */
    readonly stopAt?: number;
  }

  /** Trains in parts; the log is kept as a run keeps it. */
  async function inParts(name: string, parts: readonly Part[]) {
    const path = join(folder, `${name}.jsonl`);
    for (const [i, { limits, stopAt }] of parts.entries()) {
      const options = { ...settings, ...limits };
      const resumeFrom = i === 0 ? undefined : readLastCheckpoint(join(folder, name));
      const saved = resumeFrom?.training?.position;
      const full = task(name, options).options;
      const log = i === 0 ? RunLog.create(path) : RunLog.resume(path, saved && resumedPosition(saved, full));
      const stop = new AbortController();
      let updates = saved?.update ?? 0;
      const { params } = await train(
        task(name, options, {
          resumeFrom,
          signal: stop.signal,
          onUpdate: ({ update }) => void (updates = update),
          evaluate: async () => {
            if (updates === stopAt) stop.abort();
            return { bleu: bleus[updates] };
          },
          onEvent: (event) => log.append({ ...event }),
        }),
      );
      disposeParams(params);
    }
    const last = readLastCheckpoint(join(folder, name))!;
    const { seconds: _, interval, beforeEnd, ...position } = last.training!.position;
    const { best, bestBeforeEnd } = checkpointPaths(join(folder, name));
    const log = readLog(path);
    return {
      position,
      beforeEnd: { ...beforeEnd, interval: { ...beforeEnd!.interval, seconds: 0 } },
      interval,
      params: last.params,
      slots: last.training!.slots,
      best: readFileSync(best),
      bestBeforeEnd: existsSync(bestBeforeEnd) && readFileSync(bestBeforeEnd),
      train: comparable(log.filter(({ event }) => event === 'train') as unknown as TrainEvent[]),
      valid: comparable(countedValidations(log) as unknown as TrainEvent[]),
      atEnd: log.filter(({ atEnd }) => atEnd === true).map(({ update }) => update),
    };
  }

  const long = { maxUpdates: 22, patience: 3 };
  const cases: [string, Part[], number[]][] = [
    ['whose end made the best', [{ limits: { maxUpdates: 7 } }, { limits: long }], [7, 22]],
    [
      'that ended twice',
      [{ limits: { maxUpdates: 7 } }, { limits: { maxUpdates: 11 } }, { limits: long }],
      [7, 11, 22],
    ],
    ['that ended before the first validation', [{ limits: { maxUpdates: 3 } }, { limits: long }], [3, 22]],
    ['that ended where a validation was due', [{ limits: { maxUpdates: 10 } }, { limits: long }], [22]],
    ['that was broken off in its last validation', [{ limits: { maxUpdates: 7 }, stopAt: 7 }, { limits: long }], [22]],
    [
      'that was also broken off later',
      [{ limits: { maxUpdates: 7 } }, { limits: long, stopAt: 10 }, { limits: long }],
      [7, 22],
    ],
    [
      'that was shortened meanwhile',
      [{ limits: long, stopAt: 10 }, { limits: { maxUpdates: 8 } }, { limits: long }],
      [22],
    ],
    ['that ended by epochs', [{ limits: { maxUpdates: 0, maxEpochs: 1 } }, { limits: long }], [22]],
    [
      'asked for again as it is',
      [{ limits: { maxUpdates: 7 } }, { limits: { maxUpdates: 7 } }, { limits: long }],
      [7, 22],
    ],
  ];
  for (const [what, parts, atEnd] of cases)
    test(`${what} equals one that had them from the start`, async () => {
      bleus[3] = bleus[8] = bleus[22] = 8;
      const { atEnd: found, ...prolonged } = await inParts(what.replaceAll(' ', '-'), parts);
      const { atEnd: _, ...whole } = await inParts('as-long', [{ limits: long }]);
      assert.deepEqual(prolonged, whole);
      assert.deepEqual(found, atEnd);
    });

  test('takes nothing back that an earlier training in its folder left', async () => {
    const parts = [{ limits: long, stopAt: 15 }, { limits: long }];
    const { bestBeforeEnd } = await inParts('again', [{ limits: { maxUpdates: 7, lr: 1e-3 } }]);
    assert.ok(bestBeforeEnd);
    assert.deepEqual(await inParts('again', parts), await inParts('once', parts));
  });

  test('has a best checkpoint at any time: that of its end, until a validation that counts', async () => {
    bleus[3] = 8;
    for (const [end, bestUpdate] of [
      [3, 3],
      [7, 5],
    ]) {
      const name = `best-after-${end}`;
      const { best } = checkpointPaths(join(folder, name));
      const until = async (maxUpdates: number, stopAt?: number): Promise<Buffer> => {
        const stop = new AbortController();
        let updates = end;
        const { params } = await train(
          task(
            name,
            { ...settings, maxUpdates },
            {
              resumeFrom: readLastCheckpoint(join(folder, name)),
              signal: stop.signal,
              onUpdate: ({ update }) => {
                updates = update;
                if (update === stopAt) stop.abort();
              },
              evaluate: () => Promise.resolve({ bleu: bleus[updates] }),
            },
          ),
        );
        disposeParams(params);
        return readFileSync(best);
      };
      const wanted = await until(bestUpdate);
      await until(end);
      assert.deepEqual(await until(22, end + 1), wanted, name);
    }
  });

  test('does not count the last validation towards patience', async () => {
    bleus[12] = bleus[22] = 1;
    const patient = { maxUpdates: 22, patience: 2 };
    const { position } = await inParts('patient', [{ limits: { ...patient, maxUpdates: 12 } }, { limits: patient }]);
    // best at 10, none at 12, 15 and 20
    assert.deepEqual([position.update, position.best!.update, position.validationsSinceBest], [20, 10, 2]);
  });
});
