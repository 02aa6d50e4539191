import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { cleanCorpus } from './cleanCorpus.js';
import { createCleaner, HeldOutText, type CleanRules } from './rules.js';
import { textHash } from './textHash.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-clean-'));
after(() => rmSync(folder, { recursive: true }));
const write = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

test('each rule finds its fault and only its fault', () => {
  const reasonOf = (rules: CleanRules, src: string | null, trg: string | null, languages = ['de', 'en']) =>
    createCleaner(rules, { srcLang: languages[0], trgLang: languages[1] })(src, trg);
  const table: [CleanRules, string | null, string | null, ReturnType<typeof reasonOf>][] = [
    [{}, 'a b', 'c', null], [{}, null, 'a', 'invalidUtf8'], [{}, ' ', 'a', 'empty'], [{}, '\u3000', 'a', 'empty'],
    [{ minTokens: 2 }, 'a b', 'c', 'tooShort'], [{ maxTokens: 2 }, 'a b c', 'd', 'tooLong'], [{ maxTokens: 3 }, 'a b c', 'd', null],
    [{ maxRatio: 1.5 }, 'a b c', 'd e', null], [{ maxRatio: 1.5 }, 'a b', 'c d e f', 'ratio'],
    [{ maxWordLength: 3 }, 'abc \u{1F600}\u{1F600}\u{1F600}', 'd', null], [{ maxWordLength: 3 }, 'a', 'bcde', 'longWord'],
    [{ controlCharacters: true }, 'a\u0007', 'b', 'controlCharacters'], [{ controlCharacters: true }, 'a\tb', 'c\u2028', 'controlCharacters'], [{ controlCharacters: true }, 'a\tb', 'c', null],
    [{ sameText: true }, 'Berlin ', 'berlin', 'sameText'], [{ sameText: true }, 'a', 'b', null],
    [{ maxRepeatedTokens: 2 }, 'a a', 'b', null], [{ maxRepeatedTokens: 2 }, 'a b b b', 'c', 'repeatedTokens'],
  ];
  for (const [rules, src, trg, reason] of table) assert.equal(reasonOf(rules, src, trg), reason, JSON.stringify([rules, src, trg]));
  assert.equal(reasonOf({ minScriptShare: 0.5 }, '\u043f\u0440\u0438\u0432\u0435\u0442', 'hello'), 'script');
  assert.equal(reasonOf({ minScriptShare: 0.5 }, '\u043f\u0440\u0438\u0432\u0435\u0442 ok', 'hello', ['ru', 'en']), null);
  assert.equal(reasonOf({ minScriptShare: 0.5 }, '12 : 30', '12 : 30'), null);
  assert.throws(() => reasonOf({ maxRatio: 0.5 }, 'a', 'b'), /maxRatio is 0.5, expected a number of at least 1/);
  assert.throws(() => reasonOf({ maxTokens: 1.5 }, 'a', 'b'), /maxTokens is 1.5, expected a positive integer/);
});

test('duplicates of pairs, sources and targets', () => {
  const reasons = (duplicates: CleanRules['duplicates']) => {
    const cleaner = createCleaner({ duplicates }, { srcLang: 'de', trgLang: 'en' });
    return [['a', 'x'], ['a', 'x'], ['a', 'y'], ['b', 'y'], ['b', 'x']].map(([src, trg]) => cleaner(src, trg));
  };
  assert.deepEqual(reasons(['pair']), [null, 'duplicatePair', null, null, null]);
  assert.deepEqual(reasons(['source']), [null, 'duplicateSource', 'duplicateSource', null, 'duplicateSource']);
  // (a, y) is removed for its source, so that (b, y) is the first with its target
  assert.deepEqual(reasons(['pair', 'source', 'target']), [null, 'duplicatePair', 'duplicateSource', null, 'duplicateSource']);
});

test('held-out sentences on either side are leakage', () => {
  const heldOut = new HeldOutText();
  heldOut.add('a b', 'x y');
  const cleaner = createCleaner({}, { srcLang: 'de', trgLang: 'en', heldOut });
  assert.deepEqual([cleaner('a b', 'z'), cleaner('c', 'x y '), cleaner('x y', 'a b')], ['leakage', 'leakage', null]);
});

test('a corpus stays aligned, removed pairs are listed with their reason', async () => {
  const files = { src: write('train.de', 'eins\n\nzwei zwei\ndrei\n\nvier\n'), trg: write('train.en', 'one\nempty\ntwo\nthree\n\nfour\n') };
  const heldOut = [{ src: write('test.de', 'drei\n'), trg: write('test.en', '3\n') }];
  const out = { src: join(folder, 'clean.de'), trg: join(folder, 'clean.en') };
  const options = { files, out, srcLang: 'de', trgLang: 'en', rules: { maxRatio: 1.5 }, heldOut, removedFile: join(folder, 'removed.tsv') };
  const report = await cleanCorpus(options);
  assert.deepEqual([report.pairs, report.kept, report.removed.empty, report.removed.ratio, report.removed.leakage], [6, 2, 2, 1, 1]);
  assert.equal(readFileSync(out.src, 'utf8'), 'eins\nvier\n');
  assert.equal(readFileSync(out.trg, 'utf8'), 'one\nfour\n');
  assert.equal(readFileSync(options.removedFile, 'utf8'), '2\tempty\t\tempty\n3\tratio\tzwei zwei\ttwo\n4\tleakage\tdrei\tthree\n5\tempty\t\t\n');
  await assert.rejects(cleanCorpus(options), /clean.de exists already/);
});

test('failed cleaning leaves no file', async () => {
  const files = { src: write('a.de', 'eins\n'), trg: write('a.en', 'one\ntwo\n') };
  const before = readdirSync(folder).sort();
  await assert.rejects(cleanCorpus({ files, out: { src: join(folder, 'o.de'), trg: join(folder, 'o.en') }, srcLang: 'de', trgLang: 'en', rules: {} }), /different numbers of lines/);
  assert.deepEqual(readdirSync(folder).sort(), before);
});

test('hashes of different texts differ', () => {
  const seen = new Map<number, string>();
  for (let i = 0; i < 50_000; i++) {
    const hash = textHash(`sentence ${i}`);
    assert.ok(Number.isSafeInteger(hash));
    assert.equal(seen.has(hash), false, `${i}`);
    seen.set(hash, `${i}`);
  }
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => a === b || textHash(a) !== textHash(b)));
});
