import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBatches } from '../../data/batches.js';
import { createCleaner } from '../../text/clean/rules.js';
import { createPunctuationNormalizer, lowercase } from '../../text/moses/normalize.js';
import { createTokenizer } from '../../text/moses/tokenize.js';
import { openPreparedCorpus } from '../preparedCorpus.js';
import { Bpe } from '../../text/subwords/bpe.js';
import { parseBpeCodes, parseBpeVocabulary } from '../../text/subwords/bpeCodes.js';
import { bpeCodesText, bpeVocabularyText, learnBpe } from '../../text/subwords/learnBpe.js';
import { writeSyntheticCorpus } from '../synth/generateCorpus.js';
import { openTextPipeline } from '../../text/textPipeline.js';
import type { PrepareOptions } from './options.js';
import type { StageProgress } from './runStages.js';
import { planCorpus, prepareCorpus, type PrepareResult } from './prepareCorpus.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-stages-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Text that gives every stage something to do. */
async function writeText(): Promise<string> {
  const text = join(folder, 'text');
  if (existsSync(text)) return text;
  await writeSyntheticCorpus(text, { pairs: 400, validPairs: 30, testPairs: 20, seed: 3 });
  const valid = readFileSync(join(text, 'valid.de'), 'utf8').split('\n');
  for (const [language, lines] of Object.entries({
    de: ['„Ja“, sagte sie (heute).', 'zu lang '.repeat(30), 'doppelt', 'doppelt', 'gleich', valid[4], ''],
    en: [
      '“Yes”, she said (today).',
      'too long',
      'twice',
      'twice',
      'gleich',
      'this one has been seen before .',
      'nothing',
    ],
  }))
    appendFileSync(join(text, `train.${language}`), lines.map((line) => `${line}\n`).join(''));
  return text;
}

async function recipe(name: string, changes: Partial<PrepareOptions> = {}): Promise<PrepareOptions> {
  const text = await writeText();
  const files = (split: string) => ({ src: join(text, `${split}.de`), trg: join(text, `${split}.en`) });
  return {
    outDir: join(folder, name),
    srcLang: 'de',
    trgLang: 'en',
    train: files('train'),
    valid: files('valid'),
    test: files('test'),
    normalize: { punctuation: true },
    tokenize: {},
    letterCase: 'lower',
    clean: { maxTokens: 40, maxRatio: 4, sameText: true, duplicates: ['pair'], leakage: true },
    subwords: { method: 'bpe', learn: { merges: 150 }, vocabularyThreshold: 5 },
    vocabulary: { joined: true },
    ...changes,
  };
}

function filesOf(dir: string): Map<string, Buffer> {
  return new Map(
    readdirSync(dir)
      .sort()
      .map((name) => [name, readFileSync(join(dir, name))]),
  );
}

function ran({ stages }: PrepareResult): string[] {
  return stages.filter(({ action }) => action !== 'keep').map(({ stage }) => stage);
}

const lines = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);

