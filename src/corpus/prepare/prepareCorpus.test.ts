import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { batchRow } from '../../data/batch.js';
import { createBatches } from '../../data/batches.js';
import type { PrepareOptions } from './options.js';
import { planCorpus, prepareCorpus } from './prepareCorpus.js';
import { openPreparedCorpus } from '../preparedCorpus.js';
import { writeSyntheticCorpus } from '../synth/generateCorpus.js';
import { copyTextPipeline, openTextPipeline } from '../../text/textPipeline.js';
import { referencePath } from '../../../test/reference.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-prepare-'));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
function corpus(
  changes: { src?: string | Uint8Array; trg?: string; validSrc?: string | Uint8Array; validTrg?: string } = {},
): PrepareOptions {
  const home = join(folder, String(count++));
  mkdirSync(home);
  const write = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(home, name), content);
    return join(home, name);
  };
  return {
    outDir: join(home, 'out'),
    srcLang: 'de',
    trgLang: 'en',
    train: {
      src: write('train.de', changes.src ?? 'ein Hau@@ s\nein  Hund\n'),
      trg: write('train.en', changes.trg ?? 'a house\na dog !\n'),
    },
    valid: {
      src: write('valid.de', changes.validSrc ?? 'ein Hau@@ s Hund neu\n'),
      trg: write('valid.en', changes.validTrg ?? 'a dog hou@@ se\n'),
    },
    subwords: { method: 'none' },
    vocabulary: { joined: false },
  };
}

test('a small corpus gives known ids, texts and counts', async () => {
  const options = corpus();
  const { status, manifest, warnings } = await prepareCorpus(options);
  assert.deepEqual([status, warnings], ['prepared', []]);
  const prepared = await openPreparedCorpus(options.outDir);
  // by count, then code point: ein 2, Hau@@, Hund, s | a 2, !, dog, house
  assert.deepEqual(prepared.pipeline.srcVocabulary.tokens.slice(4), ['ein', 'Hau@@', 'Hund', 's']);
  assert.deepEqual(prepared.pipeline.trgVocabulary.tokens.slice(4), ['a', '!', 'dog', 'house']);
  const ids = (split: 'train' | 'valid') => {
    const dataset = prepared.dataset(split);
    return dataset
      .pairs(Array.from({ length: dataset.length }, (_, row) => row))
      .map(({ src, trg }) => [[...src], [...trg]]);
  };
  assert.deepEqual(ids('train'), [
    [
      [4, 5, 7, 2],
      [4, 7, 2],
    ],
    [
      [4, 6, 2],
      [4, 6, 5, 2],
    ],
  ]);
  assert.deepEqual(ids('valid'), [
    [
      [4, 5, 7, 6, 3, 2],
      [4, 6, 3, 3, 2],
    ],
  ]);
  assert.deepEqual(prepared.text('valid', 'src'), ['ein Haus Hund neu']);
  assert.deepEqual(prepared.text('valid', 'trg'), ['a dog house']);
  assert.throws(() => prepared.dataset('test'), /has no test set/);
  const { train, valid } = manifest.splits;
  assert.deepEqual([train!.pairs, train!.srcTokens, train!.trgTokens, train!.srcUnknown], [2, 7, 7, 0]);
  assert.deepEqual([valid!.srcUnknown, valid!.trgUnknown], [1, 2]);
  assert.deepEqual(readdirSync(options.outDir).sort(), [
    'manifest.json',
    'text.json',
    'train.bin',
    'valid.bin',
    'valid.src.txt',
    'valid.trg.txt',
    'vocab.src.txt',
    'vocab.trg.txt',
  ]);
  assert.deepEqual(
    (await prepared.pipeline.encodeSources(['Hund ein'])).map((ids) => [...ids]),
    [[6, 4, 2]],
  );
  assert.equal(prepared.pipeline.decodeTarget([4, 7, 2]), 'a house');
  await prepared.close();
});

