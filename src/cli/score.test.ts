import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { referencePath } from '../../test/reference.js';

const main = fileURLToPath(new URL('./main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coldstart-score-'));
after(() => rmSync(folder, { recursive: true }));

const refs = ['The cat sat on the mat, quietly.', 'A dog ran far away from it.', 'Birds can fly high up there.'];
writeFileSync(join(folder, 'ref'), `${refs.join('\n')}\n`);
writeFileSync(
  join(folder, 'a.hyp'),
  'The cat sat on a mat, quietly.\nA dog ran away from it.\nBirds can fly high up there.\n',
);
writeFileSync(join(folder, 'b.hyp'), 'The cat sat.\nA dog ran far away from it.\nBirds fly.\n');
writeFileSync(join(folder, 'short.hyp'), 'The cat sat.\n');

function score(args: readonly string[], input?: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, 'score', ...args], { cwd: folder, input, encoding: 'utf8' });
}

test('a system, from a file and from standard input', () => {
  const { stdout, status } = score(['--ref', 'ref', '--hyp', 'a.hyp']);
  assert.equal(status, 0);
  assert.match(
    stdout,
    /^BLEU\|nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:exp\|version:coldstart-\S+ = 70\.08 95\.7\/85\.0\/70\.6\/50\.0 \(BP = 0\.957 /,
  ); // 22 of 23, 17 of 20, 12 of 17, 7 of 14 n-grams
  assert.equal(score(['--ref', 'ref'], readFileSync(join(folder, 'a.hyp'), 'utf8')).stdout, stdout);
  const json = JSON.parse(
    score([
      '--ref',
      'ref',
      'ref',
      '--hyp',
      'a.hyp',
      '--json',
      '--metrics',
      'bleu',
      'chrf',
      '--chrf-word-order',
      '2',
      '--short',
    ]).stdout,
  ) as { name: string; signature: string; nrefs: string }[];
  assert.deepEqual(
    json.map(({ name, nrefs }) => [name, nrefs]),
    [
      ['BLEU', '2'],
      ['chrF2++', '2'],
    ],
  );
  assert.match(json[1].signature, /^#:2\|c:mixed\|e:yes\|nc:6\|nw:2\|s:no\|v:coldstart-/);
});

test('systems side by side', () => {
  const { stdout } = score([
    '--ref',
    'ref',
    '--hyp',
    'a.hyp',
    'b.hyp',
    '-m',
    'bleu',
    'ter',
    '--paired-bs',
    '--paired-bs-n',
    '50',
  ]);
  assert.match(stdout, /^System +BLEU +TER\n/);
  assert.match(stdout, /Baseline: a\.hyp +70\.08 \(μ = /);
  assert.match(stdout, /b\.hyp +\d+\.\d\d \(μ = \S+ ± \S+\) \(p = 0\.\d{4}\)/);
  assert.match(stdout, /BLEU: nrefs:1\|bs:50\|seed:12345\|/);
  assert.match(
    score(['--ref', 'ref', '--hyp', 'a.hyp', 'b.hyp', '-f', 'latex']).stdout,
    /a\.hyp & \\textbf\{70\.08\} \\\\/,
  );
});

test('sentences, tokenised BLEU and the diagnosis', () => {
  assert.equal(
    score(['--ref', 'ref', '--hyp', 'a.hyp', '--sentence-level', '-m', 'ter', '--score-only']).stdout,
    '14.29\n14.29\n0.00\n',
  ); // 1 of 7, 1 of 7, 0 of 6
  const tokenised = score(['--ref', 'ref', '--hyp', 'a.hyp', '-m', 'tokenised-bleu']);
  assert.match(tokenised.stdout, /^tokenised BLEU\|.*\|tok:none\|smooth:none\|/);
  assert.match(tokenised.stderr, /cannot be compared with BLEU of detokenised text/i);
  assert.match(
    score(['--ref', 'ref', '--hyp', 'a.hyp', 'b.hyp', '--diagnosis', '-']).stdout,
    /Lines on which the second is worse by most:\n\nline 3: 100\.00 → /,
  );
  assert.equal(score(['--ref', 'ref', '--hyp', 'a.hyp', 'b.hyp', '--diagnosis', 'd.html']).status, 0);
  assert.match(readFileSync(join(folder, 'd.html'), 'utf8'), /^<!doctype html>/);
  assert.match(
    score(['--ref', 'ref', '--hyp', 'a.hyp', 'b.hyp', '--diagnosis', 'd.html']).stderr,
    /d\.html exists already/,
  );
});

const model = referencePath('text/sentencepiece/m30k.bpe.4000.model');
test('the diagnosis uses the settings of the score above it: smoothing, seed, resamples', () => {
  const { stdout } = score([
    '--ref',
    'ref',
    '--hyp',
    'a.hyp',
    'b.hyp',
    '--smooth-method',
    'floor',
    '--smooth-value',
    '0.5',
    '--seed',
    '7',
    '--paired-bs',
    '--paired-bs-n',
    '40',
    '--diagnosis',
    '-',
  ]);
  const [, table] = /^ *b\.hyp +(\d+\.\d\d) /m.exec(stdout)!;
  const [, p] = /\(p = (\S+?)\)/.exec(stdout)!;
  const diagnosis = stdout.slice(stdout.indexOf('smooth:floor[0.50]', stdout.indexOf('p = ')));
  assert.ok(diagnosis.includes(table) && diagnosis.includes(p.slice(0, 5)), stdout);
});

test('options without effect, and output that mixes formats, are wrong usage', () => {
  const two = ['--ref', 'ref', '--hyp', 'a.hyp', 'b.hyp'];
  for (const [args, message] of [
    [['--src', 'none'], /--src and --train-src are read for a diagnosis/],
    [['--diagnosis', '-', '--train-src', 'none'], /Give --src too/],
    [['--json', '--diagnosis', '-'], /Name a file: --diagnosis FILE/],
    [['--smooth-value', '1'], /--smooth-value is for --smooth-method floor or add-k, not exp/],
    [['-w', '200'], /at most 15/],
    [
      ['-m', 'tokenised-bleu', '--tokenize', 'zh'],
      /--tokenize has no effect without -m bleu\. Add that, or leave the option out\./,
    ],
    [['-m', 'tokenised-bleu', '--smooth-method', 'floor'], /--smooth-method has no effect without -m bleu\./],
    [['--chrf-word-order', '2'], /--chrf-word-order has no effect without -m chrf\./],
    [['-m', 'bleu', 'chrf', '--ter-no-punct'], /--ter-no-punct has no effect without -m ter\./],
    [['-m', 'chrf', '--lowercase'], /--lowercase has no effect without -m bleu or tokenised-bleu\./],
    [['--joiner', '@'], /--joiner has no effect without -m tokenised-bleu\./],
    [['--paired-bs-n', '10'], /--paired-bs-n has no effect without --paired-bs or --diagnosis\./],
    [['--paired-bs', '--paired-ar-n', '10'], /--paired-ar-n has no effect without --paired-ar\./],
    [['--confidence-n', '10'], /--confidence-n has no effect without --confidence\./],
    [['--seed', '1'], /--seed has no effect without a test: --confidence, --paired-bs or --paired-ar\./],
    [['--json', '--format', 'latex'], /--json and --format latex are two forms of the output\. Choose one\./],
    [['--json', '--score-only'], /--score-only prints plain numbers, --json and --format other forms\. Choose one\./],
    [['--format', 'latex', '--score-only'], /--score-only prints plain numbers/],
    [['--diagnosis', 'new.html', '--src', 'none', '--paired-bs'], /none cannot be read/],
    [['--paired-ar', '--paired-ar-n', '100000000000'], /100000000000 shuffles of 3 lines are more than memory holds/],
  ] as const) {
    const { status, stderr, stdout } = score([...two, ...args]);
    assert.equal(status, /cannot be read/.test(stderr) ? 1 : 2, stderr);
    assert.match(stderr, message);
    assert.equal(stdout, '');
  }
  const latex = score(['--ref', 'ref', '--hyp', 'a.hyp', '--sentence-level', '--format', 'latex']);
  assert.deepEqual([latex.status, latex.stdout], [2, '']);
  assert.match(latex.stderr, /--sentence-level prints text or JSON, not LaTeX\./);
});

test('a perfect sentence of three tokens has 100 tokenised BLEU', () => {
  writeFileSync(join(folder, 'three'), 'a b c\n');
  const { stdout } = score(['--ref', 'three', '--hyp', 'three', '-m', 'tokenised-bleu', '--sentence-level', '--quiet']);
  assert.match(stdout, /\|eff:yes\|tok:none\|smooth:none\|.* = 100\.00 100\.0\/100\.0\/100\.0/);
});

test('a SentencePiece model tokenises', { skip: existsSync(model) ? false : `no model at ${model}` }, () => {
  const same = score(['--ref', 'ref', '--hyp', 'ref', '--tokenize', 'spm', '--spm-model', model]);
  assert.match(same.stdout, /\|tok:spm\|smooth:exp\|version:\S+ = 100\.00 100\.0\/100\.0\/100\.0\/100\.0 /);
  const pieces = Number(/hyp_len = (\d+)/.exec(same.stdout)![1]);
  assert.ok(pieces > refs.join(' ').split(' ').length, `${pieces} pieces`);
  writeFileSync(join(folder, 'src'), 'Die Katze.\nEin Hund.\nDie Vögel.\n'); // words that the model did not segment
  const diagnosis = score([
    '--ref',
    'ref',
    '--hyp',
    'a.hyp',
    'b.hyp',
    '--tokenize',
    'spm',
    '--spm-model',
    model,
    '--src',
    'src',
    '--diagnosis',
    '-',
  ]);
  assert.equal(diagnosis.status, 0, diagnosis.stderr);
  assert.match(diagnosis.stdout, /rarest source word/);
});

test('wrong use says what to do', () => {
  const wrong: [string[], number, RegExp][] = [
    [['--ref', 'ref', '--hyp', 'short.hyp'], 1, /short\.hyp has 1 line, ref has 3/],
    [['--ref', 'ref', '--hyp', 'none'], 1, /none cannot be read/],
    [['--ref', 'ref', '--hyp', 'a.hyp', '--paired-bs'], 2, /give --hyp at least two files/],
    [
      ['--ref', 'ref', '--hyp', 'a.hyp', '--tokenize', 'flores200'],
      2,
      /needs its SentencePiece model: --spm-model FILE/,
    ],
    [['--ref', 'ref', '--hyp', 'a.hyp', '-m', 'bleu', 'tokenised-bleu'], 2, /Score them apart/],
    [['--ref', 'ref', '--hyp', 'a.hyp', '--sentence-level', '-m', 'bleu', 'ter'], 2, /one metric and one --hyp/],
    [['--ref', 'ref', '--hyp', 'a.hyp', '--smooth-method', 'floor', '--smooth-value', '-1'], 2, /smoothValue is -1/],
  ];
  for (const [args, status, message] of wrong) {
    const found = score(args);
    assert.deepEqual([found.status, message.test(found.stderr)], [status, true], `${args.join(' ')}: ${found.stderr}`);
  }
});