test('the stages together give the result of their functions in sequence', async () => {
  const options = await recipe('whole');
  const { manifest, warnings } = await prepareCorpus(options, { pairsPerPart: 64, workers: 1 });
  assert.deepEqual(
    warnings,
    [
      'train: 1 pair removed by rule empty',
      'train: 1 pair removed by rule tooLong',
      'train: 1 pair removed by rule sameText',
      'train: 1 pair removed by rule leakage',
      'train: 1 pair removed by rule duplicatePair',
    ].sort((a, b) => warnings.indexOf(a) - warnings.indexOf(b)),
  );
  assert.deepEqual(manifest.splits.train!.removed, { empty: 1, tooLong: 1, sameText: 1, leakage: 1, duplicatePair: 1 });
  assert.deepEqual([manifest.splits.train!.lines, manifest.splits.train!.pairs], [407, 402]);

  const words = (language: string) => {
    const [normalize, tokenize] = [createPunctuationNormalizer(language), createTokenizer(language)];
    return (line: string): string => tokenize(normalize(line));
  };
  const toWords = { src: words('de'), trg: words('en') };
  const held = [...lines(options.valid!.src), ...lines(options.test!.src)].map(toWords.src);
  const cleaner = createCleaner(
    { maxTokens: 40, maxRatio: 4, sameText: true, duplicates: ['pair'] },
    { srcLang: 'de', trgLang: 'en' },
  );
  const trg = lines(options.train.trg).map(toWords.trg);
  const kept = lines(options.train.src)
    .map(toWords.src)
    .flatMap((line, i) =>
      cleaner(line, trg[i]) === null && !held.includes(line) ? [{ src: lowercase(line), trg: lowercase(trg[i]) }] : [],
    );
  assert.equal(kept[400].src, '" ja " , sagte sie ( heute ) .'.replaceAll('"', '&quot;'));

  const counts = new Map<string, number>();
  const count = (map: Map<string, number>, units: readonly string[]): void =>
    units.forEach((unit) => map.set(unit, (map.get(unit) ?? 0) + 1));
  for (const pair of kept) count(counts, [...pair.src.split(' '), ...pair.trg.split(' ')]);
  const codes = bpeCodesText(learnBpe(counts, { numMerges: 150 }));
  assert.equal(readFileSync(join(options.outDir, 'subwords.src.codes'), 'utf8'), codes);
  const prepared = await openPreparedCorpus(options.outDir);
  const decoded = prepared.dataset('train').pairs(kept.map((_, row) => row));
  for (const side of ['src', 'trg'] as const) {
    const plain = new Bpe(parseBpeCodes(codes, 'codes'));
    const units = new Map<string, number>();
    for (const pair of kept) count(units, plain.segment(pair[side]));
    const bpe = new Bpe(parseBpeCodes(codes, 'codes'), {
      vocabulary: parseBpeVocabulary(bpeVocabularyText(units), 'units', 5),
    });
    const vocabulary = side === 'src' ? prepared.pipeline.srcVocabulary : prepared.pipeline.trgVocabulary;
    assert.deepEqual(
      decoded.map((pair) => vocabulary.decode(pair[side]).join(' ')),
      kept.map((pair) => bpe.segment(pair[side]).join(' ')),
    );
  }
  assert.deepEqual(prepared.rawText('test', 'trg'), lines(options.test!.trg));
  assert.deepEqual(
    prepared.text('test', 'trg'),
    lines(options.test!.trg).map((line) => lowercase(toWords.trg(line))),
  );
  await prepared.close();

  // what is removed, with line and reason
  const stages = `${options.outDir}.stages`;
  const removed = readdirSync(join(stages, 'words.train'))
    .filter((name) => name.endsWith('.removed'))
    .flatMap((name) => lines(join(stages, 'words.train', name)));
  assert.deepEqual(
    removed.map((line) => line.split('\t').slice(0, 2).join(' ')),
    ['402 tooLong', '405 sameText', '406 leakage', '407 empty'],
  );
  const duplicate = readdirSync(join(stages, 'choose.train'))
    .filter((name) => name.endsWith('.removed'))
    .flatMap((name) => lines(join(stages, 'choose.train', name)));
  assert.deepEqual(duplicate, ['404\tduplicatePair\tthe pair was there before\tdoppelt\ttwice']);
});

test('text is written in words and in subwords, and in no other form', async () => {
  const stages = `${(await recipe('whole')).outDir}.stages`;
  const withText = readdirSync(stages).filter(
    (stage) => existsSync(join(stages, stage, '00000.src')) || existsSync(join(stages, stage, '00000.trg')),
  );
  assert.deepEqual(
    withText.sort(),
    ['segment', 'words'].flatMap((stage) => ['test', 'train', 'valid'].map((split) => `${stage}.${split}`)),
  );
});

