import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { dispose, mul, sign, sub, tensor1d, tidy, zerosLike } from '@tensorflow/tfjs-core';
import { tinyTask } from '../../test/tinyRun.js';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { schema } from '../config/schema.js';
import { UsageError } from '../errors.js';
import { choice, real } from '../field.js';
import { adam } from './adamOptimizer.js';
import { optimizerKind } from './optimizer.js';
import { createOptimizer, optimizers, optimizerTable, type OptimizerOptions } from './optimizers.js';
import { readLastCheckpoint } from './runFiles.js';
import { sgd } from './sgdOptimizer.js';
import type { TrainOptions } from './trainOptions.js';
import { train } from './trainer.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-optimizers-'));
after(() => rmSync(folder, { recursive: true }));
before(async () => void (await selectBackend('wasm')));

/** Moves every element against the sign of its gradient, and remembers the last move. */
const toy = optimizerKind({
  fields: {
    stride: real(0.5, 'length of a step in addition to the rate.', { above: 0, max: 1 }),
    mood: choice(['calm', 'wild'], 'calm', 'wild: ten times the stride.'),
  },
  check({ stride, mood }, refuse) {
    if (mood === 'wild' && stride > 0.1) throw refuse('stride', 'at most 0.1, as mood is wild');
  },
  create: ({ stride, mood }) => ({
    slots: ['lastMove'],
    init: (params) => ({
      step: 0,
      slots: new Map([['lastMove', new Map([...params].map(([name, tensor]) => [name, zerosLike(tensor)]))]]),
    }),
    update(gradients, state, params, { lr }) {
      const length = lr * stride * (mood === 'wild' ? 10 : 1);
      const moves = new Map(
        [...params.keys()].map((name) => [name, tidy(() => mul(sign(gradients.get(name)!), length))]),
      );
      const moved = new Map([...params].map(([name, tensor]) => [name, sub(tensor, moves.get(name)!)]));
      dispose([...params.values(), ...gradients.values(), ...state.slots.get('lastMove')!.values()]);
      return { params: moved, state: { step: state.step + 1, slots: new Map([['lastMove', moves]]) } };
    },
  }),
});
const withToy = optimizerTable({ adam, toy });

describe('a table of optimisers', () => {
  test('gives the schema every setting once, with the names of those that have it', () => {
    assert.deepEqual(optimizers.names, ['adam', 'sgd', 'radam']);
    assert.equal(schema.train.optimizer.accepts, 'one of adam, sgd, radam');
    assert.deepEqual(
      Object.entries(optimizers.fields).map(([key, field]) => [key, field.default, field.help]),
      [
        ['beta1', 0.9, 'adam, radam: decay of the first moment.'],
        ['beta2', 0.98, 'adam, radam: decay of the second moment.'],
        ['eps', 1e-8, 'adam, radam: added to the root of the second moment.'],
        [
          'weightDecay',
          0,
          'adam, radam: weight decay, decoupled and scaled by the rate (as fairseq). sgd: weight decay, added to the gradient.',
        ],
        [
          'secondMomentStart',
          undefined,
          "adam: second moment before the first update; first-gradient: the first gradient's square (GI-Adam). Default: first-gradient after GradInit's variant robust, zeros otherwise.",
        ],
        ['momentum', 0.9, 'sgd: momentum.'],
        ['nesterov', false, "sgd: Nesterov's form of the momentum."],
      ],
    );
    assert.deepEqual(
      ['beta1', 'momentum', 'weightDecay', 'toString'].map((key) => optimizers.namesWith(key)),
      [['adam', 'radam'], ['sgd'], ['adam', 'sgd', 'radam'], []],
    );
    for (const [key, field] of Object.entries(optimizers.fields))
      assert.equal((schema.train as Record<string, unknown>)[key], field, key);
  });

  test('checks settings by their fields and by the rules of a kind; omitted settings have their defaults', () => {
    const refused = (options: object, message: RegExp): void =>
      assert.throws(
        () => createOptimizer(options as OptimizerOptions),
        (error: Error) => error instanceof UsageError && message.test(error.message),
        `${message}`,
      );
    refused({ optimizer: 'adamw' }, /^train\.optimizer is "adamw", expected one of adam, sgd, radam\.$/);
    refused({}, /^train\.optimizer is undefined, expected one of/);
    refused({ optimizer: 'toString' }, /^train\.optimizer is "toString", expected one of/);
    refused({ optimizer: 'adam', beta1: 1 }, /^train\.beta1 is 1, expected a number of at least 0 and below 1\.$/);
    refused(
      { optimizer: 'radam', beta2: -0.1 },
      /^train\.beta2 is -0\.1, expected a number of at least 0 and below 1\.$/,
    );
    refused({ optimizer: 'adam', eps: 0 }, /^train\.eps is 0, expected a number above 0 and below 1\.$/);
    refused(
      { optimizer: 'adam', secondMomentStart: 'ones' },
      /^train\.secondMomentStart is "ones", expected one of zeros, first-gradient\.$/,
    );
    refused(
      { optimizer: 'sgd', momentum: 0, nesterov: true },
      /^train\.momentum is 0, expected a number above 0, as nesterov is true\.$/,
    );
    refused({ optimizer: 'sgd', weightDecay: -1 }, /^train\.weightDecay is -1, expected a number of at least 0\.$/);
    assert.deepEqual(createOptimizer({ optimizer: 'sgd', momentum: 0 }).slots, []);
    assert.deepEqual(createOptimizer({ optimizer: 'sgd' }).slots, ['momentum']);
    // SGD's default momentum of 0.9: the second step along the same gradient is 1.9 times as long
    const optimizer = createOptimizer({ optimizer: 'sgd' });
    let params: ReturnType<typeof optimizer.update>['params'] = new Map([['w', tensor1d([0])]]);
    let state = optimizer.init(params);
    for (let i = 0; i < 2; i++)
      ({ params, state } = optimizer.update(new Map([['w', tensor1d([1])]]), state, params, {
        lr: 0.5,
        gradientScale: 1,
      }));
    assert.ok(Math.abs(params.get('w')!.dataSync()[0] + 0.5 + 0.95) < 1e-6);
  });

  test('two kinds that disagree about a setting are a mistake that shows at once', () => {
    const other = optimizerKind({ fields: { beta1: real(0.5, 'something else.') }, create: adam.create as never });
    assert.throws(
      () => optimizerTable({ adam, other }),
      /disagree about the default or the bounds of train\.beta1; other/,
    );
    assert.doesNotThrow(() => optimizerTable({ adam, sgd }));
  });
});

