import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { compareCodePoints } from '../codePoints.js';
import { Bpe } from './bpe.js';
import { parseBpeCodes } from './bpeCodes.js';
import { bpeCodesText, countWords, learnBpe, type Merge } from './learnBpe.js';
import { referencePath } from '../../../test/reference.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-learn-bpe-'));
after(() => rmSync(folder, { recursive: true }));

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

async function wordsOf(content: string): Promise<Map<string, number>> {
  writeFileSync(join(folder, 'text'), content);
  return countWords([join(folder, 'text')]);
}

test('a small text gives the merges of subword-nmt: ties, repeated letters, supplementary characters', async () => {
  const { small_runs } = JSON.parse(readFileSync(referencePath('text/subword/learn.json'), 'utf8'));
  const toy = small_runs.find(({ id }: { id: string }) => id === 'toy');
  const merges = learnBpe(await wordsOf(`${toy.input_lines.join('\n')}\n`.repeat(toy.repeated)), { numMerges: 200 });
  assert.equal(merges.length, toy.count);
  assert.equal(sha256(bpeCodesText(merges)), toy.sha256);
  const bpe = new Bpe(parseBpeCodes(bpeCodesText(merges), 'learnt'));
  for (const { input, output } of toy.applied ?? []) assert.equal(bpe.segmentLine(input), output);
});

/** The definition: count every pair again for every merge. */
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
  assert.throws(() => learnBpe(new Map(), { numMerges: 0 }), /numMerges is 0, expected an integer from 1 to/);
  assert.deepEqual(learnBpe(new Map(), { numMerges: 5 }), []);
});