test('a joined vocabulary counts both sides; limits and reuse of a vocabulary', async () => {
  const options = { ...corpus({ src: 'a b b\nc a\n', trg: 'b d\na\n' }), valid: undefined };
  const joined = { ...options, vocabulary: { joined: true, minCount: 2 } };
  await prepareCorpus(joined);
  const vocabulary = readFileSync(join(options.outDir, 'vocab.src.txt'), 'utf8');
  assert.equal(vocabulary, 'a 3\nb 3\n');
  assert.equal(readFileSync(join(options.outDir, 'vocab.trg.txt'), 'utf8'), vocabulary);

  writeFileSync(join(folder, 'own.txt'), 'd 1\nb 1\n');
  const reused = {
    ...options,
    outDir: join(folder, 'reused'),
    vocabulary: { joined: true, srcFile: join(folder, 'own.txt') },
  };
  const { manifest } = await prepareCorpus(reused);
  assert.deepEqual([manifest.splits.train!.srcUnknown, manifest.splits.train!.trgUnknown], [3, 1]);
  const prepared = await openPreparedCorpus(reused.outDir);
  assert.deepEqual(
    prepared
      .dataset('train')
      .pairs([0])
      .map(({ src, trg }) => [[...src], [...trg]]),
    [
      [
        [3, 5, 5, 2],
        [5, 4, 2],
      ],
    ],
  );
  await prepared.close();
  await assert.rejects(
    prepareCorpus({ ...reused, vocabulary: { ...reused.vocabulary, minCount: 3 } }),
    /minCount and maxSize have no effect/,
  );
});

test('different line counts are an error that names both, and no corpus is written', async () => {
  const options = corpus({ trg: 'a house\na dog\nmore\n' });
  await assert.rejects(prepareCorpus(options), /train.de has 2, .*train.en has 3/);
  assert.deepEqual(readdirSync(join(options.outDir, '..')).sort(), [
    'out.stages',
    'train.de',
    'train.en',
    'valid.de',
    'valid.en',
  ]);
});

test('unusable training lines are left out, counted and numbered', async () => {
  const src = Buffer.concat([
    Buffer.from('a\n\nb b b\n'),
    Buffer.from([0xff, 10]),
    Buffer.from('c\r\nd d d d\u2028d\n  \ne e e\n'),
  ]);
  const options = {
    ...corpus({ src, trg: 'A\nB\nC\nD\nE\nF\nG\nH H\n', validSrc: 'a\n\n', validTrg: 'A\nB\n' }),
    maxLengthTokens: 3,
    maxLengthRatio: 2,
  };
  const { manifest, warnings } = await prepareCorpus(options);
  const { train } = manifest.splits;
  assert.deepEqual([train!.lines, train!.pairs], [8, 3]);
  assert.deepEqual(warnings, [
    'train: 1 line (4) not valid UTF-8, left out',
    'train: 2 lines (2, 7) with an empty side, left out',
    'train: 1 line (6) longer than maxLengthTokens, left out',
    'train: 1 line (3) beyond maxLengthRatio, left out',
    'train: 1 line (5) ending in a carriage return, read without it',
    'valid: 1 line (2) with an empty side, kept',
  ]);
  await assert.rejects(
    prepareCorpus(corpus({ validSrc: Buffer.from([0xff, 10]), validTrg: 'x\n' })),
    /1 line \(1\) not valid UTF-8. Valid and test sets are kept whole/,
  );
});

test('a second run does nothing; changes are named and replace only with consent', async () => {
  const options = corpus();
  const first = await prepareCorpus(options);
  const again = await prepareCorpus(options);
  assert.deepEqual([again.status, again.manifest], ['upToDate', first.manifest]);

  appendFileSync(options.valid!.trg, 'new\n');
  appendFileSync(options.valid!.src, 'neu\n');
  const changed = { ...options, maxLengthTokens: 50 };
  await assert.rejects(prepareCorpus(changed), (error: Error) => {
    assert.match(error.message, /setting maxLengthTokens: not set, now 50/);
    assert.match(error.message, /input valid.trg \(.*valid.en\): content changed, 15 bytes, now 19/);
    assert.match(error.message, /Use --force/);
    return true;
  });
  assert.equal((await prepareCorpus(changed, { force: true })).manifest.splits.valid!.lines, 2);
  assert.equal((await prepareCorpus(changed)).status, 'upToDate');
  assert.deepEqual(
    readdirSync(join(options.outDir, '..')).filter((name) => name.startsWith('.')),
    [],
  );

  writeFileSync(join(options.outDir, 'train.bin'), 'x');
  await assert.rejects(prepareCorpus(changed), /output train.bin: changed since it was written/);
  assert.equal((await prepareCorpus(changed, { force: true })).status, 'prepared');
});

