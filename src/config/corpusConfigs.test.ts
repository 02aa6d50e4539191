import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from './loadConfig.js';
import { prepareCorpus, type PrepareResult } from '../corpus/prepare/prepareCorpus.js';
import { openPreparedCorpus } from '../corpus/preparedCorpus.js';
import { fetchCorpus } from '../corpus/fetch/fetchCorpus.js';
import { pairOf, readRecipe } from '../corpus/fetch/readRecipe.js';
import { generateCorpus } from '../corpus/synth/generateCorpus.js';
import { synthCommandFor } from '../corpus/synth/synthCommandFor.js';
import { testSets, writeIwsltArchive, type Sides } from '../../test/iwsltArchive.js';
import { corpusFolder, prepareOptions } from './prepareOptions.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-iwslt14-'));
after(() => rmSync(folder, { recursive: true }));
// paths in the configurations are relative to their folder: beside it they find what is fetched here
cpSync(fileURLToPath(new URL('../../../configs/', import.meta.url)), join(folder, 'configs'), { recursive: true });

const config = (name: string) => loadConfig(join(folder, 'configs', name));
const prepare = (name: string): Promise<PrepareResult> => prepareCorpus(prepareOptions(config(name)), { workers: 1 });

/** An archive of the real layout; its text has capitals, punctuation, references, and pairs that cleaning removes. */
function writeArchive(): string {
  const { train, test: heldOut } = generateCorpus({ pairs: 600, validPairs: 1, testPairs: 10, seed: 5 });
  const sides = (pairs: typeof heldOut): Sides => {
    const text = (line: string): string => `${line[0].toUpperCase()}${line.slice(1)}.`.replace(' .', '');
    return {
      de: pairs.map(({ de }) => `${text(de)} „Ja“, R&amp;D!`),
      en: pairs.map(({ en }) => `${text(en)} "Yes" — it's R&amp;D!`),
    };
  };
  const { de, en } = sides([...train]);
  return writeIwsltArchive(
    folder,
    {
      de: [
        '<url>http://www.ted.com/talks/x</url>',
        '<title>Ein Titel</title>',
        ...de.slice(0, 100),
        'Viel zu kurz',
        '',
        ...de.slice(100),
      ],
      en: [
        '<url>http://www.ted.com/talks/x</url>',
        '<title>A title</title>',
        ...en.slice(0, 100),
        'this is much longer than its other side , is it',
        'nothing there',
        ...en.slice(100),
      ],
    },
    testSets.map((_, i) => sides(heldOut.slice(2 * i, 2 * i + 2))),
  );
}