test('sides of different lengths are found after finished parts, also by several threads', async () => {
  const options = await recipe('uneven', { clean: undefined });
  const trg = join(folder, 'uneven.en');
  writeFileSync(trg, readFileSync(options.train.trg, 'utf8').split('\n').slice(0, 300).join('\n'));
  await assert.rejects(
    prepareCorpus({ ...options, train: { src: options.train.src, trg } }, { workers: 2, pairsPerPart: 40 }),
    /train\.de has 407, .*uneven\.en has 300\. Line i of one/,
  );
  assert.equal(existsSync(options.outDir), false);
  assert.equal((await prepareCorpus(options, { workers: 2, pairsPerPart: 40 })).manifest.splits.train!.lines, 407);
});

test('the pipeline of a corpus turns raw text into the same ids, and ids into running text', async () => {
  const options = await recipe('whole');
  const prepared = await openPreparedCorpus(options.outDir);
  const raw = prepared.rawText('valid', 'src');
  const ids = prepared.dataset('valid').pairs(raw.map((_, row) => row));
  const pipeline = await openTextPipeline(options.outDir);
  assert.deepEqual(
    await pipeline.encodeSources(raw),
    ids.map(({ src }) => src),
  );
  assert.equal(
    pipeline.detokenizeTarget(pipeline.decodeTarget(ids[0].trg)),
    lowercase(prepared.rawText('valid', 'trg')[0]).replace(/ ([.,?])/g, '$1'),
  );
  await prepared.close();
});

test('the result does not depend on workers and parts; a third run does nothing', async () => {
  const one = await recipe('whole');
  const three = await recipe('threads');
  await prepareCorpus(three, { workers: 3, pairsPerPart: 33 });
  assert.deepEqual(filesOf(three.outDir), filesOf(one.outDir));
  assert.equal((await prepareCorpus(three)).status, 'upToDate');
});

test('only the stages affected by a change are done again, and the plan says so beforehand', async () => {
  const options = await recipe('again', { shards: 2 });
  const control = { workers: 1, pairsPerPart: 100, force: true };
  assert.equal(ran(await prepareCorpus(options, control)).length, 13);
  const stagesOfChange = async (changed: PrepareOptions): Promise<string[]> => {
    const plan = await planCorpus(changed, control);
    assert.equal(plan.status, 'changed');
    const done = ran(await prepareCorpus(changed, control));
    const planned = plan.stages.filter(({ action }) => action !== 'keep').map(({ stage }) => stage);
    assert.deepEqual(
      done.filter((stage) => !planned.includes(stage)),
      [],
    );
    return done;
  };
  assert.deepEqual(await stagesOfChange({ ...options, shards: 3 }), ['binarize.train']);
  assert.deepEqual(await stagesOfChange({ ...options, vocabulary: { joined: true, maxSize: 100 } }), [
    'vocabulary',
    'binarize.train',
    'binarize.valid',
    'binarize.test',
  ]);
  // the third file of ids goes with the setting
  assert.deepEqual(
    readdirSync(options.outDir).filter((name) => name.startsWith('train')),
    ['train-00000-of-00002.bin', 'train-00001-of-00002.bin'],
  );
  const fewer = { ...options, subwords: { method: 'bpe', learn: { merges: 100 }, vocabularyThreshold: 5 } as const };
  assert.deepEqual((await stagesOfChange(fewer))[0], 'learn');
  // a test set changed to sentences with equal words: its words are made again, the rest does not change
  const test = { src: join(folder, 'test2.de'), trg: options.test!.trg };
  writeFileSync(
    test.src,
    lines(options.test!.src)
      .map((line) => `${line} \n`)
      .join(''),
  );
  assert.deepEqual(await stagesOfChange({ ...fewer, test }), ['words.test']);

  const { stages } = await planCorpus({ ...fewer, test, clean: { ...options.clean, maxTokens: 39 } }, control);
  const why = new Map(stages.map(({ stage, action, reasons }) => [stage, [action, ...reasons]]));
  assert.deepEqual(why.get('words.test'), ['keep']);
  assert.deepEqual(why.get('words.train')!.slice(0, 2), [
    'run',
    'setting rules: {"maxTokens":40,"maxRatio":4,"sameText":true}, now {"maxTokens":39,"maxRatio":4,"sameText":true}',
  ]);
  assert.deepEqual(why.get('choose.train'), ['run', 'after words.train']);
  assert.deepEqual(why.get('counts.train'), ['run', 'after words.train, choose.train']);
});

