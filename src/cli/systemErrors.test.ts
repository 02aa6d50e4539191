import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
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
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeRealCorpus } from '../../test/realAblation.js';

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
  assert.doesNotMatch(stderr, /defect|\n {4}at |Error:|undefined/);
  return stderr.trimEnd().split('\n').at(-1)!;
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
const isFolder = 'it is a folder, a file was expected (EISDIR). Name a file, or remove the folder.';
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

test('too many open files', () => {
  assert.match(
    refusal(['score', '--ref', 'text/test.en', '--hyp', 'text/test.de'], { limits: 'ulimit -n 27' }),
    /^coldstart: .* cannot be opened: too many files are open \(EMFILE\)\. Close other programs, or raise the limit \("ulimit -n"\), and run the command again\.$/,
  );
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
