import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { coldstart, makeRealCorpus } from '../../test/realAblation.js';
import { isAddonBuilt } from '../backend/native/addon.js';
import type { ColdstartError } from '../errors.js';
import { download } from '../storage/http/download.js';
import { systemFailure } from '../storage/systemFailure.js';

const program = fileURLToPath(new URL('./main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coldstart-system-'));
before(() => {
  makeRealCorpus(folder);
  chmodSync(folder, 0o777);
});
after(() => rmSync(folder, { recursive: true }));

/** Runs a command in a shell that sets limits first, or as a user to whom permissions apply. */
function refusal(args: readonly string[], { limits = '', asNobody = false } = {}): string {
  const setUser = asNobody && process.getuid?.() === 0 ? 'setpriv --reuid=65534 --regid=65534 --clear-groups ' : '';
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['-c', `${limits}\nexec ${setUser}"$@"`, 'bash', process.execPath, program, ...args],
    { cwd: folder, encoding: 'utf8' },
  );
  assert.equal(status, 1, `${args.join(' ')}: ${stdout}${stderr}`);
  assert.doesNotMatch(stderr, /defect|\n {4}at |Error:|undefined|\[object/);
  const [, message] = /([^\n]*) \[[A-Z_]+\]\n$/.exec(stderr) ?? assert.fail(`without a code: ${stderr}`);
  return message;
}

/** How a command ends under limits. */
function ended(args: readonly string[], limits: string): SpawnSyncReturns<string> {
  return spawnSync('bash', ['-c', `${limits}\nexec "$@"`, 'bash', process.execPath, program, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
}

/** Replaces a file while a function runs. */
function instead(name: string, put: (path: string) => void, act: () => void): void {
  const path = join(folder, name);
  renameSync(path, `${path}.kept`);
  try {
    put(path);
    act();
  } finally {
    rmSync(path, { recursive: true, force: true });
    renameSync(`${path}.kept`, path);
  }
}

const train = ['train', '-c', 'config.yaml', '--run', 'new'];
const prepare = ['corpus', 'prepare', '-c', 'config.yaml', '--set', 'corpus.dir=other', '--workers', '1'];
const isFolder = 'it is a folder, a file was expected (EISDIR). Name a file.';
const isLoop = 'it is a link that leads back to itself (ELOOP). Remove the link.';

test('a folder in place of a file, and a link to itself: the message names the file and says what to do', () => {
  const inPlace: [name: string, message: string, args: readonly string[]][] = [
    ['data/train.bin', `${folder}/data/train.bin cannot be read: `, train],
    ['data/manifest.json', `${folder}/data/manifest.json cannot be read: `, train],
    ['text/train.de', `${folder}/text/train.de cannot be read: `, prepare],
    ['text/test.en', 'text/test.en cannot be read: ', ['score', '--ref', 'text/test.en', '--hyp', 'text/test.de']],
  ];
  for (const [name, message, args] of inPlace) {
    instead(name, mkdirSync, () => assert.ok(refusal(args).endsWith(`${message}${isFolder}`), name));
    if (name === 'text/train.de') continue; // a broken link is reported before the file is read
    instead(
      name,
      (path) => symlinkSync(path, path),
      () => assert.ok(refusal(args).endsWith(`${message}${isLoop}`), name),
    );
  }
});

test('a file without permission to read, a folder without permission to write', () => {
  const denied = 'permission denied (EACCES). Change the permissions, or choose another place.';
  const unreadable = (path: string): void => {
    writeFileSync(path, 'a\n');
    chmodSync(path, 0);
  };
  const score = ['score', '--ref', 'text/test.en', '--hyp', 'text/test.de'];
  instead('text/test.en', unreadable, () =>
    assert.equal(refusal(score, { asNobody: true }), `coldstart: text/test.en cannot be read: ${denied}`),
  );
  instead('config.yaml', unreadable, () =>
    assert.equal(
      refusal(train, { asNobody: true }),
      `coldstart: configuration ${folder}/config.yaml cannot be read: ${denied}`,
    ),
  );
  mkdirSync(join(folder, 'closed'), { mode: 0o555 });
  const learn = ['corpus', 'learn-bpe', '-i', 'text/train.de', '-n', '5', '-o', 'closed/codes'];
  assert.match(refusal(learn, { asNobody: true }), /^coldstart: closed\/codes cannot be written: permission denied/);
});

test('a full disk: the message names the file, and no half-written file is left under its name', () => {
  const limits = 'ulimit -f 1'; // the system reports EFBIG where a full disk reports ENOSPC
  const tooLarge = 'the file would be larger than is allowed there (EFBIG). Choose another place.';
  assert.equal(refusal(train, { limits }), `coldstart: new/config.yaml cannot be written: ${tooLarge}`);
  rmSync(join(folder, 'new'), { recursive: true });
  assert.match(refusal(prepare, { limits }), /other\.stages\/.*00000\.src cannot be written: .*\(EFBIG\)/);
  assert.ok(!existsSync(join(folder, 'other')));
  assert.match(
    refusal(['corpus', 'synth', '--out', 'built', '--pairs', '300'], { limits }),
    /train\.de cannot be written: .*\(EFBIG\)/,
  );
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('built')),
    [],
  );
});

