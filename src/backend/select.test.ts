import { test } from 'node:test';
import assert from 'node:assert/strict';
import { getBackend, memory, tensor, tidy, unsortedSegmentSum } from '@tensorflow/tfjs-core';
import { UsageError } from '../errors.js';
import { backendNames, probeBackends, selectBackend } from './select.js';
import { saysNotInstalled } from './optionalPeer.js';

test('an unknown backend is refused by name', async () => {
  await assert.rejects(
    selectBackend('wsam'),
    (error) => error instanceof UsageError && error.message.includes('"wsam"; expected one of auto'),
  );
});

test('backends are selected by name; auto takes one that passes; no handler of exceptions stays installed', async () => {
  const handlers = (): number[] => [
    process.listenerCount('uncaughtException'),
    process.listenerCount('unhandledRejection'),
  ];
  const before = handlers();
  for (const name of ['cpu', 'wasm']) {
    assert.equal(await selectBackend(name), name);
    assert.equal(getBackend(), name);
  }
  assert.ok(backendNames.includes(await selectBackend('auto')));
  assert.deepEqual(handlers(), before);
});

test('probes check and measure installed backends, say what to install for missing ones, and keep the current backend', async () => {
  await selectBackend('cpu');
  const before = memory().numTensors;
  const reports = await probeBackends();
  assert.equal(getBackend(), 'cpu');
  assert.equal(memory().numTensors, before);
  for (const name of ['wasm', 'cpu']) {
    const report = reports.find((r) => r.name === name)!;
    assert.ok(report.passed, report.detail);
    assert.ok(report.matmulGflops! > 0.01);
  }
  const missing = reports.find((r) => r.name === 'tensorflow')!;
  if (!missing.passed) assert.match(missing.detail, /npm install @tensorflow\/tfjs-node/);
});

test('a package that is not installed is not taken for one that does not load', async () => {
  const missing: unknown = await import('@tensorflow/tfjs-that-is-missing' as string).catch((error: unknown) => error);
  assert.ok(saysNotInstalled(missing));
  const yarn = Object.assign(new Error('a peer dependency that your application does not provide'), {
    code: 'MODULE_NOT_FOUND',
    pnpCode: 'MISSING_PEER_DEPENDENCY',
  });
  assert.ok(saysNotInstalled(yarn));
  assert.ok(
    !saysNotInstalled(Object.assign(new Error('libtensorflow.so.2: cannot open'), { code: 'ERR_DLOPEN_FAILED' })),
  );
  assert.ok(
    !saysNotInstalled(Object.assign(new Error("Cannot find module './binding'"), { code: 'MODULE_NOT_FOUND' })),
  );
});

test('the wasm backend has segment sums: negative and too large ids are dropped', async () => {
  await selectBackend('wasm');
  tidy(() => {
    const x = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ]);
    const sums = unsortedSegmentSum(x, tensor([2, 0, 2, -1], [4], 'int32') as never, 3);
    assert.deepEqual([...sums.dataSync()], [3, 4, 0, 0, 6, 8]);
  });
});
