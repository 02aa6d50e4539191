import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { coldstart, makeRealCorpus } from '../../test/realAblation.js';
import { createBatches } from '../data/batches.js';
import type { PairSource } from '../data/pairSource.js';
import { UsageError } from '../errors.js';
import { unkId } from '../text/specialIds.js';
import { openPreparedCorpus, type PreparedCorpus } from './preparedCorpus.js';
import { sampledPairs, type SamplingTask } from './sampledPairs.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-sampled-'));
after(() => rmSync(folder, { recursive: true }));

const task: SamplingTask = {
  sides: ['src', 'trg'],
  seed: 7,
  maxTokens: 1000,
  subwordDropout: 0.1,
  subwordAlpha: 0.1,
  subwordNbest: undefined,
};

function prepare(dir: string, ...settings: string[]): string {
  const args = [
    'corpus',
    'prepare',
    '-c',
    'config.yaml',
    ...[`corpus.dir=${dir}`, ...settings].flatMap((s) => ['--set', s]),
  ];
  const { status, output } = coldstart(args, folder);
  assert.equal(status, 0, output);
  return join(folder, dir);
}

async function withCorpus<T>(dir: string, use: (corpus: PreparedCorpus) => T): Promise<T> {
  const corpus = await openPreparedCorpus(dir);
  try {
    return await use(corpus);
  } finally {
    await corpus.close();
  }
}

const all = (source: PairSource): { src: number[]; trg: number[] }[] =>
  source
    .pairs(Array.from({ length: source.length }, (_, row) => row))
    .map(({ src, trg }) => ({ src: Array.from(src), trg: Array.from(trg) }));

const merges = 'corpus.subwords.merges=500';
let usualUnits: string;
let withAllUnits: string;
before(() => {
  makeRealCorpus(folder);
  usualUnits = prepare('usual', merges);
  withAllUnits = prepare('all', merges, 'corpus.vocabulary.allUnits=true');
});

describe('with byte-pair merges', () => {
  test('dropout 0 gives the pairs of the dataset, and so the same batches', () =>
    withCorpus(withAllUnits, (corpus) => {
      const dataset = corpus.dataset('train');
      const sampled = sampledPairs(corpus, { ...task, subwordDropout: 0 });
      assert.deepEqual(all(sampled(3)), all(dataset));
      const options = { maxTokens: 200, seed: 4 };
      const [ours, usual] = [createBatches(sampled, options), createBatches(dataset, options)].map((batches) => {
        const epoch = batches.epochBatches(3);
        return Array.from({ length: epoch.length }, (_, i) => epoch.batch(i));
      });
      assert.deepEqual(ours, usual);
    }));

  test('dropout 1 gives characters, all of them in the vocabulary', () =>
    withCorpus(withAllUnits, (corpus) => {
      const { srcVocabulary } = corpus.pipeline;
      for (const { src } of all(sampledPairs(corpus, { ...task, subwordDropout: 1 })(1))) {
        assert.ok(!src.includes(unkId));
        for (const unit of srcVocabulary.decode(src)) assert.equal(Array.from(unit.replace(/(?<=.)@@$/, '')).length, 1);
      }
    }));

  test('the text stays, splits differ between epochs, pairs and seeds, and lengths are those of the ids', () =>
    withCorpus(withAllUnits, (corpus) => {
      const usual = all(corpus.dataset('train'));
      const textOf = (pairs: { trg: number[] }[]): string[] =>
        pairs.map(({ trg }) => corpus.pipeline.decodeTarget(trg));
      const epochs = sampledPairs(corpus, task);
      const [first, second] = [epochs(1), epochs(2)];
      const [one, two] = [all(first), all(second)];
      for (const pairs of [one, two]) {
        assert.deepEqual(textOf(pairs), textOf(usual));
        assert.ok(!pairs.some(({ src, trg }) => src.includes(unkId) || trg.includes(unkId)));
      }
      assert.notDeepEqual(one, two);
      assert.notDeepEqual(one, usual);
      assert.deepEqual(all(sampledPairs(corpus, task)(1)), one);
      assert.notDeepEqual(all(sampledPairs(corpus, { ...task, seed: 8 })(1)), one);
      assert.deepEqual(
        Array.from(first.srcLengths),
        one.map(({ src }) => src.length),
      );
      assert.deepEqual(
        Array.from(second.trgLengths),
        two.map(({ trg }) => trg.length),
      );
      // of the same sentence in two rows the splits differ
      const splits = new Map<string, Set<string>>();
      one.forEach(({ trg }, row) => {
        const text = textOf([{ trg: usual[row].trg }])[0];
        splits.set(text, (splits.get(text) ?? new Set()).add(trg.join(' ')));
      });
      assert.ok([...splits.values()].some((ways) => ways.size > 1) || splits.size === one.length);
    }));

  test('one side alone is split again; a pair that would get too long keeps its usual units', () =>
    withCorpus(withAllUnits, (corpus) => {
      const usual = all(corpus.dataset('train'));
      const target = all(sampledPairs(corpus, { ...task, sides: ['trg'], subwordDropout: 1 })(1));
      assert.deepEqual(
        target.map(({ src }) => src),
        usual.map(({ src }) => src),
      );
      assert.notDeepEqual(
        target.map(({ trg }) => trg),
        usual.map(({ trg }) => trg),
      );
      const longest = Math.max(...usual.map(({ src, trg }) => Math.max(src.length, trg.length)));
      const limited = all(sampledPairs(corpus, { ...task, subwordDropout: 1, maxTokens: longest })(1));
      let kept = 0;
      limited.forEach((pair, row) => {
        assert.ok(Math.max(pair.src.length, pair.trg.length) <= longest);
        if (JSON.stringify(pair) === JSON.stringify(usual[row])) kept++;
      });
      assert.ok(kept > 0 && kept < usual.length, `${kept}`);
    }));
});

