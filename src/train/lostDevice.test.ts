import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withoutGpu } from '../../test/testBackends.js';
import { tinyTask } from '../../test/tinyRun.js';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { selectBackend } from '../backend/select.js';
import { readLastCheckpoint } from './runFiles.js';
import { train } from './trainer.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-lost-device-'));
after(() => rmSync(folder, { recursive: true }));

const valuesOf = (params: Params): unknown[] => Array.from(params, ([name, tensor]) => [name, [...tensor.dataSync()]]);

describe('a GPU that is lost in the middle of training', { skip: withoutGpu }, () => {
  test('stops the run with GPU_FAILED, and the run resumes to the same bits', async () => {
    const program = fileURLToPath(new URL('../../test/trainUntilLost.js', import.meta.url));
    // lavapipe compiles its programs for a minute and more where Mesa has not stored them yet
    const child = spawnSync(process.execPath, [program, folder], { encoding: 'utf8', timeout: 600_000 });
    assert.equal(child.status, 0, child.stderr);
    const { code, message } = JSON.parse(child.stdout) as { code: string; message: string };
    assert.equal(code, 'GPU_FAILED');
    assert.match(message, /^The GPU does not answer any more: .*\. A run resumes from its last checkpoint\.$/);

    await selectBackend('webgpu');
    const saved = readLastCheckpoint(join(folder, 'lost'))!;
    assert.equal(saved.training!.position.update, 10); // saved every 5 updates
    const resumed = await train(tinyTask(folder, 'lost', {}, { resumeFrom: saved }));
    const whole = await train(tinyTask(folder, 'whole'));
    assert.equal(resumed.position.update, 24);
    assert.ok(resumed.params.size > 0);
    assert.deepEqual(valuesOf(resumed.params), valuesOf(whole.params));
    disposeParams(resumed.params);
    disposeParams(whole.params);
  });
});
