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
import { createPairCleaner } from '../text/moses/cleanPair.js';
import { createPunctuationNormalizer, lowercase } from '../text/moses/normalize.js';
import { createTokenizer } from '../text/moses/tokenize.js';
import { Bpe } from '../text/subwords/bpe.js';
import { parseBpeCodes } from '../text/subwords/bpeCodes.js';
import { bpeCodesText, learnBpe } from '../text/subwords/learnBpe.js';
import { testSets, writeIwsltArchive, type Sides } from '../../test/iwsltArchive.js';
import { corpusFolder, prepareOptions } from './prepareOptions.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-iwslt14-'));
after(() => rmSync(folder, { recursive: true }));
// paths in the configurations are relative to their folder: next to it they find the text fetched here
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

/** The steps of prepare-iwslt14.sh one after the other, by the functions that equal its programs. */
function fileSetOfScript(raw: string): { words: Map<string, string[]>; codes: string } {
  const read = (name: string): string[] => readFileSync(join(raw, name), 'utf8').split('\n').slice(0, -1);
  const tokenized = (set: string, language: string): string[] =>
    read(`${set}.${language}`).map(createTokenizer(language));
  const clean = createPairCleaner({ min: 1, max: 175, ratio: 1.5, factored: false });
  const english = tokenized('train', 'en');
  const pairs = tokenized('train', 'de').flatMap((de, i) => {
    const kept = clean(de, english[i]);
    return 'removed' in kept ? [] : [{ de: lowercase(kept.src), en: lowercase(kept.trg) }];
  });
  const isHeldOut = (_: unknown, i: number): boolean => (i + 1) % 23 === 0;
  const words = new Map<string, string[]>();
  for (const language of ['de', 'en'] as const) {
    const lines = pairs.map((pair) => pair[language]);
    words.set(`valid.${language}`, lines.filter(isHeldOut));
    words.set(
      `train.${language}`,
      lines.filter((line, i) => !isHeldOut(line, i)),
    );
    words.set(`test.${language}`, tokenized('test', language).map(lowercase));
  }
  const counts = new Map<string, number>();
  for (const line of [...words.get('train.de')!, ...words.get('train.en')!])
    for (const word of line.split(' ')) counts.set(word, (counts.get(word) ?? 0) + 1);
  return { words, codes: bpeCodesText(learnBpe(counts, { numMerges: 10_000 })) };
}

test("IWSLT14 from the archive to ids: the recipe's settings give the file set of prepare-iwslt14.sh", async () => {
  const recipe = readRecipe('iwslt14');
  const { folder: fetched, manifest } = await fetchCorpus(recipe, pairOf(recipe), {
    dir: join(folder, 'corpora'),
    fromLocal: writeArchive(),
  });
  assert.deepEqual(manifest.counts, { train: 603, test: 10 });
  const { manifest: prepared } = await prepare('iwslt14-de-en.yaml');
  const { train, valid, test: heldOut } = prepared.splits;
  assert.deepEqual([train!.pairs, valid!.pairs, heldOut!.pairs], [575, 26, 10]);
  assert.deepEqual(train!.removed, { empty: 1, ratio: 1 });

  const { words, codes } = fileSetOfScript(join(fetched, 'raw'));
  const own = corpusFolder(config('iwslt14-de-en.yaml'));
  assert.equal(readFileSync(join(own, 'subwords.src.codes'), 'utf8'), codes);
  const bpe = new Bpe(parseBpeCodes(codes, 'codes'));
  const corpus = await openPreparedCorpus(own);
  for (const [side, language] of [
    ['src', 'de'],
    ['trg', 'en'],
  ] as const) {
    for (const set of ['valid', 'test'] as const)
      assert.deepEqual(corpus.text(set, side), words.get(`${set}.${language}`), `${set}.${language}`);
    const vocabulary = side === 'src' ? corpus.pipeline.srcVocabulary : corpus.pipeline.trgVocabulary;
    const dataset = corpus.dataset('train');
    assert.deepEqual(
      dataset
        .pairs(Array.from({ length: dataset.length }, (_, row) => row))
        .map((pair) => vocabulary.decode(pair[side]).join(' ')),
      words.get(`train.${language}`)!.map((line) => bpe.segmentLine(line)),
      `train.${language}`,
    );
  }
  assert.match(corpus.rawText('test', 'trg')[0], /"Yes" — it's R&amp;D!$/);
  const [ids] = await corpus.pipeline.encodeSources([corpus.rawText('test', 'src')[0]]);
  assert.deepEqual(ids, corpus.dataset('test').pairs([0])[0].src, 'raw text is translated by the same steps');
  await corpus.close();
});

test('Multi30k: letters become lower case before punctuation and words are processed', async () => {
  const fetched = join(folder, 'corpora/multi30k-en-de/raw');
  mkdirSync(fetched, { recursive: true });
  // with capitals "Z.B." and "Art." are abbreviations, in lower case others are
  const german = ['Eine Art. Zwei Männer – z.B. hier.', 'Ein „Hund“ macht Spagat. Auf der Spitze.', 'DER HUND!'];
  for (const set of ['train', 'valid', 'test']) {
    writeFileSync(join(fetched, `${set}.de`), german.map((line) => `${line}\n`).join(''));
    writeFileSync(join(fetched, `${set}.en`), german.map((_, i) => `The “letter P.” Number ${i}.\n`).join(''));
  }
  await prepare('multi30k-en-de.yaml');
  const corpus = await openPreparedCorpus(corpusFolder(config('multi30k-en-de.yaml')));
  const [tokenize, normalize] = [createTokenizer('de'), createPunctuationNormalizer('de')];
  const wanted = german.map((line) => tokenize(normalize(lowercase(line))));
  assert.deepEqual(corpus.text('test', 'trg'), wanted);
  assert.notDeepEqual(
    wanted,
    german.map((line) => lowercase(tokenize(normalize(line)))),
    'the order matters to this text',
  );
  assert.equal(corpus.text('test', 'src')[0], 'the &quot; letter p . &quot; number 0 .');
  const [ids] = await corpus.pipeline.encodeSources(['The “letter P.” Number 0.']);
  assert.deepEqual(ids, corpus.dataset('test').pairs([0])[0].src);
  await corpus.close();
});

test('WMT14: from the raw text that fetch writes to ids, with learnt merges', async () => {
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
    'controls-multi30k.yaml': fetched('multi30k'),
    'depth-multi30k.yaml': fetched('multi30k'),
    'iwslt14-de-en.yaml': fetched('iwslt14'),
    'multi30k-en-de.yaml': fetched('multi30k'),
    'quickstart.yaml': builtin,
    'stability-builtin.yaml': builtin,
    'stability-multi30k.yaml': fetched('multi30k'),
    'wmt14-en-de.yaml': fetched('wmt14'),
  };
  // the text of the mixed corpus has no address: its configuration names the script that joins it
  const withCommand = readdirSync(at('configs')).filter((name) => !name.startsWith('mixed-'));
  assert.deepEqual(withCommand.sort(), Object.keys(commands));
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
