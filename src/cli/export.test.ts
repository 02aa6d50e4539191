import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeSampleCheckpoint } from '../../test/exportSample.js';

const main = fileURLToPath(new URL('main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coldstart-cli-export-'));
after(() => rmSync(folder, { recursive: true }));

const cli = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8' });
const ok = (...args: string[]): { stdout: string; stderr: string } => {
  const { status, stdout, stderr } = cli(...args);
  assert.equal(status, 0, `${args.join(' ')}\n${stderr}`);
  return { stdout, stderr };
};
writeSampleCheckpoint(join(folder, 'sample'));
const sample = ['export', '--checkpoint', join('sample', 'model.safetensors'), '--format', 'transformers-js'];

test('mistakes are reported before any work, with exit status 2', () => {
  for (const [args, message] of [
    [
      ['export', '--format', 'transformers-js', '--out', 'x'],
      /^coldstart: name what to export: either --run DIR or --checkpoint FILE\. \[USAGE\]\n$/,
    ],
    [
      ['export', '--run', 'none', '--format', 'pytorch', '--out', 'x'],
      /option '--format <name>' argument 'pytorch' is invalid\. Allowed choices are transformers-js/,
    ],
    [['export', '--run', 'none', '--out', 'x'], /required option '--format <name>' not specified/],
    [
      [...sample, '--out', 'x', '--dtype', 'fp32', 'int3'],
      /^coldstart: --dtype is "int3", expected one of fp32, fp16, q8, q4 for --format transformers-js\. \[USAGE\]\n$/,
    ],
    [
      [...sample, '--out', 'x', '--dtype', 'q8', 'q8'],
      /^coldstart: --dtype names q8 twice\. Name each dtype once\. \[USAGE\]\n$/,
    ],
    [
      [...sample, '--out', 'x', '--use', 'best'],
      /^coldstart: --use chooses among the checkpoints of a run: give it with --run\. \[USAGE\]\n$/,
    ],
    [
      [...sample, '--out', 'x', '--license', 'Apache 2'],
      /argument 'Apache 2' is invalid\. Expected an identifier in small letters, e\.g\. apache-2\.0/,
    ],
    [
      ['demo', '--checkpoint', join('sample', 'model.safetensors'), '--out', 'x', '--license', 'MIT License'],
      /argument 'MIT License' is invalid\. Expected an identifier in small letters, e\.g\. apache-2\.0/,
    ],
  ] as const) {
    const { status, stderr } = cli(...args);
    assert.match(stderr, message, args.join(' '));
    assert.equal(status, 2, args.join(' '));
  }
  assert.deepEqual(readdirSync(folder), ['sample']);
});

