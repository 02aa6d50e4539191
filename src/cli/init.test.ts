import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../config/loadConfig.js';
import { trainOptions } from '../config/trainOptions.js';
import { startingConfig } from '../config/startingConfig.js';
import { generateCorpus } from '../corpus/synth/generateCorpus.js';

const main = fileURLToPath(new URL('./main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coldstart-init-'));
after(() => rmSync(folder, { recursive: true }));

function coldstart(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8' });
}

const lines = (name: string): string[] => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n');

describe('coldstart init', () => {
  const { train } = generateCorpus({ pairs: 400, validPairs: 1, testPairs: 1, seed: 3 });
  const pairs = [...train];
  writeFileSync(join(folder, 'own.de'), pairs.map(({ de }) => `${de}\n`).join(''));
  writeFileSync(join(folder, 'own.en'), pairs.map(({ en }) => `${en}\n`).join(''));
  writeFileSync(join(folder, 'short.en'), 'one line\n');
  writeFileSync(join(folder, 'words.txt'), 'a\n');

  test('holds out a test set, writes a configuration that prepares, and names the two next commands', () => {
    const { status, stdout, stderr } = coldstart('init', '--src', 'own.de', '--trg', 'own.en');
    assert.equal(status, 0, stderr);
    assert.match(
      stdout,
      /^de-en\.yaml written, for 380 training pairs; 20 are held out as the test set in runs\/data\/de-en\/text\.\nThe first pair:\n {2}de: \S.*\n {2}en: \S.*\nNext:\n {2}npx coldstart corpus prepare -c de-en\.yaml\n {2}npx coldstart train -c de-en\.yaml\n$/,
    );
    const every = pairs.map((pair, i) => ({ ...pair, isHeldOut: (i + 1) % 20 === 0 }));
    const [kept, held] = [false, true].map((isHeldOut) => every.filter((pair) => pair.isHeldOut === isHeldOut));
    assert.deepEqual(
      lines('runs/data/de-en/text/train.de'),
      kept.map(({ de }) => de),
    );
    assert.deepEqual(
      lines('runs/data/de-en/text/test.en'),
      held.map(({ en }) => en),
    );
    assert.equal(lines('own.de').length, 400);
    const prepared = coldstart('corpus', 'prepare', '-c', 'de-en.yaml', '--set', 'corpus.subwords.merges=200');
    assert.equal(prepared.status, 0, prepared.stderr);
    const { corpus, model, decode } = loadConfig(join(folder, 'de-en.yaml'));
    assert.deepEqual(
      [corpus.dir, corpus.subwords.merges, corpus.holdOutEvery, model.arch, decode.bleu],
      [join(folder, 'runs/data/de-en/prepared'), 500, 20, 'tiny', 'sacrebleu'],
    );
    assert.ok(existsSync(join(corpus.dir!, 'manifest.json')));
  });

  test('a name with special characters is quoted in the configuration and in the commands', () => {
    const { status, stdout, stderr } = coldstart(
      'init',
      '--src',
      'own.de',
      '--trg',
      'own.en',
      '--out',
      "a b #c: it's.yaml",
    );
    assert.equal(status, 0, stderr);
    assert.match(stdout, / -c 'a b #c: it'\\''s\.yaml'\n$/);
    const { corpus } = loadConfig(join(folder, "a b #c: it's.yaml"));
    assert.equal(corpus.train.src, join(folder, "runs/data/a b #c: it's/text/train.de"));
    assert.equal(corpus.dir, join(folder, "runs/data/a b #c: it's/prepared"));
  });

  test('--start cold writes a configuration without a warmup, whose other settings are the same', () => {
    const { status, stderr } = coldstart(
      'init',
      '--src',
      'own.de',
      '--trg',
      'own.en',
      '--out',
      'cold.yaml',
      '--start',
      'cold',
    );
    assert.equal(status, 0, stderr);
    const [warmup, cold] = ['de-en.yaml', 'cold.yaml'].map((name) => loadConfig(join(folder, name)));
    assert.deepEqual([trainOptions(cold).warmupInitLr, cold.gradinit.algorithm], [-1, 'adam']);
    const { corpus: _, ...others } = cold;
    const { corpus: __, ...expected } = warmup;
    assert.deepEqual({ ...others, gradinit: warmup.gradinit }, expected);
  });

  test('files in another encoding are refused, and leave nothing behind', () => {
    const lines = Array.from({ length: 200 }, (_, i) => `Zeile ${i}${i % 50 === 0 ? ' sch\xf6n' : ''}\n`).join('');
    writeFileSync(join(folder, 'latin.de'), Buffer.from(lines, 'latin1'));
    writeFileSync(join(folder, 'latin.en'), lines.replaceAll('\xf6', 'oe'));
    const { status, stderr } = coldstart('init', '--src', 'latin.de', '--trg', 'latin.en', '--out', 'latin.yaml');
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^coldstart: 4 of the 200 pairs of latin\.de and latin\.en are not valid UTF-8\. Convert the files first, e\.g\. iconv/,
    );
    assert.ok(!existsSync(join(folder, 'latin.yaml')) && !existsSync(join(folder, 'runs/data/latin')));
  });

  test('overwrites nothing', () => {
    const before = readFileSync(join(folder, 'de-en.yaml'), 'utf8');
    const again = coldstart('init', '--src', 'own.de', '--trg', 'own.en');
    assert.deepEqual([again.status, again.stdout], [1, '']);
    assert.match(
      again.stderr,
      /^coldstart: de-en\.yaml is there already, and init overwrites nothing\. Choose another name with --out/,
    );
    const other = coldstart('init', '--src', 'own.de', '--trg', 'own.en', '--out', 'de-en.yml');
    assert.match(other.stderr, /runs\/data\/de-en is there already/);
    assert.equal(readFileSync(join(folder, 'de-en.yaml'), 'utf8'), before);
  });

  const refused: [string, string[], number, RegExp][] = [
    [
      'no language',
      ['--src', 'words.txt', '--trg', 'own.en'],
      2,
      /which language is words\.txt\? .* name it with --src-lang\./,
    ],
    [
      'one language',
      ['--src', 'own.de', '--trg', 'own.en', '--trg-lang', 'de'],
      2,
      /both files are of the language de\./,
    ],
    [
      'one language in other letters',
      ['--src', 'own.de', '--trg', 'own.en', '--trg-lang', 'DE'],
      2,
      /both files are of the language de\./,
    ],
    [
      'no code',
      ['--src', 'own.de', '--trg', 'own.en', '--src-lang', '../x'],
      2,
      /--src-lang is "\.\.\/x", expected the code/,
    ],
    [
      'other numbers of lines',
      ['--src', 'own.de', '--trg', 'short.en', '--out', 'a.yaml'],
      1,
      /own\.de.*400|400.*own\.de/s,
    ],
    [
      'too few pairs',
      ['--src', 'words.txt', '--src-lang', 'de', '--trg', 'short.en', '--out', 'b.yaml'],
      1,
      /have 1 pair, expected at least 100/,
    ],
    ['a folder', ['--src', 'own.de', '--trg', '.'], 2, /^coldstart: \. is a folder, expected a file with one sentence/],
    [
      'columns',
      ['--src', 'a b.tsv', '--trg', 'a b.tsv', '--src-lang', 'fr'],
      2,
      /^coldstart: a b\.tsv is a file of the format tsv, expected text with one sentence per line\. Extract the sentences first: npx coldstart corpus extract --input 'a b\.tsv' --out-src corpus\.fr --out-trg corpus\.en \(the endings are the languages' codes\)\. \[USAGE\]\n$/,
    ],
    [
      'a packed translation memory',
      ['--src', 'own.de', '--trg', 'm.tmx.gz'],
      2,
      /^coldstart: m\.tmx\.gz is a file of the format tmx, .* --input m\.tmx\.gz --out-src corpus\.de --out-trg corpus\.en /,
    ],
    [
      'two XML files',
      ['--src', 'x.de.xml', '--trg', 'x.en.xml'],
      2,
      /^coldstart: x\.de\.xml is a file of the format segments.* --src x\.de\.xml --trg x\.en\.xml --out-src corpus\.de /,
    ],
    [
      'a format that nothing reads',
      ['--src', 'own.csv', '--trg', 'own.en'],
      2,
      /^coldstart: own\.csv is not a text file with one sentence per line\. Write the sentences of each/,
    ],
    [
      'one file for both sides',
      ['--src', 'own.de', '--trg', './own.de', '--trg-lang', 'en'],
      2,
      /^coldstart: --src and --trg both name own\.de, expected a file for each language\./,
    ],
    ['no file', ['--src', 'none.de', '--trg', 'own.en', '--out', 'c.yaml'], 1, /none\.de/],
    [
      'no YAML',
      ['--src', 'own.de', '--trg', 'own.en', '--out', 'mine'],
      2,
      /--out is mine, expected a name that ends in \.yaml/,
    ],
  ];
  for (const [name, args, code, message] of refused) {
    test(`refuses before it writes: ${name}`, () => {
      const { status, stderr } = coldstart('init', ...args);
      assert.match(stderr, message);
      assert.equal(status, code);
      assert.deepEqual(
        ['a', 'b', 'c'].filter((own) => existsSync(join(folder, 'runs/data', own))),
        [],
      );
    });
  }

  test('model and subwords grow with the corpus, and every starting configuration can be read', () => {
    const found = [500, 5000, 50_000, 300_000, 5_000_000].map((pairs) => {
      const path = join(folder, `size-${pairs}.yaml`);
      const dirs = { textDir: 'text', preparedDir: 'prepared' };
      writeFileSync(path, startingConfig({ srcLang: 'de', trgLang: 'en', pairs, testPairs: 25, ...dirs }));
      const { model, corpus, train } = loadConfig(path);
      const { maxTokens, updateFreq, maxUpdates, validateEveryUpdates } = train;
      return [
        model.arch,
        corpus.subwords.merges,
        corpus.holdOutEvery,
        maxTokens * updateFreq,
        maxUpdates,
        validateEveryUpdates,
      ];
    });
    assert.deepEqual(found, [
      ['tiny', 500, 20, 1024, 1000, 100],
      ['tiny', 2000, 20, 2048, 3000, 200],
      ['tiny', 8000, 25, 8192, 8000, 400],
      ['iwslt', 10_000, 150, 4096, 30_000, 1000],
      ['base', 32_000, 2500, 32_768, 100_000, 2000],
    ]);
  });
});
