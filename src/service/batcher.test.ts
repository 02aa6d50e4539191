import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TranslatedSource } from '../translator/translator.js';
import { Batcher, type BatchReport } from './batcher.js';

/** A translation that names the line. */
const named = (source: Int32Array): TranslatedSource => ({
  text: source.join(),
  score: 0,
  logProbability: 0,
  tokens: [],
  nbest: [],
  sourceTokens: [],
  truncated: false,
});

/** A batcher whose translations wait until they are released, and its requests. */
function heldBatcher(limits: { maxTokens?: number; maxSentences?: number } = {}): {
  batcher: Batcher;
  calls: {
    lines: string[];
    nbest?: number;
    attention?: boolean;
    signal?: AbortSignal;
    release: (error?: Error) => void;
  }[];
  reports: BatchReport[];
} {
  const calls: ReturnType<typeof heldBatcher>['calls'] = [];
  const reports: BatchReport[] = [];
  const batcher = new Batcher(
    (sources, options) =>
      new Promise((resolve, reject) => {
        calls.push({
          lines: sources.map((source) => source.join()),
          ...options,
          release: (error) => (error ? reject(error) : resolve(sources.map(named))),
        });
        options.signal?.addEventListener('abort', () => reject(options.signal!.reason as Error));
      }),
    { maxTokens: 100, maxSentences: 4, windowMs: 5, onBatch: (report) => reports.push(report), ...limits },
  );
  return { batcher, calls, reports };
}

const lines = (request: number, count: number, length = 2): Int32Array[] =>
  Array.from({ length: count }, (_, i) => Int32Array.from({ length }, (_unused, t) => (t === 0 ? request : i)));
const job = (
  sources: readonly Int32Array[],
  rest: { nbest?: number; attention?: boolean; signal?: AbortSignal } = {},
) => ({
  sources,
  nbest: 1,
  attention: false,
  ...rest,
});
const texts = (found: readonly TranslatedSource[]): string[] => found.map(({ text }) => text);

test('requests within the window are one batch, with the largest number of translations among them', async () => {
  const { batcher, calls, reports } = heldBatcher();
  const both = [batcher.add(job(lines(1, 1), { nbest: 3 })), batcher.add(job(lines(2, 2), { attention: true }))];
  await sleep(30);
  assert.deepEqual(
    calls.map(({ lines: asked, nbest, attention }) => [asked, nbest, attention]),
    [[['1,0', '2,0', '2,1'], 3, true]],
  );
  calls[0].release();
  assert.deepEqual((await Promise.all(both)).map(texts), [['1,0'], ['2,0', '2,1']]);
  assert.deepEqual([reports[0].lines, reports[0].tokens], [3, 6]);
  assert.deepEqual(await batcher.add(job([])), []);
});

test('a long request takes turns with short ones; batches are limited by lines and by padded tokens', async () => {
  const { batcher, calls } = heldBatcher();
  const long = batcher.add(job(lines(1, 7)));
  await sleep(30);
  const short = batcher.add(job(lines(2, 1)));
  const wide = batcher.add(job(lines(3, 2, 60)));
  for (let i = 0; i < 6; i++) {
    calls[i].release();
    await sleep(1);
  }
  assert.deepEqual(
    calls.map(({ lines: asked }) => asked.map((line) => line.split(',').slice(0, 2).join())),
    [
      ['1,0', '1,1', '1,2', '1,3'],
      ['1,4', '2,0'], // a line of 60 tokens would make it 180
      ['3,0'],
      ['1,5'],
      ['3,1'],
      ['1,6'],
    ],
  );
  assert.deepEqual(texts(await long), ['1,0', '1,1', '1,2', '1,3', '1,4', '1,5', '1,6']);
  assert.deepEqual(texts(await short), ['2,0']);
  assert.equal((await wide).length, 2);
});

test('a client that disconnects leaves the queue; a batch without waiting clients is stopped', async () => {
  const { batcher, calls } = heldBatcher({ maxSentences: 1 });
  const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()];
  const found = [first, second, third].map(({ signal }, i) => batcher.add(job(lines(i, 1), { signal })));
  await assert.rejects(
    batcher.add(job(lines(3, 1), { signal: AbortSignal.abort(new Error('gone before')) })),
    /before/,
  );
  await sleep(30);
  second.abort(new Error('gone'));
  await assert.rejects(found[1], /gone/);
  first.abort(new Error('gone'));
  await assert.rejects(found[0], /gone/);
  assert.ok(calls[0].signal!.aborted);
  await sleep(1);
  assert.deepEqual(
    calls.map(({ lines: asked }) => asked),
    [['0,0'], ['2,0']],
  );
  calls[1].release();
  assert.deepEqual(texts(await found[2]), ['2,0']);
});

test('a batch that fails fails its requests only', async () => {
  const { batcher, calls } = heldBatcher({ maxSentences: 1 });
  const found = [batcher.add(job(lines(1, 1))), batcher.add(job(lines(2, 1)))];
  await sleep(30);
  calls[0].release(new Error('broken'));
  await assert.rejects(found[0], /broken/);
  await sleep(1);
  calls[1].release();
  assert.deepEqual(texts(await found[1]), ['2,0']);
});
