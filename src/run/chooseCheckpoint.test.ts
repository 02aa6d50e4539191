import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { tinyTask } from '../../test/tinyRun.js';
import { checkpointPaths } from '../train/runFiles.js';
import { train } from '../train/trainer.js';
import { chooseCheckpoint } from './chooseCheckpoint.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-choose-'));
after(() => rmSync(folder, { recursive: true }));

test('an average needs two epochs; with fewer the best parameters are taken, and the reason is given', async () => {
  await selectBackend('cpu');
  const { params } = await train(tinyTask(folder, 'run', { maxUpdates: 2, keepEpochs: 0 }));
  disposeParams(params);
  const runDir = join(folder, 'run');
  const paths = checkpointPaths(runDir);
  const chosen = (averageLast: number): { use: string; description: string } => {
    const { use, description, path } = chooseCheckpoint(runDir, { checkpoint: 'average', averageLast });
    assert.equal(path, use === 'best' ? paths.best : join(paths.folder, 'average.safetensors'));
    return { use, description };
  };
  assert.deepEqual(chosen(10), {
    use: 'best',
    description: 'best of validation, not an average: no epoch was kept, an average needs 2',
  });
  copyFileSync(paths.best, paths.epoch(1));
  assert.deepEqual(chosen(10), {
    use: 'best',
    description: 'best of validation, not an average: 1 epoch was kept, an average needs 2',
  });
  copyFileSync(paths.best, paths.epoch(2));
  assert.deepEqual(chosen(1), {
    use: 'best',
    description: 'best of validation, not an average: decode.averageLast is 1, an average needs 2',
  });
  assert.deepEqual(chosen(10), { use: 'average', description: 'average of the last 2 epochs' });
});