test('steps that depend on the language require it', async () => {
  const options = { ...corpus(), srcLang: 'src' };
  for (const [changes, message] of [
    [{ tokenize: {} }, /^corpus\.srcLang is not set, but corpus\.tokenize depends on the language\. Set it/],
    [
      { srcLang: 'de', trgLang: 'trg', normalize: { punctuation: true } },
      /^corpus\.trgLang is not set, but corpus\.normalize\.punctuation/,
    ],
    [{ clean: { minScriptShare: 0.5 } }, /^corpus\.srcLang is not set, but corpus\.clean\.minScriptShare/],
  ] as const)
    await assert.rejects(prepareCorpus({ ...options, ...changes }), { code: 'USAGE', message });
  assert.equal((await prepareCorpus({ ...options, trgLang: 'trg', normalize: { unicode: 'NFC' } })).status, 'prepared');
});

test('a folder with other contents is never replaced', async () => {
  const options = corpus();
  mkdirSync(options.outDir);
  writeFileSync(join(options.outDir, 'thesis.tex'), 'mine');
  await assert.rejects(prepareCorpus(options, { force: true }), /is not empty and holds no prepared corpus/);
  assert.equal(readFileSync(join(options.outDir, 'thesis.tex'), 'utf8'), 'mine');
  await assert.rejects(prepareCorpus({ ...options, outDir: options.train.src }, { force: true }), {
    code: 'FILE_EXISTS',
    message: `${options.train.src} is a file, expected a folder or nothing. Choose another folder, or remove it first.`,
  });
});

test('with force only a prepared corpus is replaced: not other folders with a manifest.json, nor files next to a corpus', async () => {
  const prepared = corpus();
  await prepareCorpus(prepared);
  const ours = readFileSync(join(prepared.outDir, 'manifest.json'), 'utf8');
  const cut = ours.slice(0, ours.length >> 1);
  const foreign: [what: string, files: Record<string, string>, message: RegExp][] = [
    [
      'built-in text',
      { 'manifest.json': '{"format":"coldstart built-in corpus","version":1}', 'train.de': 'ein' },
      /: format is "coldstart built-in corpus", expected one of "coldstart prepared corpus"\. Name another folder\.$/,
    ],
    ['a web app', { 'manifest.json': '{"name":"app","icons":[]}' }, /: format is missing, .* Name another folder\.$/],
    ['text alone', { 'manifest.json': 'version 1\n' }, /is not JSON: [^]*\. Name another folder\.$/],
    ['text next to more', { 'manifest.json': '', 'index.html': '<p>' }, /is not JSON: [^]*\. Name another folder\.$/],
    ['a list', { 'manifest.json': '[]', 'text.json': '{}' }, /expected an object\. Name another folder\.$/],
    ['a damaged corpus and a thesis', { 'manifest.json': cut, 'thesis.tex': 'x' }, /Name another folder\.$/],
    [
      'the corpus and a thesis',
      { 'manifest.json': ours, 'thesis.tex': 'x' },
      /also thesis\.tex, which preparing did not/,
    ],
  ];
  for (const [what, files, message] of foreign) {
    const options = corpus();
    mkdirSync(options.outDir);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(options.outDir, name), text);
    for (const run of [prepareCorpus, planCorpus])
      for (const force of [false, true]) await assert.rejects(run(options, { force }), { message }, what);
    assert.deepEqual(readdirSync(options.outDir).sort(), Object.keys(files).sort());
    for (const [name, text] of Object.entries(files))
      assert.equal(readFileSync(join(options.outDir, name), 'utf8'), text);
  }
});

test('a corpus with a damaged manifest is planned and made again with force', async () => {
  const options = corpus();
  const { manifest } = await prepareCorpus(options);
  const path = join(options.outDir, 'manifest.json');
  const whole = readFileSync(path, 'utf8');
  // cut short, emptied by a power failure, a changed byte in its format
  for (const text of [whole.slice(0, 90), '', whole.replace('coldstart prepared', 'coldstart prepareD')]) {
    writeFileSync(path, text);
    for (const run of [prepareCorpus, planCorpus])
      await assert.rejects(run(options), /Run "coldstart corpus prepare" again with --force, or name another folder\./);
    const plan = await planCorpus(options, { force: true });
    assert.equal(plan.status, 'changed');
    assert.match(plan.changes.join(), /manifest\.json (is not JSON|was changed or damaged)/);
    assert.equal(readFileSync(path, 'utf8'), text);
    assert.deepEqual((await prepareCorpus(options, { force: true })).manifest, manifest);
  }
});