test('IWSLT14 from the archive to ids: what prepare does with the raw text is what fetch and prepare do in two', async () => {
  const recipe = readRecipe('iwslt14');
  const { manifest } = await fetchCorpus(recipe, pairOf(recipe), {
    dir: join(folder, 'corpora'),
    fromLocal: writeArchive(),
  });
  assert.deepEqual(manifest.counts.bpe, { train: 575, valid: 26, test: 10 });
  await prepare('iwslt14-de-en.yaml');
  const { manifest: raw } = await prepare('iwslt14-de-en-raw.yaml');
  assert.deepEqual([raw.splits.train!.pairs, raw.splits.valid!.pairs, raw.splits.test!.pairs], [575, 26, 10]);
  assert.deepEqual(raw.splits.train!.removed, { empty: 1, ratio: 1 });

  const [segmented, own] = ['iwslt14-de-en.yaml', 'iwslt14-de-en-raw.yaml'].map((name) => corpusFolder(config(name)));
  for (const name of [
    'train.bin',
    'valid.bin',
    'test.bin',
    'vocab.src.txt',
    'vocab.trg.txt',
    'valid.src.txt',
    'test.trg.txt',
  ]) {
    assert.deepEqual(readFileSync(join(own, name)), readFileSync(join(segmented, name)), name);
  }
  assert.equal(
    readFileSync(join(own, 'subwords.src.codes'), 'utf8'),
    readFileSync(join(folder, 'corpora/iwslt14-de-en/bpe/code'), 'utf8'),
  );
  const corpus = await openPreparedCorpus(own);
  assert.match(corpus.rawText('test', 'trg')[0], /"Yes" — it's R&amp;D!$/);
  const [ids] = await corpus.pipeline.encodeSources([corpus.rawText('test', 'src')[0]]);
  assert.deepEqual(ids, corpus.dataset('test').pairs([0])[0].src, 'raw text is translated by the same steps');
  await corpus.close();
});

test('WMT14: from the raw text that fetch leaves to ids, merges learnt on the way', async () => {
  const fetched = join(folder, 'corpora/wmt14-en-de/raw');
  mkdirSync(fetched, { recursive: true });
  const { train, test: heldOut } = generateCorpus({ pairs: 400, validPairs: 1, testPairs: 5, seed: 6 });
  for (const [set, pairs] of [
    ['train', [...train]],
    ['test', heldOut],
  ] as const) {
    for (const side of ['de', 'en'] as const)
      writeFileSync(join(fetched, `${set}.${side}`), pairs.map((pair) => `${pair[side]} „well-known“\n`).join(''));
  }
  const { manifest } = await prepare('wmt14-en-de.yaml');
  assert.deepEqual(
    [manifest.splits.train!.pairs, manifest.splits.valid!.pairs, manifest.splits.test!.pairs],
    [396, 4, 5],
  );
  const corpus = await openPreparedCorpus(corpusFolder(config('wmt14-en-de.yaml')));
  assert.match(corpus.text('test', 'src')[0], / &quot; well @-@ known &quot;$/);
  assert.match(corpus.rawText('test', 'src')[0], / „well-known“$/);
  const [ids] = corpus.dataset('train').pairs([0]);
  assert.match(
    corpus.pipeline.srcVocabulary.decode(ids.src).join(' '),
    / &quot; well @-@ known &quot;$/,
    'merges reach to whole words that are frequent',
  );
  await corpus.close();
});

test('each shipped configuration without its text names the command that writes it', async () => {
  mkdirSync(join(folder, 'bare'));
  cpSync(join(folder, 'configs'), join(folder, 'bare', 'configs'), { recursive: true });
  const at = (name: string): string => join(folder, 'bare', name);
  const fetched = (recipe: string): string => `coldstart corpus fetch ${recipe} --dir ${at('corpora')}`;
  const builtin = `coldstart corpus synth --out ${at('runs/data/builtin/text')}`;
  const commands: Record<string, string> = {
    'ablate-builtin.yaml': builtin,
    'ablate-multi30k.yaml': fetched('multi30k'),
    'builtin.yaml': builtin,
    'iwslt14-de-en-raw.yaml': fetched('iwslt14'),
    'iwslt14-de-en.yaml': fetched('iwslt14'),
    'multi30k-en-de.yaml': fetched('multi30k'),
    'quickstart.yaml': builtin,
    'stability-builtin.yaml': builtin,
    'wmt14-en-de.yaml': fetched('wmt14'),
  };
  assert.deepEqual(readdirSync(at('configs')).sort(), Object.keys(commands));
  for (const [name, command] of Object.entries(commands))
    await assert.rejects(prepareCorpus(prepareOptions(loadConfig(join(at('configs'), name)))), {
      name: 'DataError',
      message: new RegExp(
        `^corpus\\.train\\.src is .*, but there is no such file\\. Get the corpus first: ${command}$`,
      ),
    });
  assert.equal(
    synthCommandFor('runs/data/builtin/text/test.en'),
    'coldstart corpus synth --out runs/data/builtin/text',
  );
  assert.equal(synthCommandFor('builtin/text/train.fr'), undefined);
  assert.equal(synthCommandFor('text/train.de'), undefined);
});
