import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { wordOf, writeReversingRun } from '../../test/reversingRun.js';

const program = fileURLToPath(new URL('./main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coldstart-translate-'));
after(() => rmSync(folder, { recursive: true }));

function translate(args: readonly string[], input = ''): { stdout: string; stderr: string; status: number | null } {
  const all = [program, 'translate', '--backend', 'wasm', ...args];
  return spawnSync(process.execPath, all, { cwd: folder, input, encoding: 'utf8' });
}

function ok(args: readonly string[], input: string): string {
  const { stdout, stderr, status } = translate(args, input);
  assert.equal(status, 0, stderr);
  return stdout;
}

const tokenised = [39, 11, 37, 25, 70, 87, 6, 58].map(wordOf).join(' ');

describe('translate', () => {
  before(() => {
    writeReversingRun(join(folder, 'run'));
    writeReversingRun(join(folder, 'other'), {
      change: (_name, data) => data.map((value, i) => value * (1 + 0.05 * Math.sin(i))),
      // versions before this one let runs begin with settings that have no effect
      settings: { 'train.validateBleu': false, 'train.validateBleuSentences': 200 },
    });
    writeReversingRun(join(folder, 'foreign'), { words: (id) => `x${id}` });
  });

  test('the parameters that --use average takes instead are named', () => {
    const { stderr, status } = translate(['--run', 'run', '--use', 'average'], tokenised);
    assert.match(stderr, /best\.safetensors: best of validation; no checkpoint was kept, an average needs two\.\n/);
    assert.equal(status, 0);
  });

  test('raw text by default, words with --tokenized', () => {
    const raw = 'Hund, w37 w25 w70 w87 w6.\n';
    assert.equal(ok(['--run', 'run', '--beam', '1'], raw), 'W6 w87 w70 w25 w37, hund\n');
    assert.equal(
      ok(['--run', 'run', '--beam', '1', '--tokenized'], `${tokenised}\r\n\n`),
      'w6 w87 w70 w25 w37 , hund\n\n',
    );
  });

  test('JSON says what the model thinks of every token', () => {
    const { source, translations } = JSON.parse(
      ok(['--run', 'run', '--beam', '1', '--json', '--tokenized'], tokenised),
    ) as {
      source: string;
      translations: {
        text: string;
        score: number;
        logProbability: number;
        tokens: { text: string; logProbability: number }[];
      }[];
    };
    assert.equal(source, tokenised);
    const [{ text, score, logProbability, tokens }] = translations;
    assert.equal(text, 'w6 w87 w70 w25 w37 , hund');
    assert.ok(Math.abs(logProbability + 5.65127162029) < 1e-4);
    assert.ok(Math.abs(score - logProbability / 8) < 1e-9);
    assert.deepEqual(
      tokens.map((token) => token.text),
      [...text.split(' '), '</s>'],
    );
  });

  test('--score-target prints the score of every given translation', () => {
    writeFileSync(join(folder, 'given.txt'), `w6 w87 w70 w25 w37 , hund\n\n${tokenised}\n`);
    const sources = `${tokenised}\n\n${tokenised}\n`;
    const args = ['--run', 'run', '--tokenized', '--score-target', 'given.txt'];
    const [known, empty, other] = ok(args, sources).trimEnd().split('\n');
    assert.equal(known, (-5.65127162029 / 8).toFixed(4));
    assert.equal(empty, '0.0000');
    assert.ok(Number(other) < -2, other);
    assert.equal(ok([...args, '--lenpen', '0', '--buffer', '1'], sources).split('\n')[0], (-5.65127162029).toFixed(4));
    writeFileSync(join(folder, 'sources.txt'), sources);
    ok([...args, '--input', 'sources.txt', '--output', 'scores.txt'], '');
    assert.equal(readFileSync(join(folder, 'scores.txt'), 'utf8'), `${known}\n${empty}\n${other}\n`);
    for (const flag of ['--beam', '--nbest', '--max-source-tokens']) {
      const { stderr, status } = translate([...args, flag, '2'], sources);
      assert.match(
        stderr,
        new RegExp(
          `^coldstart: ${flag} has no effect with --score-target, which scores given translations and does not search\\.`,
        ),
      );
      assert.equal(status, 2);
    }
    writeFileSync(join(folder, 'long.txt'), `${'w36 '.repeat(200_000)}\n`);
    const long = translate(['--run', 'run', '--tokenized', '--score-target', 'long.txt'], `${tokenised}\n`);
    assert.match(
      long.stderr,
      /^coldstart: target line 1 has 200001 tokens, at most 10000 can be scored: the memory of attention grows/,
    );
    assert.equal(long.status, 1);
    const uneven = translate(args, `${tokenised}\n`);
    assert.match(uneven.stderr, /standard input has 1, given\.txt has 3\. Line i of one must be the translation/);
    assert.equal(uneven.status, 1);
    // of two files the numbers of lines are compared before any line is scored
    writeFileSync(join(folder, 'one.txt'), `${tokenised}\n`);
    const unevenFiles = translate([...args, '--input', 'one.txt']);
    assert.equal(unevenFiles.stdout, '');
    assert.match(
      unevenFiles.stderr,
      /^coldstart: the two sides .*: one\.txt has 1, given\.txt has 3\. Line i of one must/,
    );
    assert.equal(unevenFiles.status, 1);
  });

  test('a choice among the checkpoints of a run is refused for a checkpoint, and bounds by the option', () => {
    for (const command of ['translate', 'serve']) {
      const args = [program, command, '--checkpoint', join('run', 'checkpoints', 'best.safetensors'), '--use', 'best'];
      const { stdout, stderr, status } = spawnSync(process.execPath, args, {
        cwd: folder,
        input: '',
        encoding: 'utf8',
      });
      assert.equal(
        stderr,
        'coldstart: --use chooses among the checkpoints of a run: give it with --run. [USAGE]\n',
        command,
      );
      assert.deepEqual([stdout, status], ['', 2]);
    }
    for (const [option, value, accepted] of [
      ['--max-source-tokens', '1', 'an integer from 2 to 10000'],
      ['--max-source-tokens', '10001', 'an integer from 2 to 10000'],
      ['--buffer', '1000000001', 'an integer from 1 to 1000000000'],
    ]) {
      const { stderr, status } = translate(['--run', 'run', option, value]);
      assert.ok(
        stderr.includes(`'${option} <`) && stderr.includes(`'${value}' is invalid. Expected ${accepted}.`),
        stderr,
      );
      assert.equal(status, 2);
    }
    assert.equal(ok(['--run', 'run', '--beam', '1', '--max-source-tokens', '2', '--tokenized'], tokenised), 'hund\n');
  });

  test('several runs are an ensemble; their vocabularies must be the same', () => {
    const nbest = ['--nbest', '2', '--tokenized'];
    const single = ok(['--run', 'run', ...nbest], tokenised);
    assert.equal(ok(['--run', 'run', '--run', 'run', ...nbest], tokenised), single);
    const mixed = ok(['--run', 'run', '--run', 'other', ...nbest], tokenised);
    assert.notEqual(mixed, single);
    assert.equal(ok(['--run', 'other', '--run', 'run', ...nbest], tokenised), mixed);
    const { stderr, status } = translate(['--run', 'run', '--run', 'foreign'], tokenised);
    assert.match(
      stderr,
      /^coldstart: run and foreign cannot translate together: their target vocabularies differ \(entry 4 is "w4" and "x4"\)/,
    );
    assert.equal(status, 2);
  });
});