test('files left by a killed run are removed', async () => {
  const options = corpus();
  const stale = join(options.outDir, '..', '.out.4194999-0123456789abcdef.part');
  mkdirSync(stale);
  await prepareCorpus(options);
  assert.equal(existsSync(stale), false);
});

test('a set without a line is refused before its stages, not after a training that could not score it', async () => {
  for (const [split, changes] of [
    ['valid', { validSrc: '', validTrg: '' }],
    ['valid', { validSrc: gzipSync(''), validTrg: '' }],
    ['train', { src: '', trg: '' }],
  ] as const) {
    const options = corpus(changes);
    const { src, trg } = options[split]!;
    await assert.rejects(prepareCorpus(options), {
      name: 'DataError',
      message: `corpus.${split}: ${src} and ${trg} are empty, expected one sentence a line. Check the files.`,
    });
    assert.equal(existsSync(options.outDir), false);
  }
});

test('a file named for both sides, or for training and validation, is noted', async () => {
  const { train, ...options } = corpus();
  const both = { ...options, train, valid: train, test: { src: train.trg, trg: train.trg } };
  const expected = [
    'test: both sides are the same text, so there is nothing to translate',
    'valid: it is the training set, so its scores say nothing about new text',
  ];
  assert.deepEqual((await prepareCorpus(both)).warnings, expected);
  assert.deepEqual((await prepareCorpus(both)).warnings, expected, 'up to date');
});

test('impossible options are refused', async () => {
  const options = corpus();
  await assert.rejects(
    prepareCorpus({ ...options, vocabulary: { joined: true, srcFile: 'a', trgFile: 'b' } }),
    /trgFile is set although vocabulary.joined/,
  );
  await assert.rejects(
    prepareCorpus({ ...options, vocabulary: { joined: true, maxSize: 4 } }),
    /corpus\.vocabulary\.maxSize is 4, expected an integer from 5 to/,
  );
  await assert.rejects(prepareCorpus({ ...options, maxLengthRatio: 0.5 }), /maxLengthRatio is 0.5/);
  await assert.rejects(
    prepareCorpus({ ...options, maxLengthTokens: 1 }),
    /no sentence pair is left of the lines of .*train.de and /,
  );
  await assert.rejects(
    prepareCorpus({ ...options, train: { src: '/nowhere', trg: '/nowhere' } }),
    /^DataError: corpus.train.src is \/nowhere, but there is no such file. Check the path, or write the file first.$/,
  );
});

test('BPE applied to raw lines gives the published segmentation, and the pipeline can be moved', async () => {
  const { multi30k_code: cases } = JSON.parse(readFileSync(referencePath('text/subword/apply.json'), 'utf8')) as {
    multi30k_code: { category: string; input: string; output: string }[];
  };
  const sentences = cases.filter(({ category }) => category === 'multi30k').slice(0, 200);
  const home = join(folder, 'bpe');
  mkdirSync(home);
  const files = { src: join(home, 'en'), trg: join(home, 'de.gz') };
  writeFileSync(files.src, sentences.map(({ input }) => input).join('\n'));
  writeFileSync(files.trg, gzipSync(sentences.map(({ input }) => input).join('\n')));
  const options: PrepareOptions = {
    outDir: join(home, 'out'),
    srcLang: 'en',
    trgLang: 'de',
    train: files,
    valid: files,
    subwords: { method: 'bpe', codes: referencePath('text/subword/multi30k.codes.gz'), vocabulary: undefined },
    vocabulary: { joined: true },
  };
  await prepareCorpus(options);
  const prepared = await openPreparedCorpus(options.outDir);
  const dataset = prepared.dataset('train');
  const rows = Array.from({ length: 200 }, (_, row) => row);
  const { trgVocabulary } = prepared.pipeline;
  assert.deepEqual(
    dataset.pairs(rows).map(({ trg }) => trgVocabulary.decode(trg).join(' ')),
    sentences.map(({ output }) => output),
  );

  const run = join(home, 'run');
  copyTextPipeline(options.outDir, run, {});
  rmSync(options.outDir, { recursive: true });
  const pipeline = await openTextPipeline(run);
  const [ids] = await pipeline.encodeSources([sentences[7].input]);
  assert.equal(pipeline.srcVocabulary.decode(ids).join(' '), sentences[7].output);
  assert.equal(
    pipeline.decodeTarget(pipeline.trgVocabulary.encode(sentences[3].output.split(' '))),
    sentences[3].input,
  );
  await pipeline.close();
  await prepared.close();
});