test('a stage whose files are gone or were changed is done again before they are read', async () => {
  const options = await recipe('damaged', { test: undefined });
  const control = { workers: 1, force: true };
  await prepareCorpus(options, control);
  const file = (stage: string, name: string): string => join(`${options.outDir}.stages`, stage, name);
  const words = file('words.train', '00000.src');
  const before = readFileSync(words);
  rmSync(words);
  assert.deepEqual(ran(await prepareCorpus({ ...options, shards: 2 }, control)), ['words.train', 'binarize.train']);
  assert.deepEqual(readFileSync(words), before);
  // the file with the choice of pairs is verified before it is read, like the text
  for (const [damaged, name, merges] of [
    ['words.train', '00000.src', 140],
    ['words.train', '00000.lines', 130],
    ['words.train', '00000.hashes', 120],
    ['choose.train', '00000.fates', 110],
  ] as const) {
    const path = file(damaged, name);
    const bytes = readFileSync(path);
    writeFileSync(path, Buffer.from(bytes).fill(bytes[0] ^ 1, 0, 1));
    const subwords = { method: 'bpe', learn: { merges }, vocabularyThreshold: 5 } as const;
    const { stages } = await prepareCorpus({ ...options, shards: 2, subwords }, control);
    assert.equal(stages.find(({ stage }) => stage === damaged)!.action, 'keep');
    assert.deepEqual(readFileSync(path), bytes, path);
  }
});

test('two at a time are refused; a foreign folder is not used', async () => {
  const options = await recipe('busy');
  // whichever comes first
  const outcomes = await Promise.allSettled([1, 2].map(() => prepareCorpus(options, { workers: 1 })));
  const [refused, ...others] = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
  assert.equal(others.length, 0);
  assert.match(String(refused.reason), /is preparing this corpus already/);
  const [done] = outcomes.filter(({ status }) => status === 'fulfilled') as PromiseFulfilledResult<PrepareResult>[];
  assert.equal(done.value.status, 'prepared');
  const other = await recipe('foreign');
  await prepareCorpus(other, { workers: 1 });
  rmSync(other.outDir, { recursive: true });
  rmSync(join(`${other.outDir}.stages`, 'coldstart-stages'));
  await assert.rejects(prepareCorpus(other), /is needed for intermediate results, but holds something else/);
});

test('shards give the batches of the whole', async () => {
  const options = await recipe('sharded', { shards: 5 });
  await prepareCorpus(options, { workers: 2, pairsPerPart: 150 });
  const [whole, sharded] = [
    await openPreparedCorpus((await recipe('whole')).outDir),
    await openPreparedCorpus(options.outDir),
  ];
  const [expected, got] = [whole, sharded].map((corpus) =>
    createBatches(corpus.dataset('train'), { maxTokens: 300, seed: 4 }).epochBatches(2),
  );
  assert.equal(got.length, expected.length);
  for (let position = 0; position < got.length; position++)
    assert.deepEqual(got.batch(position), expected.batch(position));
  await whole.close();
  await sharded.close();
});

