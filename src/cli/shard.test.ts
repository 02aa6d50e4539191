import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { coldstart, makeRealCorpus } from '../../test/realAblation.js';
import { parseShard } from './shard.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-shard-'));
after(() => rmSync(folder, { recursive: true }));

test('a shard is i of n, or a task of Slurm', () => {
  assert.deepEqual(parseShard('2/8'), { index: 1, count: 8 });
  for (const wrong of ['0/8', '9/8', '2', '2/', 'a/b', '1/0', '-1/2'])
    assert.throws(() => parseShard(wrong), /Expected i\/n with i from 1 to n/, wrong);
  const task = (id: number): NodeJS.ProcessEnv => ({
    SLURM_ARRAY_TASK_ID: String(id),
    SLURM_ARRAY_TASK_MIN: '10',
    SLURM_ARRAY_TASK_COUNT: '3',
    SLURM_ARRAY_TASK_STEP: '2',
  });
  assert.deepEqual(
    [10, 12, 14].map((id) => parseShard('slurm', undefined, task(id)).index),
    [0, 1, 2],
  );
  assert.throws(() => parseShard('slurm', undefined, task(11)), /name no task of a job array/);
  assert.throws(() => parseShard('slurm', undefined, {}), /sbatch --array/);
});

test('a choice of arms or a shard: its runs, its words, and a wrong name', () => {
  makeRealCorpus(folder);
  const dryRun = (...args: string[]) =>
    coldstart(['ablate', '-c', 'config.yaml', '--run', 'chosen', '--dry-run', ...args], folder);
  const lastLine = (...args: string[]) =>
    dryRun(...args)
      .output.split('\n')
      .findLast((line) => line !== '' && !line.startsWith('measuring'))!;
  assert.match(lastLine(), /^2 runs: about /);
  assert.match(lastLine('--arms', 'gradinit-adam'), /^1 of 2 runs, the arm gradinit-adam: about /);
  assert.match(
    lastLine('--arms', 'gradinit-adam,no-warmup'),
    /^2 of 2 runs, the arms gradinit-adam, no-warmup: about /,
  );
  assert.match(lastLine('--shard', '2/2'), /^1 of 2 runs, shard 2\/2: about /);
  assert.match(
    lastLine('--shard', '2/2', '--arms', 'no-warmup'),
    /^0 of 2 runs, shard 2\/2 of the arm no-warmup: nothing would be done\.$/,
  );
  const { runs } = JSON.parse(dryRun('--json', '--arms', 'gradinit-adam').output.replace(/^measuring .*$/gm, '')) as {
    runs: { arm: string }[];
  };
  assert.deepEqual(
    runs.map(({ arm }) => arm),
    ['gradinit-adam'],
  );
  const { status, output } = dryRun('--arms', 'gradinit-adan');
  assert.equal(status, 2);
  assert.match(
    output,
    /--arms has "gradinit-adan", expected some of the configuration's arms: no-warmup, gradinit-adam\. Did you mean gradinit-adam\?/,
  );
});

test('machines that share no disk give the table of one, once their folders are copied together', () => {
  makeRealCorpus(folder);
  const ablate = (run: string, ...args: string[]): string => {
    const { status, output } = coldstart(['ablate', '-c', 'config.yaml', '--run', run, ...args], folder);
    assert.equal(status, 0, output);
    return output;
  };
  ablate('whole');
  ablate('first', '--shard', '1/2');
  ablate('second', '--shard', '2/2');
  const states = (run: string): string[] =>
    (JSON.parse(readFileSync(join(folder, run, 'results.json'), 'utf8')) as { runs: { state: string }[] }).runs.map(
      ({ state }) => state,
    );
  assert.deepEqual(
    states('first').map((state) => state !== 'waiting'),
    [true, false],
  );
  assert.deepEqual(
    states('second').map((state) => state !== 'waiting'),
    [false, true],
  );
  cpSync(join(folder, 'second'), join(folder, 'first'), { recursive: true });
  ablate('first');
  const numbers = (run: string): unknown =>
    JSON.parse(readFileSync(join(folder, run, 'results.json'), 'utf8'), (key, value: unknown) =>
      /seconds|dir|crc32|^name$/i.test(key) ? undefined : value,
    );
  assert.deepEqual(numbers('first'), numbers('whole'));
});
