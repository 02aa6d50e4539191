import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkOutputs } from '../storage/checkOutputs.js';

const main = fileURLToPath(new URL('main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coldstart-outputs-'));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'file'), 'x\n');
mkdirSync(join(folder, 'folder'));
writeFileSync(
  join(folder, 'corpus.yaml'),
  'corpus: { dir: made, train: { src: none, trg: none }, subwords.method: none }\n',
);

const run = (args: readonly string[]) =>
  spawnSync(process.execPath, [main, ...args], { cwd: folder, input: '', encoding: 'utf8' });

test('outputs are checked before the work: every command reports them before its missing input', () => {
  const out = join('file', 'out');
  for (const args of [
    ['corpus', 'learn-bpe', '-i', 'none', '-o', out],
    ['corpus', 'get-vocab', '-i', 'none', '-o', out],
    ['corpus', 'learn-spm', '-i', 'none', '-o', `${out}.model`],
    ['corpus', 'train-truecaser', '--input', 'none', '--model', out],
    ['corpus', 'tokenize', '--input', 'none', '--output', out],
    ['corpus', 'clean', '--src', 'none', '--trg', 'none', '--out-src', 'a', '--out-trg', out],
    ['corpus', 'extract', '--src', 'none', '--trg', 'none', '--out-src', out, '--out-trg', 'b'],
    ['corpus', 'stats', '--src', 'none', '--trg', 'none', '--html', out],
    ['corpus', 'export-tokenizer', '--corpus', 'none', '--out', out],
    ['corpus', 'fetch', 'iwslt14', '--from-local', 'none', '--dir', out],
    ['corpus', 'synth', '--pairs', '10000000', '--out', out],
    ['corpus', 'prepare', '-c', 'corpus.yaml', '--set', `corpus.dir=${out}`],
    ['average', '--run', 'none', '--out', out],
    ['export', '--run', 'none', '--format', 'transformers-js', '--out', out],
    ['gradinit', '-c', 'none', '--out', `${out}.safetensors`],
    ['report', 'none', '--out', `${out}.csv`],
    ['translate', '--run', 'none', '--output', out],
    ['score', '--ref', 'none', '--hyp', 'none', 'none', '--diagnosis', out],
  ]) {
    const { status, stderr } = run(args);
    assert.match(
      stderr,
      /file\/out\S* cannot be written: \S+\/file is a file, expected a folder\. Choose another place\. \[WRITE_FAILED\]\n$/,
      args.join(' '),
    );
    assert.equal(status, 1, args.join(' '));
  }
  assert.deepEqual(readdirSync(folder).sort(), ['corpus.yaml', 'file', 'folder']);
});

test('a report is not written into a file whose ending names another format, or none', () => {
  for (const out of ['r.pdf', 'r.xhtml', 'html']) {
    const { status, stderr } = run(['report', 'none', '--out', out]);
    assert.equal(
      stderr,
      `coldstart: --out is ${out}, expected a file that ends in .html, .md, .csv, .json. Choose one of these, or name the format with --format. [USAGE]\n`,
    );
    assert.equal(status, 2);
  }
  assert.match(run(['report', 'none', '--out', 'r.MD']).stderr, /^coldstart: none holds no ablation/);
  assert.match(
    run(['report', 'none', '--out', 'r.pdf', '--format', 'md']).stderr,
    /^coldstart: none holds no ablation/,
  );
});

test('more translations than the beam are rejected', () => {
  const { status, stderr } = run(['translate', '--checkpoint', 'none', '--nbest', '9']);
  assert.equal(
    stderr,
    'coldstart: --nbest is 9, but a beam of 5 finds at most 5 translations of a line. Use --beam 9, or a smaller --nbest. [USAGE]\n',
  );
  assert.equal(status, 2);
});

test('names that cannot become files', () => {
  const at = (name: string): string => join(folder, name);
  const isFolder = {
    name: 'UsageError',
    message: /folder\/? is the name of a folder, expected that of the file to write/,
  };
  assert.throws(() => checkOutputs([at('folder')]), isFolder);
  assert.throws(() => checkOutputs([`${at('new-folder')}/`]), isFolder);
  assert.throws(
    () => checkOutputs([at('a'), at('folder/../a')]),
    /folder\/\.\.\/a is to be written twice|a is to be written twice/,
  );
  assert.throws(() => checkOutputs([at('file')]), { code: 'FILE_EXISTS' });
  assert.throws(
    () => checkOutputs([at('x'.repeat(256))]),
    /x cannot be written: the name is too long \(ENAMETOOLONG\)/,
  );
  assert.throws(
    () => checkOutputs(['/proc/none/out']),
    /\/proc\/none\/out cannot be written: \/proc takes no new files/,
  );
  checkOutputs([at('file')], { replace: true });
  checkOutputs([at('folder')], { kind: 'folder', replace: true });
  checkOutputs([at('not/yet/there')]);
  assert.deepEqual(readdirSync(folder).sort(), ['corpus.yaml', 'file', 'folder'], 'nothing is left behind');
});
