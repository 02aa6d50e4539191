import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { readSafetensors, writeSafetensors, type StoredTensor } from '../storage/safetensors.js';
import { tinyTask } from '../../test/tinyRun.js';
import { averageCheckpoints, lastEpochCheckpoints } from './average.js';
import { CheckpointError, nodeSha256, readCheckpoint } from './checkpoint.js';
import { digest } from './checkpointBytes.js';
import { checkpointPaths, readLastCheckpoint } from './runFiles.js';
import { train } from './trainer.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-checkpoint-'));
before(async () => void (await selectBackend('wasm')));
after(() => rmSync(folder, { recursive: true }));

describe('checkpoints', () => {
  test('damaged ones are refused by name, and the one before is offered', async () => {
    const result = await train(tinyTask(folder, 'damage', { maxUpdates: 6 }));
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
    assert.throws(
      () => readLastCheckpoint(runDir),
      /last\.safetensors cannot be used: .*truncated.*The one before it is good \(update 5\)\. To resume from there: cp \S+previous\.safetensors \S+last\.safetensors\.$/,
    );
    unlinkSync(last);
    assert.throws(
      () => readLastCheckpoint(runDir),
      /last\.safetensors cannot be used: there is no such file\. The one before it is good/,
    );
    truncateSync(previous, 50);
    assert.throws(
      () => readLastCheckpoint(runDir),
      /The checkpoint before it cannot be used either: .*previous\.safetensors/,
    );
    unlinkSync(previous);
    assert.equal(readLastCheckpoint(runDir), undefined);
    assert.throws(() => readCheckpoint(join(folder, 'nothing.safetensors')), /there is no such file/);
  });

  test('a checksum that fits does not make wrong content right', async () => {
    const result = await train(tinyTask(folder, 'forged', { maxUpdates: 2 }));
    disposeParams(result.params);
    const { last } = checkpointPaths(join(folder, 'forged'));
    const { tensors, metadata } = readSafetensors(last);
    const forge = (
      change: (settings: any) => void,
      changeTensors: (tensors: Map<string, StoredTensor>) => void = () => {},
    ): void => {
      const settings = JSON.parse(metadata['coldstart']);
      change(settings);
      const altered = new Map(tensors);
      changeTensors(altered);
      const text = JSON.stringify(settings);
      writeSafetensors(last, altered, { metadata: { coldstart: text, sha256: digest(altered, text, nodeSha256) } });
    };
    forge(() => {});
    assert.equal(readCheckpoint(last).training!.position.update, 2);
    const cases: [(settings: any) => void, RegExp, ((tensors: Map<string, StoredTensor>) => void)?][] = [
      [(s) => (s.version = 99), /format version 99, this program reads version 1/],
      [(s) => delete s.config, /model\.srcVocabSize is undefined/],
      [(s) => (s.config.dModel = 30), /model\.dModel is 30, expected a multiple/],
      [(s) => (s.config.numEncoderLayers = 1000), /more layers than it holds tensors/],
      [(s) => (s.config.dFf = 63), /encoder\.layers\.0\.fc1\.weight" is F32 \[64,32\], its model needs F32 \[63,32\]/],
      [(s) => (s.position.update = -1), /its position in the run cannot be: update = -1/],
      [(s) => (s.position.epoch = 0), /its position in the run cannot be: epoch = 0/],
      [
        (s) => (s.position.batchesDone = s.position.epochBatches),
        /its position in the run cannot be: batchesDone = \d+/,
      ],
      [(s) => (s.position.validatedAt = -1), /its position in the run cannot be: validatedAt = -1/],
      [(s) => (s.position.beforeEnd = 3), /its position in the run cannot be: beforeEnd = 3/],
      [
        (s) => (s.position.beforeEnd = { validationsSinceBest: 0 }),
        /its position in the run cannot be: beforeEnd\.interval\.updates = undefined/,
      ],
      [(s) => (s.position.best = { value: 1 }), /its position in the run cannot be: best = \{"value":1\}/],
      [(s) => (s.position.best = { value: 1, update: 2, epoch: 0 }), /its position in the run cannot be: best = /],
      [(s) => (s.optimizerStep = -1), /its optimizerStep is -1/],
      [(s) => (s.position.interval = null), /interval\.updates = undefined/],
      [(s) => (s.slotNames = ['firstMoment']), /holds a tensor "secondMoment:encoder/],
      [
        () => {},
        /"firstMoment:encoder\.embed_tokens\.weight" is missing/,
        (t) => t.delete('firstMoment:encoder.embed_tokens.weight'),
      ],
      [
        () => {},
        /"encoder\.embed_tokens\.weight" is F64/,
        (t) => t.set('encoder.embed_tokens.weight', { dtype: 'F64', shape: [14, 32], data: new Float64Array(14 * 32) }),
      ],
    ];
    for (const [change, message, changeTensors] of cases) {
      forge(change, changeTensors);
      assert.throws(
        () => readCheckpoint(last),
        (error: Error) =>
          error instanceof CheckpointError && message.test(error.message) && error.message.includes(last),
        `${message}`,
      );
    }
  });

  test('hold the parameters exactly, and average to their mean', async () => {
    const result = await train(tinyTask(folder, 'average', { maxUpdates: 0, maxEpochs: 3, keepEpochs: 2 }));
    const final: ReadonlyMap<string, Tensor> = result.params;
    const paths = lastEpochCheckpoints(join(folder, 'average'), 2);
    assert.deepEqual(
      paths.map((path) => path.slice(-22)),
      ['epoch-0002.safetensors', 'epoch-0003.safetensors'],
    );
    const [a, b] = paths.map(readCheckpoint);
    for (const [name, tensor] of final) assert.deepEqual([...b.params.get(name)!.data], [...tensor.dataSync()]);
    disposeParams(final);
    const out = join(folder, 'mean.safetensors');
    averageCheckpoints(paths, out);
    for (const [name, { data }] of readCheckpoint(out).params) {
      data.forEach((value, i) =>
        assert.equal(value, Math.fround((a.params.get(name)!.data[i] + b.params.get(name)!.data[i]) / 2)),
      );
    }
    assert.throws(() => averageCheckpoints(paths, out), /exists already/);
    // all that there are, if the run kept fewer; none cannot be averaged
    assert.deepEqual(lastEpochCheckpoints(join(folder, 'average'), 3), paths);
    assert.throws(() => lastEpochCheckpoints(join(folder, 'no-epochs'), 3), /has no epoch checkpoints to average/);
  });

  test('are kept every few updates instead, and only the newest; a resumed run keeps the same', async () => {
    const changes = { maxUpdates: 24, keepEpochs: 2, keepEveryUpdates: 7, saveEveryUpdates: 5 };
    const whole = await train(tinyTask(folder, 'updates', changes));
    disposeParams(whole.params);
    const paths = lastEpochCheckpoints(join(folder, 'updates'), 5);
    assert.deepEqual(
      paths.map((path) => basename(path)),
      ['update-00000014.safetensors', 'update-00000021.safetensors'],
    );
    const stop = new AbortController();
    const interrupted = await train(
      tinyTask(folder, 'resumed', changes, {
        signal: stop.signal,
        onUpdate: ({ update }) => {
          if (update === 16) stop.abort();
        },
      }),
    );
    disposeParams(interrupted.params);
    const resumed = await train(
      tinyTask(folder, 'resumed', changes, { resumeFrom: readLastCheckpoint(join(folder, 'resumed')) }),
    );
    disposeParams(resumed.params);
    const again = lastEpochCheckpoints(join(folder, 'resumed'), 5);
    assert.deepEqual(
      again.map((path) => [basename(path), readFileSync(path)]),
      paths.map((path) => [basename(path), readFileSync(path)]),
    );
  });
});
