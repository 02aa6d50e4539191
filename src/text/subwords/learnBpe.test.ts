import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { compareCodePoints } from '../codePoints.js';
import { Bpe } from './bpe.js';
import { parseBpeCodes } from './bpeCodes.js';
import { bpeCodesText, bpeVocabularyText, countWords, learnBpe, type Merge } from './learnBpe.js';

const shared = fileURLToPath(new URL('../../../../../shared/', import.meta.url));
const skip = existsSync(`${shared}fixtures/text/subword`) ? false : 'shared/fixtures/text/subword is not there';
const folder = mkdtempSync(join(tmpdir(), 'coldstart-learn-bpe-'));
after(() => rmSync(folder, { recursive: true }));

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The training text without joiners, as the reference runs read it (tok: the published file had one doubled space). */
function text(language: string, joined = false): string {
  const bpe = gunzipSync(readFileSync(`${shared}data/multi30k/bpe/train.${language}.gz`)).toString('utf8');
  return joined ? bpe : bpe.replaceAll('@@ ', '');
}

async function wordsOf(content: string): Promise<Map<string, number>> {
  writeFileSync(join(folder, 'text'), content);
  return countWords([join(folder, 'text')]);
}

test('10,000 joint merges and the vocabulary equal subword-nmt on Multi30k', { skip }, async () => {
  const { runs, get_vocab } = JSON.parse(readFileSync(`${shared}fixtures/text/subword/learn.json`, 'utf8'));
  const merges = learnBpe(await wordsOf(text('en') + text('de')), { numMerges: 10_000 });
  assert.equal(sha256(bpeCodesText(merges)), runs[1].sha256);
  assert.equal(sha256(bpeCodesText(merges.slice(0, 2000))), runs[0].sha256);
  assert.equal(sha256(bpeVocabularyText(await wordsOf(text('en', true)))), get_vocab.sha256);
});

test(
  'small inputs equal subword-nmt: ties, exhaustion, least frequency, total symbols, supplementary characters',
  { skip },
  async () => {
    const { small_runs } = JSON.parse(readFileSync(`${shared}fixtures/text/subword/learn.json`, 'utf8'));
    const head = (content: string): string =>
      content
        .split('\n')
        .slice(0, 200)
        .map((line) => `${line}\n`)
        .join('');
    const small = await wordsOf(head(text('en')) + head(text('de')));
    const options: Record<string, Parameters<typeof learnBpe>[1]> = {
      small_500: { numMerges: 500 },
      small_until_exhausted: { numMerges: 100_000 },
      small_min_frequency_10: { numMerges: 100_000, minFrequency: 10 },
      small_total_symbols_500: { numMerges: 500, totalSymbols: true },
      toy: { numMerges: 200 },
    };
    for (const run of small_runs) {
      const words = run.id === 'toy' ? await wordsOf(`${run.input_lines.join('\n')}\n`.repeat(run.repeated)) : small;
      const merges = learnBpe(words, options[run.id]);
      assert.equal(merges.length, run.count);
      assert.equal(sha256(bpeCodesText(merges)), run.sha256, run.id);
      if (run.applied) {
        const bpe = new Bpe(parseBpeCodes(bpeCodesText(merges), 'learnt'));
        for (const { input, output } of run.applied) assert.equal(bpe.segmentLine(input), output);
      }
    }
  },
);

/** The definition: count every pair anew for every merge. */
function learnSlowly(wordCounts: ReadonlyMap<string, number>, numMerges: number): Merge[] {
  let words = [...wordCounts].map(([word, count]) => ({
    units: Array.from(word).map((c, i, all) => (i === all.length - 1 ? `${c}</w>` : c)),
    count,
  }));
  const merges: Merge[] = [];
  while (merges.length < numMerges) {
    const counts = new Map<string, number>();
    for (const { units, count } of words) {
      for (let i = 0; i + 1 < units.length; i++)
        counts.set(`${units[i]} ${units[i + 1]}`, (counts.get(`${units[i]} ${units[i + 1]}`) ?? 0) + count);
    }
    const ranked = [...counts].map(([pair, count]) => ({ pair: pair.split(' ') as unknown as Merge, count }));
    ranked.sort(
      (a, b) =>
        b.count - a.count || -compareCodePoints(a.pair[0], b.pair[0]) || -compareCodePoints(a.pair[1], b.pair[1]),
    );
    if (ranked.length === 0 || ranked[0].count < 2) break;
    const [left, right] = ranked[0].pair;
    merges.push([left, right]);
    words = words.map(({ units, count }) => {
      const after: string[] = [];
      for (let i = 0; i < units.length; i++) {
        if (units[i] === left && units[i + 1] === right) after.push(units[i++] + right);
        else after.push(units[i]);
      }
      return { units: after, count };
    });
  }
  return merges;
}

test('merges equal the plain definition on random words of few letters', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '\u{1F600}', '\uFF5E'), minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.dictionary(word, fc.integer({ min: 1, max: 5 }), { maxKeys: 12 }), (words) => {
      const counts = new Map(Object.entries(words));
      assert.deepEqual(learnBpe(counts, { numMerges: 30 }), learnSlowly(counts, 30));
    }),
  );
});

test('faults are named', () => {
  assert.throws(() => learnBpe(new Map(), { numMerges: 0 }), /number of merges is 0, expected a positive integer/);
  assert.deepEqual(learnBpe(new Map(), { numMerges: 5 }), []);
});