test('killed at any moment, it resumes to the same result', async () => {
  const options = await recipe('killed', { letterCase: 'true' });
  const unbroken = await recipe('unbroken', { letterCase: 'true' });
  await prepareCorpus(unbroken, { workers: 2, pairsPerPart: 40 });
  const script = join(folder, 'killed.mjs');
  writeFileSync(
    script,
    `
    const { prepareCorpus } = await import(${JSON.stringify(new URL('./prepareCorpus.js', import.meta.url).href)});
    const { status } = await prepareCorpus(${JSON.stringify(options)}, { workers: 2, pairsPerPart: 40, onProgress: () => process.stdout.write('.') });
    process.stdout.write(status);`,
  );
  let kills = 0;
  for (let attempt = 1; ; attempt++) {
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'pipe'] });
    let complaint = '';
    child.stderr.on('data', (text: Buffer) => (complaint += text));
    // by progress, not by the clock: every attempt gets a little further than its start
    let events = 0;
    child.stdout.on('data', (text: Buffer) => {
      events += text.length;
      if (events > 5 + ((attempt * 7) % 23) && !child.killed && attempt <= 8) child.kill('SIGKILL');
    });
    const [status, signal] = (await once(child, 'exit')) as [number | null, string | null];
    if (signal === 'SIGKILL') {
      kills++;
      if (existsSync(options.outDir)) assert.deepEqual(filesOf(options.outDir), filesOf(unbroken.outDir)); // whole, or not there
      continue;
    }
    assert.equal(status, 0, complaint);
    break;
  }
  assert.ok(kills >= 3, `${kills} kills`);
  assert.deepEqual(filesOf(options.outDir), filesOf(unbroken.outDir));
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('.killed')),
    [],
  );
});

test('a SentencePiece model learnt from both sides splits the text, and is copied into the corpus', async () => {
  const options = await recipe('pieces', {
    subwords: { method: 'sentencepiece', learn: { vocabSize: 200, characterCoverage: 1 } },
    tokenize: undefined,
    normalize: undefined,
  });
  const shown: StageProgress[] = [];
  const onProgress = (progress: StageProgress): void => void shown.push(progress);
  const { status, manifest, stages } = await prepareCorpus(options, { pairsPerPart: 64, workers: 1, onProgress });
  assert.equal(status, 'prepared');
  assert.deepEqual(counts(shown), counts(expectedCounts(stages, () => 'step')));
  const rounds = shown.filter(({ stage, unit }) => stage === 'learn' && unit === 'rounds');
  const done = rounds.map((progress) => progress.done);
  assert.deepEqual(done.slice(0, -1), [...done.slice(0, -1).keys()]);
  assert.ok(done.length > 2 && done.at(-1) === rounds[0].total, done.join());
  assert.ok(manifest.splits.train!.pairs > 300);
  assert.equal(manifest.splits.train!.srcUnknown, 0);
  const pipeline = await openTextPipeline(options.outDir);
  try {
    const tokens = pipeline.srcVocabulary.tokens.slice(4);
    assert.ok(tokens.length <= 197 && tokens.length > 120, `${tokens.length} pieces in use`);
    assert.ok(tokens.every((token) => token.length === 1 || !token.slice(1).includes('\u2581')));
    const [line] = lines(options.valid!.src);
    const [ids] = await pipeline.encodeSources([line]);
    assert.equal(
      pipeline.srcVocabulary.decode(ids.slice(0, -1)).join('').replaceAll('\u2581', ' ').trim(),
      line.toLowerCase(),
    );
  } finally {
    await pipeline.close();
  }
  assert.deepEqual(ran(await prepareCorpus(options, { pairsPerPart: 64, workers: 1 })), []);

  shown.length = 0;
  const changed = { ...options, vocabulary: { joined: true, minCount: 2 } };
  const again = await prepareCorpus(changed, { pairsPerPart: 64, workers: 1, force: true, onProgress });
  const kept = (stage: string): boolean => !ran(again).includes(stage);
  assert.ok(kept('learn') && !kept('vocabulary'));
  assert.deepEqual(counts(shown), counts(expectedCounts(again.stages, (stage) => (kept(stage) ? 'kept' : 'step'))));
});