test('a checkpoint: files, what is printed, and what a second export does', () => {
  const { stdout, stderr } = ok(...sample, '--out', 'out', '--license', 'mit');
  assert.match(stdout, /^ {6,8}[1-9]\d*\.\d kB {2}README\.md\n/);
  assert.match(stdout, /\nout: 10 files for @huggingface\/transformers, .* Its README\.md says how to load it\.\n$/);
  assert.equal(stderr, 'The model card has no greedy score: a checkpoint alone has no test set.\n');
  assert.deepEqual(readdirSync(join(folder, 'out', 'onnx')), [
    'decoder_model_merged.onnx',
    'decoder_model_merged_quantized.onnx',
    'encoder_model.onnx',
    'encoder_model_quantized.onnx',
  ]);
  const again = cli(...sample, '--out', 'out');
  assert.equal(
    again.stderr,
    'coldstart: out holds an export already. Replace it with --force, or choose another folder with --out. [FILE_EXISTS]\n',
  );
  assert.equal(again.status, 1);
  for (const flags of [
    ['--run', 'out'],
    ['--checkpoint', 'out'],
  ]) {
    const translated = cli('translate', ...flags);
    assert.equal(
      translated.stderr,
      'coldstart: out is an export in the format transformers-js, for other programs. coldstart opens runs and checkpoints: name the run that it was made from. Of exports only those of the format huggingface can become checkpoints again, with "coldstart import". [USAGE]\n',
    );
    assert.equal(translated.status, 2);
  }
  const replaced = JSON.parse(ok(...sample, '--out', 'out', '--force', '--dtype', 'q8', '--json').stdout) as {
    dtypes: string[];
    files: Record<string, { bytes: number }>;
  };
  assert.deepEqual(replaced.dtypes, ['q8']);
  assert.deepEqual(Object.keys(replaced.files), [
    'README.md',
    'config.json',
    'generation_config.json',
    'onnx/decoder_model_merged_quantized.onnx',
    'onnx/encoder_model_quantized.onnx',
    'special_tokens_map.json',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  assert.equal(existsSync(join(folder, 'out', 'onnx', 'encoder_model.onnx')), false);
});

test('a run: the card has its beam score, and a greedy one from the prepared corpus while that is the same', () => {
  ok('corpus', 'synth', '--pairs', '60', '--out', 'text');
  writeFileSync(
    join(folder, 'run.yaml'),
    `corpus:
  dir: prepared
  srcLang: de
  trgLang: en
  train: { src: text/train.de, trg: text/train.en }
  valid: { src: text/valid.de, trg: text/valid.en }
  test: { src: text/train.de, trg: text/train.en }
  subwords: { method: none, joiner: '' }
model: { numEncoderLayers: 1, numDecoderLayers: 1, dModel: 8, dFf: 8, numHeads: 2, sharing: tied, dropout: 0 }
gradinit: { algorithm: adam, iterations: 2 }
train: { maxUpdates: 2, maxTokens: 300, keepEpochs: 0 }
decode: { beamSize: 2, checkpoint: last, maxLenA: 0, maxLenB: 4 }
backend: wasm
`,
  );
  ok('corpus', 'prepare', '-c', 'run.yaml');
  ok('train', '-c', 'run.yaml', '--run', 'run');
  const card = (out: string, ...args: string[]): { text: string; stderr: string } => {
    const { stderr } = ok(
      'export',
      '--run',
      'run',
      '--format',
      'transformers-js',
      '--dtype',
      'q8',
      '--out',
      out,
      '--backend',
      'wasm',
      ...args,
    );
    return { text: readFileSync(join(folder, out, 'README.md'), 'utf8'), stderr };
  };
  const { text, stderr } = card('a');
  const { test: scored } = JSON.parse(readFileSync(join(folder, 'run', 'scores.json'), 'utf8')) as {
    test: { bleu: number };
  };
  assert.ok(text.includes(`| beam 2, length penalty 1 | ${scored.bleu.toFixed(2)} |\n| greedy | `), text);
  assert.match(text, /language:\n {2}- de\n {2}- en\n/);
  assert.match(text, /\| initialisation \| initialised by GradInit \|/);
  const settings = (/\ngradinit:\n((?: {2}.*\n)*)/.exec(text)?.[1] ?? '').split('\n');
  for (const line of ['  algorithm: adam', '  variant: robust', '  iterations: 2', '  scaled: both'])
    assert.ok(settings.includes(line), `${line}\n${text}`);
  assert.match(text, /await pipeline\('translation', "a", \{ dtype: 'q8' \}\)/);
  assert.match(text, /\nSignature `nrefs:1\|case:mixed/);
  assert.match(
    stderr,
    /^greedy .*The model card states no licence\. Name one with --license before you publish it\.\n$/s,
  );
  assert.match(card('b', '--no-score').text, /There is no greedy score: it was not computed \(--no-score\)\./);
  renameSync(join(folder, 'prepared'), join(folder, 'moved'));
  const moved = card('c');
  assert.match(
    moved.stderr,
    /The model card has no greedy score: the prepared corpus is not where the run found it \(.*prepared\)\.\n/,
  );
  assert.doesNotMatch(moved.text, /\| greedy \|/);
});
