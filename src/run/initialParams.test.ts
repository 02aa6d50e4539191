import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { isAddonBuilt } from '../backend/native/addon.js';
import { selectBackend } from '../backend/select.js';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { pairsInMemory } from '../data/pairSource.js';
import { reversals, tinyConfig } from '../../test/tinyRun.js';
import { initialParams, type InitialParamsControl } from './initialParams.js';

before(async () => void (await selectBackend('wasm')));

const learn = (settings: Record<string, unknown>, control?: InitialParamsControl) =>
  initialParams(changeConfig(defaultConfig(), settings, 'test'), tinyConfig, pairsInMemory(reversals(12, 1)), control);

test('GradInit cuts batches in thirds, and says which setting leaves too few sentences', async () => {
  const gradInit = { 'gradinit.algorithm': 'adam', 'gradinit.iterations': 1 };
  await assert.rejects(learn({ ...gradInit, 'train.maxSentences': 2 }), {
    code: 'USAGE',
    message: 'train.maxSentences is 2, but GradInit cuts its batches in thirds. Expected at least 3.',
  });
  await assert.rejects(
    learn({ ...gradInit, 'gradinit.maxTokens': 8 }),
    /batches of 8 tokens hold fewer than 3 sentences each, .* Raise gradinit\.maxTokens/,
  );
});

test('MetaInit takes batches as small as training has', async () => {
  const { params, report } = await learn({ 'metainit.iterations': 2, 'train.maxSentences': 1 });
  assert.equal(report?.method, 'metainit');
  disposeParams(params);
});

test('GradInit differentiates batches beyond gradinit.pieceTokens, or else train.maxTokens, in pieces of the same sum', async () => {
  const gradInit = { 'gradinit.algorithm': 'adam', 'gradinit.iterations': 4, 'gradinit.maxTokens': 60 };
  const iterations = async (settings: Record<string, unknown>) => {
    const { params, report } = await learn({ ...gradInit, ...settings });
    disposeParams(params);
    assert.ok(report?.method === 'gradinit');
    return report.iterations.map(({ seconds: _, ...numbers }) => numbers);
  };
  for (const gamma of [1e-3, 1e6]) {
    const whole = await iterations({ 'gradinit.gamma': gamma });
    const pieces = await iterations({ 'gradinit.gamma': gamma, 'gradinit.pieceTokens': 12 });
    assert.deepEqual(await iterations({ 'gradinit.gamma': gamma, 'train.maxTokens': 12 }), pieces);
    assert.notDeepEqual(pieces, whole); // other sums, other roundings
    pieces.forEach(({ branch, gradNorm, scaleGradients }, i) => {
      assert.equal(branch, gamma < 1 ? 'constraint' : 'objective');
      assert.ok(Math.abs(gradNorm / whole[i].gradNorm - 1) < 1e-3, `${gradNorm}, expected ${whole[i].gradNorm}`);
      const largest = Math.max(...whole[i].scaleGradients.map((derivative) => Math.abs(derivative ?? 0)));
      scaleGradients.forEach((derivative, t) =>
        assert.ok(Math.abs((derivative ?? 0) - (whole[i].scaleGradients[t] ?? 0)) < 1e-2 * largest),
      );
    });
  }
});

test('interrupted learning resumes from its log bit for bit; a torn line is dropped, a foreign or damaged log refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'learning-'));
  const gradInit = { 'gradinit.algorithm': 'adam', 'gradinit.iterations': 4, 'gradinit.maxTokens': 60 };
  const values = async (learned: ReturnType<typeof learn>): Promise<number[][]> => {
    const { params } = await learned;
    const data = [...params.values()].map((tensor) => [...tensor.dataSync()]);
    disposeParams(params);
    return data;
  };
  try {
    for (const settings of [gradInit, { 'metainit.iterations': 4, 'metainit.maxTokens': 60 }]) {
      const path = join(folder, `${Object.keys(settings)[0]}.jsonl`);
      const unbroken = await values(learn(settings));
      for (const at of [1, 3]) {
        const controller = new AbortController();
        const saved: unknown[] = [];
        const learningLog = { path, corpus: { 'train.bin': 'a' } };
        await assert.rejects(
          learn(settings, {
            learningLog,
            signal: controller.signal,
            onProgress: ({ done }) => done === at && controller.abort(new Error('stop')),
            onSaved: ({ done, total }) => saved.push([done, total]),
          }),
          /^Error: stop$/,
        );
        assert.deepEqual(saved, [[at, 4]]);
        appendFileSync(path, '{"iteration":'); // killed while writing
        const continued: number[] = [];
        assert.equal(readFileSync(path, 'utf8').split('\n').length, at + 2);
        const resumed = learn(settings, { learningLog, onProgress: ({ done }) => continued.push(done) });
        assert.deepEqual(await values(resumed), unbroken);
        assert.deepEqual(continued, [1, 2, 3, 4].slice(at));
        if (at === 1) rmSync(path);
      }
      const other = { path, corpus: { 'train.bin': 'b' } };
      await assert.rejects(learn({ ...settings, seed: 2 }, { learningLog: other }), {
        code: 'LEARNING_DIFFERS',
        message: `${path} holds unfinished learning of another task: seed, corpus differ. Use the settings and the corpus that it was started with, or remove the file to start again.`,
      });
      const [header, , ...rest] = readFileSync(path, 'utf8').split('\n');
      writeFileSync(path, [header, '{"scales":3}', ...rest].join('\n'));
      await assert.rejects(learn(settings, { learningLog: { path, corpus: { 'train.bin': 'a' } } }), {
        code: 'DATA',
        message: `${path}:2 is not an iteration with scales, derivatives and seconds. Remove the file to start learning again.`,
      });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test(
  'learning that was interrupted resumes on another backend, as the default eta is the same there',
  { skip: !isAddonBuilt() },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'learning-'));
    const settings = {
      'gradinit.algorithm': 'adam',
      'gradinit.variant': 'robust',
      'gradinit.iterations': 2,
      'gradinit.maxTokens': 60,
      'gradinit.fallBack': false,
      'train.lr': 0.01,
      'train.warmupInitLr': -1,
    };
    const learningLog = { path: join(folder, 'learning.jsonl'), corpus: {} };
    const controller = new AbortController();
    const onProgress = (): void => controller.abort(new Error('stop'));
    try {
      await assert.rejects(learn(settings, { learningLog, onProgress, signal: controller.signal }), /^Error: stop$/);
      const logged = JSON.parse(readFileSync(learningLog.path, 'utf8').split('\n')[0]) as { gradinit: { eta: number } };
      await selectBackend('native');
      const { params, report } = await learn(settings, { learningLog });
      disposeParams(params);
      assert.ok(report?.method === 'gradinit');
      assert.equal(report.options.eta, logged.gradinit.eta);
      await assert.rejects(learn({ ...settings, 'train.lr': 0.011 }, { learningLog }), { code: 'LEARNING_DIFFERS' });
    } finally {
      await selectBackend('wasm');
      rmSync(folder, { recursive: true });
    }
  },
);
