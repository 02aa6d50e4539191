import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { testSets, writeIwsltArchive, type Sides } from '../../../test/iwsltArchive.js';
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

test('the raw text of an archive of the real layout, and nothing else', async () => {
  const talk = (metadata: string): string[] => [
    '<url>http://www.ted.com/talks/x</url>',
    `<keywords>${metadata}</keywords>`,
    '<talkid>1</talkid>',
    `<title>${metadata}: Ein Titel</title>`,
    `<description>TED Talk: Er sagte, "es geht".</description>`,
  ];
  const sentences = [' Das ist Satz Nr. 1, der (hoffentlich) bleibt. ', '', 'zwei'];
  const train = { de: [...talk('a'), ...sentences], en: [...talk('b'), ...sentences] };
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
  assert.deepEqual(manifest.counts, { train: 5, test: 10 });
  const files = ['test.de', 'test.en', 'train.de', 'train.en'];
  assert.deepEqual(readdirSync(written), ['manifest.json', 'raw']);
  assert.deepEqual(readdirSync(join(written, 'raw')), files);
  assert.deepEqual(
    Object.keys(manifest.outputs),
    files.map((name) => `raw/${name}`),
  );
  assert.deepEqual(linesOf('raw/train.de'), [
    'a: Ein Titel',
    'TED Talk: Er sagte, "es geht".',
    'Das ist Satz Nr. 1, der (hoffentlich) bleibt.',
    '',
    'zwei',
  ]);
  // the script leaves references as they are; ’ becomes '
  assert.deepEqual(linesOf('raw/test.de').slice(0, 2), ["Wir sind's, R&amp;D von TED.dev2010!", '„Ja“, sagte er.']);
  assert.equal(linesOf('raw/test.en')[2].includes('TEDX.dev2012'), true);

  const again = await fetchCorpus(recipe, pair, { dir: corpora(), fromLocal: archive });
  assert.equal(again.status, 'upToDate');
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