const disk = join(folder, 'disk');
const mount = (options: string): boolean =>
  spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk]).status === 0;

/** Does something with a small disk at `disk`. @returns whether there was one: users may not mount */
function onSmallDisk(act: (resize: (kilobytes: number) => void) => void): boolean {
  mkdirSync(disk, { recursive: true });
  if (!mount('size=16k')) return false;
  try {
    act((kilobytes) => assert.ok(mount(`remount,size=${kilobytes}k`)));
  } finally {
    assert.equal(spawnSync('umount', [disk]).status, 0);
  }
  return true;
}

const full = 'no room is left there \\(ENOSPC\\)\\. Make room on the disk, or choose another place\\.';

test('a disk that becomes full during a run: the file is named, and the run resumes once there is room', (t) => {
  const done = onSmallDisk((resize) => {
    const run = ['train', '-c', 'config.yaml', '--run', 'disk/run', '--resume'];
    const named: string[] = [];
    for (const [kilobytes, tensorBoard] of [
      [40, true],
      [40, false],
      [80, false],
      [104, false],
    ] as const) {
      resize(kilobytes);
      const message = refusal([...run, '--set', `record.tensorBoard=${tensorBoard}`]);
      const [, name] = new RegExp(`^coldstart: disk/run/(\\S+) cannot be written: ${full}$`).exec(message) ?? [];
      assert.ok(name, message);
      const files = readdirSync(join(disk, 'run'), { recursive: true, encoding: 'utf8' });
      assert.ok(!files.some((file) => file.endsWith('.part')), files.join());
      named.push(name);
      for (const file of files) if (file.startsWith('events')) rmSync(join(disk, 'run', file));
    }
    assert.match(
      named.join(' '),
      /^(log\.jsonl|events\S*) \S+ \S* ?checkpoints\/\w+\.safetensors checkpoints\/\w+\.safetensors$/,
    );
    resize(4096);
    const { status, output } = coldstart(run, folder);
    assert.equal(status, 0, output);
  });
  if (!done) t.skip('mounting is not permitted');
});

test('a disk that is full: preparing a corpus and downloading name the file', async (t) => {
  const done = onSmallDisk((resize) => {
    for (const kilobytes of [8, 64, 200]) {
      resize(kilobytes);
      assert.match(
        refusal(['corpus', 'prepare', '-c', 'config.yaml', '--set', 'corpus.dir=disk/data', '--workers', '1']),
        new RegExp(`^coldstart: \\S*/disk/data\\S* cannot be written: ${full}$`),
      );
      assert.ok(!existsSync(join(disk, 'data')));
    }
  });
  if (!done) return t.skip('mounting is not permitted');
  const body = Buffer.alloc(100_000);
  const server = createServer((_, answer) => answer.end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  assert.ok(mount('size=64k'));
  try {
    await assert.rejects(
      download({
        urls: [`http://127.0.0.1:${(server.address() as AddressInfo).port}/file`],
        path: join(disk, 'file'),
        environment: {},
      }),
      (error: ColdstartError) =>
        error.code === 'WRITE_FAILED' &&
        new RegExp(`^\\S*/disk/file\\.part cannot be written: ${full}$`).test(error.message),
    );
    assert.ok(!existsSync(join(disk, 'file')));
  } finally {
    server.close();
    spawnSync('umount', [disk]);
  }
});

test('too many open files: also where the program itself cannot be loaded', () => {
  const score = ['score', '--ref', 'text/test.en', '--hyp', 'text/test.de'];
  let refused = 0;
  for (let limit = 19; limit <= 40; limit++) {
    const { status, stderr } = ended(score, `ulimit -n ${limit}`);
    if (status === 0) break;
    // With fewer files than Node needs to open this program it fails itself; how many that are depends on its version.
    if (refused === 0 && !stderr.startsWith('coldstart: ')) continue;
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^coldstart: .* cannot be opened: too many files are open \(EMFILE\)\. Close other programs, or raise the limit \("ulimit -n"\), and run the command again\. \[[A-Z_]+\]\n$/,
    );
    refused++;
  }
  assert.ok(refused > 0);
});

