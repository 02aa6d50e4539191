import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { builtinTextYaml } from '../../test/builtinText.js';
import { isAddonBuilt } from '../backend/native/addon.js';
import { readLastCheckpoint } from '../train/runFiles.js';
import { builtMpi } from '../parallel/mpiFiles.js';

const program = fileURLToPath(new URL('./main.js', import.meta.url));
const killAtWrite = new URL('../../test/killAtWrite.js', import.meta.url).href;
const peakMemory = new URL('../../test/peakMemory.js', import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), 'coldstart-mpi-'));
after(() => rmSync(folder, { recursive: true }));

const env: NodeJS.ProcessEnv = {
  ...process.env,
  OMP_NUM_THREADS: '1',
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
  OMPI_MCA_rmaps_base_oversubscribe: '1',
  OMPI_MCA_hwloc_base_binding_policy: 'none',
  OMPI_MCA_odls_base_sigkill_timeout: '2',
};

function missing(): string | false {
  if (builtMpi() === undefined)
    return 'the addon for MPI is not built (apt-get install libopenmpi-dev openmpi-bin; coldstart build-native)';
  const { stdout } = spawnSync('mpirun', ['--version'], { encoding: 'utf8' });
  return /Open MPI/.test(stdout ?? '') ? false : 'mpirun is not that of Open MPI, whose options this test uses';
}

interface Outcome {
  readonly status: number | null;
  readonly stderr: string;
}

const coldstart = (...args: string[]): Outcome =>
  spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: 'utf8', env });
const trainArgs = (run: string, ...args: string[]): string[] => ['train', '-c', 'my.yaml', '--run', run, ...args];
const mpirun = (size: number, ...args: string[]): Outcome =>
  spawnSync('mpirun', ['-n', String(size), process.execPath, program, ...args], { cwd: folder, encoding: 'utf8', env });
const set = (...settings: string[]): string[] => settings.flatMap((setting) => ['--set', setting]);

function ok({ status, stderr }: Outcome): void {
  assert.equal(status, 0, stderr);
}

/** A checkpoint, and the log without times. */
function resultOf(run: string): { params: Buffer; log: string[]; initial: Buffer } {
  const read = (path: string): Buffer => readFileSync(join(folder, run, path));
  const log = read('log.jsonl')
    .toString()
    .trim()
    .split('\n')
    .map((line) =>
      JSON.stringify(JSON.parse(line), (key, value: unknown) =>
        /seconds|PerSecond|crc32|runDir|path/i.test(key) ? undefined : value,
      ),
    );
  return { params: read('checkpoints/best.safetensors'), log, initial: read('initial.safetensors') };
}

