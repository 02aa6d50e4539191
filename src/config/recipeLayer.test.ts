import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { recipeNames } from '../corpus/fetch/readRecipe.js';
import { checkRecipe, configToYaml, loadConfig } from './loadConfig.js';
import { prepareOptions } from './prepareOptions.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-recipe-'));
after(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const load = (text: string) => loadConfig(write('config.yaml', text));

test('a recipe gives languages, files and steps; the configuration wins', () => {
  const { corpus } = load(
    'recipe: { name: wmt14, pair: en-fr, dir: ../c }\ncorpus: { dir: out, letterCase: lower, clean: { maxTokens: 80 } }\n',
  );
  const text = resolve(folder, '../c/wmt14-en-fr/raw');
  assert.deepEqual([corpus.srcLang, corpus.trgLang], ['en', 'fr']);
  assert.deepEqual(corpus.train, { src: join(text, 'train.en'), trg: join(text, 'train.fr') });
  assert.deepEqual(corpus.test, { src: join(text, 'test.en'), trg: join(text, 'test.fr') });
  assert.equal(corpus.valid.src, undefined);
  assert.equal(corpus.holdOutEvery, 1333, 'the setting of the pair');
  assert.deepEqual([corpus.tokenize.method, corpus.tokenize.aggressive], ['moses', true]);
  assert.deepEqual([corpus.clean.maxTokens, corpus.clean.maxRatio, corpus.letterCase], [80, 1.5, 'lower']);
});

test('a pair in the other order exchanges the sides; without pair and folder they are the first, and corpora', () => {
  const reversed = load('recipe: { name: multi30k, pair: cs-en, dir: c }').corpus;
  assert.deepEqual([reversed.srcLang, reversed.trgLang], ['cs', 'en']);
  const text = join(folder, 'c/multi30k-en-cs/raw');
  assert.deepEqual(reversed.valid, { src: join(text, 'valid.cs'), trg: join(text, 'valid.en') });
  assert.equal(load('recipe: { name: iwslt14 }').corpus.train.src, resolve('corpora/iwslt14-de-en/raw/train.de'));
});

test('the saved configuration of a run needs no recipe', () => {
  const config = load('recipe: { name: iwslt14, dir: c }');
  assert.deepEqual(loadConfig(write('saved.yaml', configToYaml(config))), config);
});

test('a recipe replaces that of the extended configuration', () => {
  write('base.yaml', 'recipe: { name: iwslt14, dir: c }\ncorpus.maxLengthTokens: 100\n');
  const { corpus } = load('extends: base.yaml\nrecipe: { name: multi30k, dir: c }\n');
  assert.deepEqual(
    [corpus.srcLang, corpus.holdOutEvery, corpus.clean.maxTokens, corpus.normalize.lowercase, corpus.maxLengthTokens],
    ['en', undefined, undefined, true, 100],
  );
});

test("a configuration that extends another and names training files uses nothing of that one's recipe", () => {
  write('base.yaml', 'recipe: { name: iwslt14, dir: c }\ntrain.lr: 0.1\n');
  const own = load('extends: base.yaml\ncorpus: { train: { src: a, trg: b } }\n');
  assert.deepEqual([own.corpus.tokenize.method, own.corpus.test.src, own.train.lr], ['none', undefined, 0.1]);
  const moved = loadConfig(join(folder, 'base.yaml'), ['corpus.train.src=/a', 'corpus.train.trg=/b']);
  assert.deepEqual([moved.corpus.tokenize.method, moved.corpus.train.src], ['moses', '/a'], 'the same text elsewhere');
});

const ours = (corpus: string): string =>
  write(
    'ours.yaml',
    `name: ours
title: Ours
licence: Free.
pairs: { de-en: }
files: [{ name: ours/data.tgz, urls: ["https://x.example/"] }]
text: { train: [{ format: moses, src: a, trg: b }] }
corpus:
${corpus}`,
  );

test("the user's own recipe is named by its path; its paths are relative to it", () => {
  mkdirSync(join(folder, 'sub'));
  ours('  tokenize: { method: moses, srcPrefixes: prefixes }\n');
  const config = loadConfig(write('sub/config.yaml', 'recipe: { name: ../ours.yaml }\ncorpus.dir: out\n'));
  const { tokenize, train } = prepareOptions(config);
  assert.equal(tokenize!.srcPrefixes, join(folder, 'prefixes'));
  assert.equal(train.trg, resolve('corpora/ours-de-en/raw/train.en'));
});

test('faults are reported with their place, also by the command that fetches', () => {
  const faults: [string, RegExp][] = [
    [
      '  tokenise: { method: moses }',
      /ours\.yaml:8: unknown setting corpus\.tokenise; did you mean corpus\.tokenize\?/,
    ],
    [
      '  holdOutEvery: 1',
      /ours\.yaml:8: corpus\.holdOutEvery is 1, expected an integer from 2 to 1000000000 \(pairs\)/,
    ],
    [
      '  dir: out',
      /ours\.yaml:8: a recipe does not set corpus\.dir: languages and files are those of its pair, and a configuration sets corpus\.dir\. Remove it\./,
    ],
    ['  train.src: x', /ours\.yaml:8: a recipe does not set corpus\.train\.src/],
    [
      '  subwords: { merges: 9 }',
      /ours\.yaml:8: corpus\.subwords\.merges has no effect, as corpus\.subwords\.method is none/,
    ],
  ];
  for (const [corpus, message] of faults) {
    const path = ours(corpus);
    assert.throws(() => load('recipe: { name: ./ours.yaml }'), message);
    assert.throws(() => checkRecipe(path), message);
  }
  assert.throws(
    () => load('seed: 1\nrecipe: iwslt14'),
    /config\.yaml:2: recipe is "iwslt14", expected keys and values, for example \{ name: iwslt14, pair: de-en, dir: corpora \}\./,
  );
  assert.throws(
    () => load('recipe: { nam: iwslt14 }'),
    /config\.yaml:1: recipe has the unknown key "nam"; did you mean "name"\?/,
  );
  assert.throws(() => load('recipe: { name: iwslt41 }'), /no recipe is called "iwslt41"; did you mean "iwslt14"\?/);
  assert.throws(() => load('recipe: { name: wmt16, pair: de-fr }'), /wmt16 has no pair "de-fr"; there are en-de\./);
});

test('the corpus sections of the recipes of the package can be used', () => {
  for (const name of recipeNames()) checkRecipe(name);
});
