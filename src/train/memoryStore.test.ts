import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { sha256 } from '../random/sha256.js';
import { tinyTask } from '../../test/tinyRun.js';
import { readCheckpoint, type Checkpoint } from './checkpoint.js';
import { checkpointBytes } from './checkpointBytes.js';
import { MemoryStore } from './memoryStore.js';
import { train } from './trainer.js';
import { trainLoop } from './trainLoop.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-memory-store-'));
after(() => rmSync(folder, { recursive: true }));

/** A checkpoint without the seconds, which differ. */
function content({ path: _, training, ...rest }: Checkpoint): object {
  if (training === undefined) return rest;
  const { interval, beforeEnd, ...position } = training.position;
  return {
    ...rest,
    ...training,
    position: { ...position, seconds: 0, updates: interval.updates, at: beforeEnd?.validatedAt },
  };
}

test('checkpoints in memory are those of a folder, also of a run that ends and is prolonged', async () => {
  await selectBackend('wasm');
  const store = new MemoryStore();
  for (const maxUpdates of [7, 13]) {
    const { runDir, ...task } = tinyTask(folder, 'run', { maxUpdates, keepEveryUpdates: 2 });
    const last = join(runDir, 'checkpoints/last.safetensors');
    const resumed = maxUpdates > 7;
    const inFolder = await train({
      ...task,
      runDir,
      ...(resumed && { params: new Map(), resumeFrom: readCheckpoint(last) }),
    });
    disposeParams(inFolder.params);
    const again = tinyTask(folder, 'run', { maxUpdates, keepEveryUpdates: 2 });
    const inMemory = await trainLoop({
      ...again,
      store,
      ...(resumed && { resumeFrom: store.checkpoints.get(store.last) }),
    });
    disposeParams(inMemory.params);
    const names = readdirSync(join(runDir, 'checkpoints')).filter((name) => name.endsWith('.safetensors'));
    assert.deepEqual([...store.checkpoints.keys()].sort(), names.sort());
    for (const name of names) {
      const read = readCheckpoint(join(runDir, 'checkpoints', name));
      assert.deepEqual(content(store.checkpoints.get(name)!), content(read), name);
    }
  }
  const copy = join(folder, 'copy.safetensors');
  writeFileSync(copy, Buffer.concat(checkpointBytes(store.checkpoints.get(store.last)!, sha256)));
  assert.equal(readCheckpoint(copy).training!.position.update, 13);
});