describe('a new optimiser is one file and one line of the table', () => {
  const options = { optimizer: 'toy', stride: 0.25 } as unknown as Partial<TrainOptions>;

  test('its settings are picked from a configuration, described and checked', () => {
    assert.deepEqual(withToy.pick({ optimizer: 'toy', stride: 0.3, mood: 'calm', lr: 1, beta1: 0.9 }), {
      optimizer: 'toy',
      stride: 0.3,
      mood: 'calm',
    });
    assert.equal(withToy.fields.stride.help, 'toy: length of a step in addition to the rate.');
    assert.throws(
      () => withToy.create({ optimizer: 'toy', stride: 0 }),
      /train\.stride is 0, expected a number above 0/,
    );
    assert.throws(
      () => withToy.create({ optimizer: 'toy', stride: 0.2, mood: 'wild' }),
      /train\.stride is 0\.2, expected at most 0\.1, as mood is wild/,
    );
  });

  test('it trains, and its state is in the checkpoint from which the run resumes', async () => {
    const whole = await train({ ...tinyTask(folder, 'whole', options), optimizers: withToy });
    const stop = new AbortController();
    const parts = {
      signal: stop.signal,
      onUpdate: ({ update }: { update: number }) => void (update === 13 && stop.abort()),
    };
    const first = await train({ ...tinyTask(folder, 'broken', options, parts), optimizers: withToy });
    assert.equal(first.status, 'interrupted');
    const saved = readLastCheckpoint(join(folder, 'broken'))!;
    assert.deepEqual([...saved.training!.slots.keys()], ['lastMove']);
    await assert.rejects(
      train(tinyTask(folder, 'other', {}, { resumeFrom: saved })),
      /holds the state of another optimiser \(lastMove; adam as configured has firstMoment and secondMoment\)/,
    );
    const second = await train({ ...tinyTask(folder, 'broken', options, { resumeFrom: saved }), optimizers: withToy });
    for (const [name, tensor] of whole.params)
      assert.deepEqual(second.params.get(name)!.dataSync(), tensor.dataSync(), name);
    for (const { params } of [whole, first, second]) disposeParams(params);
  });

  test('without the line it is refused by name', async () => {
    await assert.rejects(
      train(tinyTask(folder, 'unknown', options)),
      /train\.optimizer is "toy", expected one of adam, sgd, radam/,
    );
  });
});