describe('out of memory', () => {
  const advice =
    'Use smaller batches (train.maxTokens, gradinit.maxTokens), a smaller model, or fewer runs at once (ablation.parallel).';
  const thrown = (act: () => unknown): unknown => {
    try {
      act();
    } catch (error) {
      return error;
    }
    return assert.fail('nothing was thrown');
  };

  test('what JavaScript says of it, with the amount where it names one', () => {
    for (const [act, expected] of [
      [() => new ArrayBuffer(2 ** 52), 'Array buffer allocation failed'],
      [() => new Float32Array(2 ** 44), (thrown(() => new Float32Array(2 ** 44)) as RangeError).message], // V8's words differ by version
      [() => 'x'.repeat(2 ** 29).concat('x'.repeat(2 ** 29)), 'Invalid string length'],
    ] as const)
      assert.equal(systemFailure(thrown(act))?.message, `there is not enough memory (${expected}). ${advice}`);
    assert.equal(systemFailure(new RangeError('Maximum call stack size exceeded')), undefined);
  });

  // Node 26 reserves no addresses for WebAssembly where there is a limit.
  const probe = 'await WebAssembly.instantiate(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 0, 1]))';
  const reserves = (): boolean =>
    spawnSync('bash', [
      '-c',
      'ulimit -v 8000000; exec "$@"',
      'bash',
      process.execPath,
      '--input-type=module',
      '--eval',
      probe,
    ]).status !== 0;
  const skip = process.platform !== 'linux' || !reserves() ? 'no addresses are reserved here' : false;
  test('WebAssembly that is given no addresses', { skip }, () => {
    assert.match(
      refusal(['train', '-c', 'config.yaml', '--run', 'no-wasm'], { limits: 'ulimit -v 8000000' }),
      /^coldstart: The wasm backend cannot start: there is not enough memory \(.*WebAssembly\.instantiate.*\)\. It reserves 10 GB of addresses: raise the limit \("ulimit -v unlimited"\), close other programs, or build the native engine/,
    );
  });

  test('the native engine, with the amount', { skip: process.platform !== 'linux' || !isAddonBuilt() }, () => {
    const large = ['model.dModel=512', 'model.dFf=2048', 'train.maxTokens=20000', 'model.numEncoderLayers=3'];
    const settings = large.flatMap((setting) => ['--set', setting]);
    assert.match(
      refusal(
        ['train', '-c', 'config.yaml', '--run', 'no-native', '--backend', 'native', '--ignore-memory', ...settings],
        {
          limits: 'export OMP_NUM_THREADS=1; ulimit -v 2500000',
        },
      ),
      /^coldstart: there is not enough memory \(out of memory: the system refused \d+ bytes in addition to \d+ bytes of live tensors\)\. Use smaller batches/,
    );
  });
});

test('a path through a file, and a name that is too long', () => {
  const long = 'x'.repeat(300);
  assert.match(refusal(['report', 'config.yaml/x']), /^coldstart: config\.yaml\/x holds no ablation .* and no run /);
  assert.match(
    refusal(['translate', '--run', 'config.yaml/x', '--input', 'text/test.de']),
    /cannot be read: a part of the path is a file, a folder was expected \(ENOTDIR\)|is not a run: it has no config/,
  );
  for (const args of [
    ['report', long],
    ['watch', long],
    ['average', '--run', long, '--out', 'a.safetensors'],
    ['train', '-c', 'config.yaml', '--run', long],
  ])
    assert.match(refusal(args), /cannot be .*: the name is too long \(ENAMETOOLONG\)\. Choose a shorter name\.$/);
});