test('SentencePiece models segment and join', async () => {
  const options = corpus({
    src: 'Ein Haus am See.\n',
    trg: 'A house.\n',
    validSrc: 'Ein Haus\n',
    validTrg: 'A \uff28ouse\n',
  });
  const model = referencePath('text/sentencepiece/m30k.unigram.4000.model');
  await prepareCorpus({ ...options, subwords: { method: 'sentencepiece', model }, vocabulary: { joined: true } });
  const prepared = await openPreparedCorpus(options.outDir);
  const [{ trg }] = prepared.dataset('train').pairs([0]);
  assert.equal(prepared.pipeline.decodeTarget(trg), 'A house.');
  assert.deepEqual(prepared.text('valid', 'trg'), ['A \uff28ouse']);
  await prepared.close();
});

test('a language whose abbreviations the tokeniser does not know is named', async () => {
  const text = join(folder, 'unknown-language');
  await writeSyntheticCorpus(text, { pairs: 200, validPairs: 20, testPairs: 1, seed: 1 });
  const files = (split: string) => ({ src: join(text, `${split}.de`), trg: join(text, `${split}.en`) });
  const base = {
    trgLang: 'en',
    train: files('train'),
    valid: files('valid'),
    subwords: { method: 'none' },
    vocabulary: { joined: false },
  } as const;
  const prepared = (srcLang: string, tokenize?: object) =>
    prepareCorpus({ ...base, srcLang, outDir: join(folder, `language-${srcLang}-${Boolean(tokenize)}`), tokenize });
  assert.deepEqual((await prepared('xx', {})).warnings, [
    'no abbreviations of language "xx" are known, the English ones are used. corpus.tokenize.srcPrefixes names a list.',
  ]);
  assert.deepEqual((await prepared('xx')).warnings, []);
  assert.deepEqual((await prepared('de', {})).warnings, []);
});

test('the built-in corpus goes all the way to batches', async () => {
  const text = join(folder, 'builtin');
  await writeSyntheticCorpus(text, { pairs: 3000, validPairs: 50, testPairs: 50, seed: 1 });
  const files = (split: string) => ({ src: join(text, `${split}.de`), trg: join(text, `${split}.en`) });
  const outDir = join(folder, 'builtin-prepared');
  const { manifest, warnings } = await prepareCorpus({
    outDir,
    srcLang: 'de',
    trgLang: 'en',
    train: files('train'),
    valid: files('valid'),
    test: files('test'),
    subwords: { method: 'none', joiner: '' },
    vocabulary: { joined: true },
  });
  assert.deepEqual(warnings, []);
  const { train, test: held } = manifest.splits;
  assert.deepEqual([train!.pairs, train!.srcUnknown, held!.pairs], [3000, 0, 50]);
  assert.ok(held!.srcUnknown / held!.srcTokens < 0.02, `${held!.srcUnknown} of ${held!.srcTokens} words are unknown`);
  const prepared = await openPreparedCorpus(outDir);
  const epoch = createBatches(prepared.dataset('train'), { maxTokens: 1000 }).epochBatches(1);
  const batch = epoch.batch(3);
  const row = batchRow(batch, 0);
  const line = batch.indices[0];
  const english = readFileSync(files('train').trg, 'utf8').split('\n')[line];
  assert.equal(prepared.pipeline.decodeTarget(row.trg), english);
  assert.deepEqual(prepared.text('test', 'trg'), readFileSync(files('test').trg, 'utf8').split('\n').slice(0, -1));
  await prepared.close();
});
