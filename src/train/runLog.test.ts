import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { emptyInterval, startPosition, type TrainPosition } from './position.js';
import { readLog, RunLog } from './runLog.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-log-'));
after(() => rmSync(folder, { recursive: true }));

const positionAt = (update: number, more: Partial<TrainPosition> = {}): TrainPosition => ({
  ...startPosition({ seed: 1, precision: 'fp32' }, 100),
  update,
  batchesDone: update,
  ...more,
});

test('the log loses lines after the checkpoint, and a truncated line', () => {
  const path = join(folder, 'log.jsonl');
  const log = RunLog.create(path);
  log.append({ event: 'start' });
  log.append({ event: 'train', update: 5 });
  log.append({ event: 'train', update: 10 });
  writeFileSync(path, '{"event":"tr', { flag: 'a' });
  RunLog.resume(path, positionAt(5)).append({ event: 'train', update: 6 });
  assert.deepEqual(readLog(path), [{ event: 'start' }, { event: 'train', update: 5 }, { event: 'train', update: 6 }]);
});

test("of the checkpoint's update the log keeps the lines before the checkpoint", () => {
  const path = join(folder, 'same.jsonl');
  const resumed = (position?: TrainPosition): string[] => {
    const log = RunLog.create(path);
    for (const event of ['epoch', 'train', 'checkpoint', 'valid', 'diverged']) log.append({ event, update: 3 });
    RunLog.resume(path, position);
    return readLog(path).map(({ event }) => event);
  };
  assert.deepEqual(resumed(positionAt(3)), ['epoch', 'train', 'checkpoint', 'valid']);
  assert.deepEqual(resumed(positionAt(3, { validationDue: true })), ['epoch', 'train', 'checkpoint']);
  assert.deepEqual(resumed(positionAt(3, { validationDue: true, interval: { ...emptyInterval, updates: 1 } })), [
    'epoch',
    'checkpoint',
  ]);
  assert.deepEqual(resumed(), []);
});

test('a damaged line in the midst of a log is named, not taken for its end', () => {
  const path = join(folder, 'damaged.jsonl');
  writeFileSync(path, '{"event":"start"}\n{"event":"tr\n{"event":"train","update":1}\n');
  assert.throws(() => readLog(path), /damaged\.jsonl:2 is not JSON/);
});

test(
  'a full disk while the log is written: one sentence with the file and what to do',
  { skip: !existsSync('/dev/full') && 'no /dev/full here' },
  () => {
    const path = join(folder, 'full.jsonl');
    const log = RunLog.create(path);
    unlinkSync(path);
    symlinkSync('/dev/full', path);
    assert.throws(() => log.append({ event: 'train', update: 1 }), {
      name: 'ColdstartError',
      code: 'WRITE_FAILED',
      message: `${path} cannot be written: no room is left there (ENOSPC). Make room on the disk, or choose another place.`,
    });
  },
);