test('a unigram model is sampled, with its unseen pieces in the vocabulary', async () => {
  const dir = prepare(
    'pieces',
    'corpus.vocabulary.allUnits=true',
    'corpus.subwords.method=sentencepiece',
    'corpus.subwords.merges=null',
    'corpus.subwords.vocabSize=120',
  );
  await withCorpus(dir, (corpus) => {
    const usual = all(corpus.dataset('train'));
    for (const subwordNbest of [undefined, 5]) {
      const sampled = all(sampledPairs(corpus, { ...task, subwordNbest })(1));
      assert.ok(!sampled.some(({ src, trg }) => src.includes(unkId) || trg.includes(unkId)));
      assert.notDeepEqual(sampled, usual);
      const decode = ({ trg }: { trg: number[] }): string => corpus.pipeline.decodeTarget(trg);
      assert.deepEqual(sampled.map(decode), usual.map(decode));
    }
  });
});

describe('what cannot be sampled is refused', () => {
  test('a vocabulary without all units, with their number and the setting', () =>
    withCorpus(usualUnits, (corpus) => {
      assert.throws(
        () => sampledPairs(corpus, task),
        (error: Error) =>
          error instanceof UsageError &&
          /train\.sampleSubwords splits words into units that the source vocabulary of .*usual lacks: \d+ of them, such as ".+"\. They would become <unk>\. Prepare the corpus with corpus\.vocabulary\.allUnits set to true\./.test(
            error.message,
          ),
      );
    }));

  test('text that was tokens already', async () => {
    const dir = prepare('words', 'corpus.subwords.method=none', 'corpus.subwords.merges=null');
    await withCorpus(dir, (corpus) =>
      assert.throws(
        () => sampledPairs(corpus, { ...task, sides: ['trg'] }),
        /train\.sampleSubwords asks to split the target again in each epoch, but the subwords of .*words have the method none: the text was tokens already\. Prepare the corpus with the subwords bpe or sentencepiece/,
      ),
    );
  });

  test('all units and a smaller vocabulary contradict each other', () => {
    const settings = ['corpus.dir=never', 'corpus.vocabulary.allUnits=true', 'corpus.vocabulary.maxSize=100'];
    const { status, output } = coldstart(
      ['corpus', 'prepare', '-c', 'config.yaml', ...settings.flatMap((s) => ['--set', s])],
      folder,
    );
    assert.equal(status, 2);
    assert.match(
      output,
      /corpus\.vocabulary\.allUnits gives every unit an id, but minCount, maxSize or a vocabulary file leaves some out/,
    );
  });
});

test('without the setting the manifest and the vocabulary are as before', () => {
  const { settings } = JSON.parse(readFileSync(join(usualUnits, 'manifest.json'), 'utf8'));
  assert.ok(!('vocabulary.allUnits' in settings));
  const lines = (dir: string): string[] => readFileSync(join(dir, 'vocab.src.txt'), 'utf8').trimEnd().split('\n');
  const [usual, everything] = [lines(usualUnits), lines(withAllUnits)];
  assert.deepEqual(everything.slice(0, usual.length), usual);
  for (const line of everything.slice(usual.length)) assert.match(line, / 0$/);
  assert.ok(everything.length > usual.length);
});