describe('training under mpirun', { skip: missing() }, () => {
  before(() => {
    ok(coldstart('corpus', 'synth', '--out', 'text', '--pairs', '300', '--valid-pairs', '30', '--test-pairs', '5'));
    writeFileSync(
      join(folder, 'my.yaml'),
      `
seed: 5
backend: ${isAddonBuilt() ? 'native' : 'wasm'}
${builtinTextYaml}  subwords: { method: none, joiner: "" }
model: { dModel: 16, dFf: 32, numHeads: 2, numEncoderLayers: 1, numDecoderLayers: 1 }
gradinit: { algorithm: adam, iterations: 3, maxTokens: 900, pieceTokens: 200 }
train: { lr: 1e-2, warmupUpdates: 10, maxUpdates: 12, updateFreq: 5, maxTokens: 400, validateEveryUpdates: 6, logEveryUpdates: 2, keepEpochs: 0 }
decode: { beamSize: 1, maxLenA: 1, maxLenB: 2, maxSentences: 8, bleu: tokenised }
record: { tensorBoard: false }
`,
    );
    ok(coldstart('corpus', 'prepare', '-c', 'my.yaml'));
    ok(coldstart(...trainArgs('one')));
  });

  for (const size of [2, 3, 4])
    test(`${size} processes write what one writes, GradInit included`, () => {
      ok(mpirun(size, ...trainArgs(`of-${size}`)));
      assert.deepEqual(resultOf(`of-${size}`), resultOf('one'));
    });

  test('3 processes learn by MetaInit what one learns', () => {
    const metaInit = set('gradinit.algorithm=none', 'metainit.iterations=1', 'metainit.maxTokens=300');
    const settings = [...metaInit, ...set('metainit.pieceTokens=80', 'train.maxUpdates=1')];
    ok(coldstart(...trainArgs('meta-one', ...settings)));
    ok(mpirun(3, ...trainArgs('meta-of-3', ...settings)));
    assert.deepEqual(resultOf('meta-of-3'), resultOf('meta-one'));
    assert.notDeepEqual(resultOf('meta-one').initial, resultOf('one').initial);
  });

  test('a run that four processes began is resumed by two and by one', () => {
    ok(mpirun(4, ...trainArgs('resumed', ...set('train.maxUpdates=3'))));
    ok(mpirun(2, ...trainArgs('resumed', ...set('train.maxUpdates=7'), '--resume')));
    ok(coldstart(...trainArgs('resumed', ...set('train.maxUpdates=12'), '--resume')));
    assert.deepEqual(resultOf('resumed').params, resultOf('one').params);
    const again = mpirun(2, ...trainArgs('resumed', '--resume'));
    ok(again);
    assert.match(again.stderr, /complete already; nothing was done/);
  });

  test('--batch-per-worker: the run keeps its batch when other numbers of processes resume it', () => {
    ok(mpirun(2, ...trainArgs('grown', '--batch-per-worker', ...set('train.updateFreq=2', 'train.maxUpdates=1'))));
    const updates = (count: number): string[] => [...set(`train.maxUpdates=${count}`), '--resume'];
    const more = mpirun(3, ...trainArgs('grown', '--batch-per-worker', ...updates(2)));
    ok(more);
    assert.match(more.stderr, /kept +.*train\.updateFreq=4/);
    ok(coldstart(...trainArgs('grown', ...updates(3))));
    assert.match(readFileSync(join(folder, 'grown/config.yaml'), 'utf8'), /updateFreq: 4\n/);
    ok(coldstart(...trainArgs('fourfold', ...set('train.updateFreq=4', 'train.maxUpdates=3'))));
    assert.deepEqual(resultOf('grown').params, resultOf('fourfold').params);
  });

  test('processes that cannot share are refused before anything is written', () => {
    const tooMany = mpirun(2, ...trainArgs('refused', ...set('train.updateFreq=1')));
    assert.equal(tooMany.status, 2);
    assert.match(tooMany.stderr, /train\.updateFreq is 1, and 2 processes share out .* give --batch-per-worker/);
    assert.equal(tooMany.stderr.split('train.updateFreq is 1').length, 2, 'the error is printed once');
    assert.ok(!existsSync(join(folder, 'refused')));
    const absent = spawnSync(
      'mpirun',
      ['data', 'elsewhere'].flatMap((data, i) => [
        ...(i > 0 ? [':'] : []),
        ...['-n', '1', process.execPath, program],
        ...trainArgs('refused', ...set(`corpus.dir=${data}`)),
      ]),
      { cwd: folder, encoding: 'utf8', env },
    );
    assert.equal(absent.status, 1);
    assert.match(absent.stderr, /process 1 on .* cannot take part: .*elsewhere/);
    const alone = coldstart(...trainArgs('refused', '--batch-per-worker'));
    assert.equal(alone.status, 2);
    assert.match(alone.stderr, /this is one alone/);
    const different = spawnSync(
      'mpirun',
      [1, 2].flatMap((seed) => [
        ...(seed === 2 ? [':'] : []),
        ...['-n', '1', process.execPath, program],
        ...trainArgs('refused', ...set(`seed=${seed}`)),
      ]),
      { cwd: folder, encoding: 'utf8', env },
    );
    assert.equal(different.status, 1);
    assert.match(
      different.stderr,
      /process 1 on .* has another configuration than process 0 on .*: "seed: 2", not "seed: 1"/,
    );
    assert.ok(!existsSync(join(folder, 'refused')));
  });

  test('the memory of a process is what was estimated', { skip: !isAddonBuilt() && 'measured for native' }, () => {
    const peaks = join(folder, 'peaks');
    mkdirSync(peaks);
    const model = set('model.dModel=512', 'model.dFf=1024', 'model.numEncoderLayers=2', 'model.numDecoderLayers=2');
    const short = set(
      'gradinit.algorithm=none',
      'train.updateFreq=4',
      'train.maxUpdates=2',
      'train.validateBleu=false',
    );
    const node = [process.execPath, '--import', peakMemory, program];
    const job = spawnSync('mpirun', ['-n', '2', ...node, ...trainArgs('large', ...model, ...short)], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...env, PEAK_FOLDER: peaks },
    });
    ok(job);
    const estimate = Number(/memory +about ([\d.]+) GB/.exec(job.stderr)![1]) * 2 ** 30;
    const [leader, follower] = [0, 1].map((rank) => Number(readFileSync(join(peaks, String(rank)), 'utf8')));
    // a run is refused where the estimate is more than 1.15 times what is available
    const [of, least] = [leader / estimate, 1 / 1.15];
    assert.ok(of > least && of < 1.15, `the leader's is ${of} of the estimate`);
    // which counts what the leader alone writes checkpoints from
    assert.ok(follower / estimate > 0.6 && follower < leader, `the follower's is ${follower / estimate} of it`);
  });

  interface Job {
    readonly ended: Promise<unknown>;
    /** mpirun's processes, by rank, once both are there. */
    readonly pids: () => number[];
    readonly hasEnded: () => boolean;
    readonly stderr: () => string;
  }

  /** Starts training on two processes. @param kill the environment of killAtWrite.ts */
  function started(run: string, args: readonly string[], kill?: Record<string, string>): Job {
    const node = [process.execPath, ...(kill ? ['--import', killAtWrite] : []), program];
    const child = spawn('mpirun', ['-n', '2', ...node, ...trainArgs(run, ...args)], {
      cwd: folder,
      // seconds that mpirun gives the others when one has failed, twice
      env: { ...env, OMPI_MCA_odls_base_sigkill_timeout: kill ? '0' : '2', ...kill },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
    const pids = (): number[] =>
      spawnSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' })
        .stdout.split('\n')
        .filter((line) => line !== '')
        .map(Number);
    return { ended: once(child, 'close'), pids, hasEnded: () => child.exitCode !== null, stderr: () => stderr };
  }

  const isThere = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  /** Waits until it is so, or the job has ended. @returns whether it was so before that */
  async function until(isSo: () => boolean, { hasEnded }: Job, every = 2): Promise<boolean> {
    while (!isSo()) {
      if (hasEnded()) return false;
      await sleep(every);
    }
    return true;
  }

  const eventsOf = (run: string): string[] => {
    const path = join(folder, run, 'log.jsonl');
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  };
  const isLogged = (run: string, event: string, update: number): boolean =>
    eventsOf(run).some((line) => line.startsWith(`{"event":"${event}","update":${update},`));

  test('a signal to any process stops all at the same update, and the run resumes', async () => {
    const settings = set('train.maxUpdates=100000', 'train.validateEveryUpdates=0', 'train.saveEveryUpdates=1');
    const job = started('stopped', settings);
    assert.ok(await until(() => isLogged('stopped', 'checkpoint', 2), job), job.stderr());
    process.kill(job.pids()[1], 'SIGTERM');
    await job.ended;
    assert.match(job.stderr(), /Interrupted\./);
    assert.ok(!/other parameters/.test(job.stderr()));
    const saved = eventsOf('stopped').flatMap((line) => /"event":"checkpoint","update":(\d+)/.exec(line)?.[1] ?? []);
    const few = set(
      `train.maxUpdates=${Number(saved.at(-1)) + 2}`,
      'train.validateEveryUpdates=0',
      'train.saveEveryUpdates=0',
    );
    ok(coldstart(...trainArgs('stopped', '--resume', ...few)));
    ok(coldstart(...trainArgs('unbroken', ...few)));
    assert.deepEqual(resultOf('stopped').params, resultOf('unbroken').params);
  });

  test('a run whose processes are killed ten times, at ten moments, ends with every bit of an undisturbed one', async () => {
    const run = 'killed';
    const logged = (event: string, update: number): string => `^append {"event":"${event}","update":${update},`;
    const moments: readonly (readonly [moment: string, rank: number, at: string])[] = [
      ['it starts', 0, ''],
      ['GradInit learns', 1, '^write {"iteration":1,'],
      ['GradInit learns, for the leader', 0, '^write {"iteration":2,'],
      ['initial parameters are stored', 1, '^rename .*/initial.safetensors$'],
      ['the first update is done', 0, logged('train', 1)],
      ['a checkpoint is written', 0, '^open .*/checkpoints/.*last'],
      ['it is between two updates', 1, logged('train', 4)],
      ['it validates', 1, logged('train', 6)],
      ['the last update is under way', 0, logged('train', 11)],
      ['it translates the test set', 0, logged('valid', 12)],
    ];
    const settings = set('train.logEveryUpdates=1', 'train.saveEveryUpdates=1');
    const killFolder = join(folder, 'kill');
    for (const [moment, rank, at] of moments) {
      mkdirSync(killFolder);
      const job = started(run, ['--resume', ...settings], {
        KILL_FOLDER: killFolder,
        KILL_RANK: String(rank),
        KILL_AT: at,
      });
      await job.ended;
      assert.ok(existsSync(join(killFolder, 'killed')), `when ${moment}, no process was killed: ${job.stderr()}`);
      const pids = readdirSync(killFolder)
        .filter((name) => name.startsWith('pid-'))
        .map((name) => Number(readFileSync(join(killFolder, name), 'utf8')));
      for (let tries = 0; pids.some(isThere); tries++) {
        assert.ok(tries < 600, `when ${moment}, a process outlived the one that died by 30 seconds`);
        await sleep(50);
      }
      rmSync(killFolder, { recursive: true });
      const last = readLastCheckpoint(join(folder, run));
      assert.ok(last === undefined || last.training!.position.update <= 12, `when ${moment}, the checkpoint is whole`);
    }
    ok(coldstart(...trainArgs(run, '--resume', ...settings)));
    ok(coldstart(...trainArgs('undisturbed', ...settings)));
    const numbersOf = (name: string): unknown => {
      const { params, initial, log } = resultOf(name);
      return { params, initial, log: log.filter((line) => /^{"event":"(train|valid|updateRatios)"/.test(line)) };
    };
    assert.deepEqual(numbersOf(run), numbersOf('undisturbed'));
  });
});
