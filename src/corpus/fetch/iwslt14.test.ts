import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { testSets, writeIwsltArchive, type Sides } from '../../../test/iwsltArchive.js';
import { bpeCodesText, learnBpe } from '../../text/subwords/learnBpe.js';
import { fetchCorpus } from './fetchCorpus.js';
import { pairOf, readRecipe } from './readRecipe.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'coldstart-iwslt14-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const recipe = readRecipe('iwslt14');
const pair = pairOf(recipe);
const corpora = (): string => join(folder, 'corpora');
const read = (name: string): string => readFileSync(join(corpora(), 'iwslt14-de-en', name), 'utf8');
const linesOf = (name: string): string[] => read(name).split('\n').slice(0, -1);
const both = (lines: readonly string[]): Sides => ({ de: lines, en: lines });

test('the file set of prepare-iwslt14.sh from an archive of the real layout', async () => {
  const talk = (metadata: string): string[] => [
    '<url>http://www.ted.com/talks/x</url>',
    `<keywords>${metadata}</keywords>`,
    '<talkid>1</talkid>',
    `<title>${metadata}: Ein Titel</title>`,
    `<description>TED Talk: Er sagte, "es geht".</description>`,
  ];
  const sentences = Array.from({ length: 50 }, (_, i) => ` Das ist Satz Nr. ${i}, der (hoffentlich) bleibt. `);
  const removed = [
    ['', 'empty here'],
    ['eins zwei drei vier', 'one two'],
    [Array.from({ length: 176 }, () => 'x').join(' '), Array.from({ length: 150 }, () => 'y').join(' ')],
  ];
  const train = {
    de: [...talk('a'), ...sentences.slice(0, 10), ...removed.map(([de]) => de), ...sentences.slice(10)],
    en: [...talk('b'), ...sentences.slice(0, 10), ...removed.map(([, en]) => en), ...sentences.slice(10)],
  };
  const tests = testSets.map((set) => both([`Wir sind’s, R&amp;D von ${set}!`, '„Ja“, sagte er.']));
  const archive = writeIwsltArchive(folder, train, tests);
  const notes: string[] = [];
  const {
    folder: written,
    status,
    manifest,
  } = await fetchCorpus(recipe, pair, { dir: corpora(), fromLocal: archive, onNote: (note) => notes.push(note) });
  assert.equal(status, 'written');
  assert.match(notes[0], /is not the file that the recipe knows: its size is \d+, expected 19982877/);
  // title, description and 50 sentences are kept: number 23 and 46 are held out
  assert.deepEqual(manifest.counts, {
    raw: { train: 55, test: 10 },
    tok: { train: 50, valid: 2, test: 10 },
    bpe: { train: 50, valid: 2, test: 10 },
  });
  assert.deepEqual(
    readdirSync(written, { recursive: true }).sort(),
    [
      'bpe',
      'bpe/code',
      ...['test', 'train', 'valid'].flatMap((set) => [`bpe/${set}.de`, `bpe/${set}.en`]),
      'manifest.json',
      'raw',
      'raw/test.de',
      'raw/test.en',
      'raw/train.de',
      'raw/train.en',
      'tok',
      ...['test', 'train', 'valid'].flatMap((set) => [`tok/${set}.de`, `tok/${set}.en`]),
    ].sort(),
  );
  assert.deepEqual(linesOf('raw/train.de').slice(0, 3), [
    'a: Ein Titel',
    'TED Talk: Er sagte, "es geht".',
    'Das ist Satz Nr. 0, der (hoffentlich) bleibt.',
  ]);
  assert.deepEqual(linesOf('tok/train.de').slice(0, 3), [
    'a : ein titel',
    'ted talk : er sagte , &quot; es geht &quot; .',
    'das ist satz nr. 0 , der ( hoffentlich ) bleibt .',
  ]);
  assert.deepEqual(
    linesOf('tok/valid.de'),
    [20, 43].map((i) => `das ist satz nr. ${i} , der ( hoffentlich ) bleibt .`),
  );
  assert.deepEqual(
    linesOf('tok/valid.en').map((line) => / (\d+) /.exec(line)![1]),
    ['20', '43'],
  );
  // the script leaves references as they are, so that the tokeniser takes "&amp;" apart; ’ becomes ' first
  assert.deepEqual(linesOf('tok/test.de').slice(0, 2), [
    'wir sind &apos;s , r &amp; amp ; d von ted.dev2010 !'.replace('sind &apos;s', 'sind &apos; s'),
    '„ ja “ , sagte er .',
  ]);
  assert.equal(linesOf('tok/test.en')[2].includes('tedx.dev2012'), true);

  const words = new Map<string, number>();
  for (const line of [...linesOf('tok/train.de'), ...linesOf('tok/train.en')])
    for (const word of line.split(' ')) words.set(word, (words.get(word) ?? 0) + 1);
  assert.equal(
    read('bpe/code'),
    bpeCodesText(learnBpe(words, { numMerges: 10_000 })),
    'merges are those of the training set alone',
  );
  for (const set of ['train', 'valid', 'test'])
    for (const language of ['de', 'en'])
      assert.equal(read(`bpe/${set}.${language}`).replaceAll('@@ ', ''), read(`tok/${set}.${language}`));

  const again = await fetchCorpus(recipe, pair, { dir: corpora(), fromLocal: archive });
  assert.equal(again.status, 'upToDate');
  await assert.rejects(
    fetchCorpus(recipe, pair, { dir: corpora(), fromLocal: archive, rawOnly: true }),
    /was made from other files or by other steps\. Run with --force/,
  );
  const raw = await fetchCorpus(recipe, pair, { dir: corpora(), fromLocal: archive, rawOnly: true, force: true });
  assert.deepEqual(raw.manifest.counts, { raw: { train: 55, test: 10 } });
  assert.deepEqual(readdirSync(written).sort(), ['manifest.json', 'raw']);
});

test('sides of different lengths are refused, and nothing is left', async () => {
  const archive = writeIwsltArchive(
    folder,
    { de: ['eins', 'zwei'], en: ['one'] },
    testSets.map(() => both(['x'])),
  );
  await assert.rejects(
    fetchCorpus(recipe, pair, { dir: corpora(), fromLocal: archive }),
    /train\.tags\.de-en\.de has 2, .*train\.tags\.de-en\.en has 1\./,
  );
  assert.deepEqual(readdirSync(corpora()), []);
});