/** The stages as they were first shown, "3/12 learn: step": each once and none left out. */
function counts(shown: readonly Pick<StageProgress, 'number' | 'numStages' | 'stage' | 'unit'>[]): string[] {
  return shown
    .map(({ number, numStages, stage, unit }) => ({ place: `${number}/${numStages} ${stage}`, unit }))
    .filter(({ place }, i, all) => place !== all[i - 1]?.place)
    .map(({ place, unit }) => `${place}: ${unit}`);
}

function expectedCounts(
  stages: PrepareResult['stages'],
  unitOf: (stage: string) => string,
): Parameters<typeof counts>[0] {
  return stages.map(({ stage }, i) => ({ number: i + 1, numStages: stages.length, stage, unit: unitOf(stage) }));
}

test('a tokenizer.json counts by its content: text that it splits differently is made again', async () => {
  const tokenizer = join(folder, 'tokenizer.json');
  const write = (pieces: readonly string[]): void =>
    writeFileSync(
      tokenizer,
      JSON.stringify({
        version: '1.0',
        added_tokens: [
          {
            id: 0,
            content: '[UNK]',
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
            special: true,
          },
        ],
        normalizer: null,
        pre_tokenizer: { type: 'WhitespaceSplit' },
        post_processor: null,
        decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
        model: {
          type: 'WordPiece',
          unk_token: '[UNK]',
          continuing_subword_prefix: '##',
          max_input_chars_per_word: 100,
          vocab: Object.fromEntries(['[UNK]', ...pieces].map((piece, id) => [piece, id])),
        },
      }),
    );
  const text = join(folder, 'words.txt');
  writeFileSync(text, 'abc ab\n');
  const options: PrepareOptions = {
    outDir: join(folder, 'tokenizer'),
    srcLang: 'de',
    trgLang: 'en',
    train: { src: text, trg: text },
    subwords: { method: 'huggingface', tokenizer },
    vocabulary: { joined: true },
  };
  write(['abc', 'ab']);
  await prepareCorpus(options, { workers: 1 });
  assert.equal(readFileSync(join(options.outDir, 'vocab.src.txt'), 'utf8'), 'ab 2\nabc 2\n');
  write(['ab', '##c']);
  assert.ok(ran(await prepareCorpus(options, { workers: 1, force: true })).includes('segment.train'));
  assert.equal(readFileSync(join(options.outDir, 'vocab.src.txt'), 'utf8'), 'ab 4\n##c 2\n');
});

test('files truncated by a power failure are made again: records of parts, manifests of stages, results, the manifest itself', async () => {
  const options = await recipe('cut', {});
  const control = { pairsPerPart: 64, workers: 1 };
  await prepareCorpus(options, control);
  const whole = filesOf(options.outDir);
  const work = `${options.outDir}.stages`;
  const damages: ((path: string) => void)[] = [
    (path) => writeFileSync(path, ''),
    (path) => writeFileSync(path, readFileSync(path).subarray(0, readFileSync(path).length >> 1)),
    (path) => writeFileSync(path, 'null'),
  ];
  const stages = readdirSync(work, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.ok(stages.length > 5);
  for (const damage of damages) {
    for (const { name } of stages) {
      const folderOfStage = join(work, name);
      // as a killed run leaves it: an unfinished stage with a truncated record of a part
      writeFileSync(join(folderOfStage, 'part-00000.json'), '{}');
      for (const file of readdirSync(folderOfStage)) damage(join(folderOfStage, file));
    }
    const outputs = readdirSync(options.outDir);
    for (const name of outputs.filter((each) => each.endsWith('.bin') || each === 'manifest.json'))
      damage(join(options.outDir, name));
    await assert.rejects(prepareCorpus(options, control), /--force/);
    await prepareCorpus(options, { ...control, force: true });
    assert.deepEqual(filesOf(options.outDir), whole);
  }
});
