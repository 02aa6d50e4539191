import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { PrepareOptions } from '../../src/corpus/prepare/options.js';
import { prepareCorpus } from '../../src/corpus/prepare/prepareCorpus.js';
import { openPreparedCorpus } from '../../src/corpus/preparedCorpus.js';
import { createPunctuationNormalizer, lowercase } from '../../src/text/moses/normalize.js';
import { createTokenizer } from '../../src/text/moses/tokenize.js';
import { Bpe } from '../../src/text/subwords/bpe.js';
import { parseBpeCodes } from '../../src/text/subwords/bpeCodes.js';
import { bpeCodesText, bpeVocabularyText, countWords, learnBpe } from '../../src/text/subwords/learnBpe.js';
import { corpusPath, referencePath } from '../reference.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-multi30k-'));
after(() => rmSync(folder, { recursive: true }));

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const unpacked = (name: string): string => gunzipSync(readFileSync(corpusPath(`multi30k/${name}.gz`))).toString('utf8');
const withoutJoiners = (language: string): string => unpacked(`bpe/train.${language}`).replaceAll('@@ ', '');
const learnFixture = () => JSON.parse(readFileSync(referencePath('text/subword/learn.json'), 'utf8'));

async function wordsOf(content: string): Promise<Map<string, number>> {
  writeFileSync(join(folder, 'text'), content);
  return countWords([join(folder, 'text')]);
}

test('the pipeline of lower case, punctuation and tokens gives the known checksums', () => {
  const { files } = JSON.parse(readFileSync(referencePath('text/moses/multi30k_pipeline.json'), 'utf8'));
  assert.equal(files.length, 6);
  for (const { raw, sha256_pipeline } of files) {
    const [, name, language] = /^data\/multi30k\/(.*\.(..))\.gz$/.exec(raw)!;
    const tokenize = createTokenizer(language);
    const normalize = createPunctuationNormalizer(language);
    const lines = unpacked(name).split('\n').slice(0, -1);
    assert.equal(sha256(lines.map((line) => `${tokenize(normalize(lowercase(line)))}\n`).join('')), sha256_pipeline, raw);
  }
});

test('10,000 joint merges and the vocabulary equal those of subword-nmt', async () => {
  const { runs, get_vocab } = learnFixture();
  const merges = learnBpe(await wordsOf(withoutJoiners('en') + withoutJoiners('de')), { numMerges: 10_000 });
  assert.equal(sha256(bpeCodesText(merges)), runs[1].sha256);
  assert.equal(sha256(bpeCodesText(merges.slice(0, 2000))), runs[0].sha256);
  assert.equal(sha256(bpeVocabularyText(await wordsOf(unpacked('bpe/train.en')))), get_vocab.sha256);
});

test('200 lines of each side equal subword-nmt: exhaustion, least frequency, total symbols', async () => {
  const head = (text: string): string => text.split('\n').slice(0, 200).join('\n') + '\n';
  const words = await wordsOf(head(withoutJoiners('en')) + head(withoutJoiners('de')));
  const options: Record<string, Parameters<typeof learnBpe>[1]> = {
    small_500: { numMerges: 500 },
    small_until_exhausted: { numMerges: 100_000 },
    small_min_frequency_10: { numMerges: 100_000, minFrequency: 10 },
    small_total_symbols_500: { numMerges: 500, totalSymbols: true },
  };
  const runs = learnFixture().small_runs.filter(({ id }: { id: string }) => id !== 'toy');
  assert.deepEqual(runs.map(({ id }: { id: string }) => id), Object.keys(options));
  for (const run of runs) {
    const merges = learnBpe(words, options[run.id]);
    assert.equal(merges.length, run.count);
    assert.equal(sha256(bpeCodesText(merges)), run.sha256, run.id);
    const bpe = new Bpe(parseBpeCodes(bpeCodesText(merges), 'learnt'));
    for (const { input, output } of run.applied ?? []) assert.equal(bpe.segmentLine(input), output);
  }
});

test('prepared from words it has the published merges and the published segmentation', async () => {
  for (const language of ['en', 'de']) writeFileSync(join(folder, `m30k.${language}`), withoutJoiners(language));
  const options: PrepareOptions = {
    outDir: join(folder, 'm30k'),
    srcLang: 'en',
    trgLang: 'de',
    train: { src: join(folder, 'm30k.en'), trg: join(folder, 'm30k.de') },
    subwords: { method: 'bpe', learn: { merges: 10000 } },
    vocabulary: { joined: true },
  };
  const { manifest } = await prepareCorpus(options);
  assert.equal(readFileSync(join(options.outDir, 'subwords.trg.codes'), 'utf8'), unpacked('bpe/code'));
  assert.equal(manifest.vocabularySizes.src, 9712);
  const prepared = await openPreparedCorpus(options.outDir);
  const dataset = prepared.dataset('train');
  const { trgVocabulary } = prepared.pipeline;
  const rows = Array.from({ length: dataset.length }, (_, row) => row);
  assert.deepEqual(
    dataset.pairs(rows).map(({ trg }) => trgVocabulary.decode(trg).join(' ')),
    unpacked('bpe/train.de').split('\n').slice(0, -1),
  );
  await prepared.close();
});
