import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { cleanCorpus } from './cleanCorpus.js';
import { HeldOutText } from './heldOutText.js';
import { createCleaner, type CleanRules } from './rules.js';
import { textHash } from './textHash.js';
import { referencePath } from '../../../test/reference.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-clean-'));
after(() => rmSync(folder, { recursive: true }));
const write = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

test('each rule finds its fault and only its fault', () => {
  const reasonOf = (rules: CleanRules, src: string | null, trg: string | null, languages = ['de', 'en']) =>
    createCleaner(rules, { srcLang: languages[0], trgLang: languages[1] })(src, trg)?.rule ?? null;
  const table: [CleanRules, string | null, string | null, ReturnType<typeof reasonOf>][] = [
    [{}, 'a b', 'c', null],
    [{}, null, 'a', 'invalidUtf8'],
    [{}, ' ', 'a', 'empty'],
    [{}, '\u3000', 'a', 'empty'],
    [{ minTokens: 2 }, 'a b', 'c', 'tooShort'],
    [{ maxTokens: 2 }, 'a b c', 'd', 'tooLong'],
    [{ maxTokens: 3 }, 'a b c', 'd', null],
    [{ maxRatio: 1.5 }, 'a b c', 'd e', null],
    [{ maxRatio: 1.5 }, 'a b', 'c d e f', 'ratio'],
    [{ maxWordLength: 3 }, 'abc \u{1F600}\u{1F600}\u{1F600}', 'd', null],
    [{ maxWordLength: 3 }, 'a', 'bcde', 'longWord'],
    [{ controlCharacters: true }, 'a\u0007', 'b', 'controlCharacters'],
    [{ controlCharacters: true }, 'a\tb', 'c\u2028', 'controlCharacters'],
    [{ controlCharacters: true }, 'a\tb', 'c', null],
    [{ sameText: true }, 'Berlin ', 'berlin', 'sameText'],
    [{ sameText: true }, 'a', 'b', null],
    [{ maxRepeatedTokens: 2 }, 'a a', 'b', null],
    [{ maxRepeatedTokens: 2 }, 'a b b b', 'c', 'repeatedTokens'],
    [{ maxRepeatedTokens: 2 }, 'x a b a b a b y', 'c', 'repeatedTokens'],
    [{ maxRepeatedTokens: 2 }, 'a b a b a', 'c', null],
    [{ maxTokens: 2 }, 'a\u00a0b\u3000c', 'd', 'tooLong'],
    [{ maxTokens: 2, ignoreXml: true }, '<it> a b </it>', 'd', null],
  ];
  for (const [rules, src, trg, reason] of table)
    assert.equal(reasonOf(rules, src, trg), reason, JSON.stringify([rules, src, trg]));
  assert.equal(reasonOf({ minScriptShare: 0.5 }, '\u043f\u0440\u0438\u0432\u0435\u0442', 'hello'), 'script');
  assert.equal(
    reasonOf({ minScriptShare: 0.5 }, '\u043f\u0440\u0438\u0432\u0435\u0442 ok', 'hello', ['ru', 'en']),
    null,
  );
  assert.equal(reasonOf({ minScriptShare: 0.5 }, '12 : 30', '12 : 30'), null);
  // codes with a region, letters of several scripts, languages of other scripts
  for (const [line, language] of [
    ['\u4f60\u597d', 'zh-CN'],
    ['\u4f60\u597d', 'zh_tw'],
    ['\u4f60\u597d', 'yue'],
    ['\u30b3\u30fc\u30d2\u30fc', 'ja'],
    ['\u043e\u0431\u02bc\u0454\u043a\u0442', 'uk'],
    ['\u043f\u0440\u0438', 'rus'],
    ['\u043f\u0440\u0438', 'sr'],
    ['pri', 'sr'],
    ['\ud55c\uad6d\u6f22', 'ko'],
    ['\u0e44\u0e17\u0e22', 'th'],
    ['\u0a2a\u0a70', 'pa'],
    ['\u0b13', 'or'],
    ['olá', 'pt-br'],
  ] as const)
    assert.equal(reasonOf({ minScriptShare: 1 }, line, 'hello', [language, 'en']), null, language);
  assert.equal(reasonOf({ minScriptShare: 0.5 }, 'hello', 'hello', ['zh-CN', 'en']), 'script');
  assert.equal(reasonOf({ minScriptShare: 0.5 }, '\u30b3\u30fc', 'hello', ['zh', 'en']), 'script');
  for (const unknown of ['src', 'trg', 'txt', 'clean', ''])
    assert.throws(
      () => reasonOf({ minScriptShare: 0.5 }, 'a', 'b', [unknown, 'en']),
      /script of language ".*" is not known\. Name the languages/,
    );
  assert.equal(reasonOf({ minScriptShare: 0 }, 'a', 'b', ['src', 'trg']), null);
  assert.throws(() => reasonOf({ maxRatio: 0.5 }, 'a', 'b'), /maxRatio is 0.5, expected a number of at least 1/);
  assert.throws(
    () => reasonOf({ minTokens: 5, maxTokens: 4 }, 'a', 'b'),
    /minTokens is 5 and maxTokens 4: no pair would be left/,
  );
  assert.throws(
    () => reasonOf({ maxTokens: 1.5 }, 'a', 'b'),
    /corpus\.clean\.maxTokens is 1\.5, expected an integer from 1 to/,
  );
});

test('duplicates of pairs, sources and targets', () => {
  const reasons = (duplicates: CleanRules['duplicates']) => {
    const cleaner = createCleaner({ duplicates }, { srcLang: 'de', trgLang: 'en' });
    return [
      ['a', 'x'],
      ['a', 'x'],
      ['a', 'y'],
      ['b', 'y'],
      ['b', 'x'],
    ].map(([src, trg]) => cleaner(src, trg)?.rule ?? null);
  };
  assert.deepEqual(reasons(['pair']), [null, 'duplicatePair', null, null, null]);
  assert.deepEqual(reasons(['source']), [null, 'duplicateSource', 'duplicateSource', null, 'duplicateSource']);
  // (a, y) is removed for its source, so that (b, y) is the first with its target
  assert.deepEqual(reasons(['pair', 'source', 'target']), [
    null,
    'duplicatePair',
    'duplicateSource',
    null,
    'duplicateSource',
  ]);
});

test('held-out sentences on either side are leakage', () => {
  const heldOut = new HeldOutText();
  heldOut.add('a b', 'x y');
  const cleaner = createCleaner({}, { srcLang: 'de', trgLang: 'en', heldOut });
  assert.deepEqual(
    [cleaner('a b', 'z')?.found, cleaner('c', 'x y ')?.found, cleaner('a b', 'x y')?.rule, cleaner('x y', 'a b')],
    ['the source is in a held-out set', 'the target is in a held-out set', 'leakage', null],
  );
});

test('a corpus stays aligned, removed pairs are listed with their reason', async () => {
  const files = {
    src: write('train.de', 'eins\n\nzwei zwei\ndrei\n\nvier\n'),
    trg: write('train.en', 'one\nempty\ntwo\nthree\n\nfour\n'),
  };
  const heldOut = [{ src: write('test.de', 'drei\n'), trg: write('test.en', '3\n') }];
  const out = { src: join(folder, 'clean.de'), trg: join(folder, 'clean.en') };
  const options = {
    files,
    out,
    srcLang: 'de',
    trgLang: 'en',
    rules: { maxRatio: 1.5 },
    heldOut,
    removedFile: join(folder, 'removed.tsv'),
  };
  const report = await cleanCorpus(options);
  assert.deepEqual(
    [report.pairs, report.kept, report.removed.empty, report.removed.ratio, report.removed.leakage],
    [6, 2, 2, 1, 1],
  );
  assert.equal(readFileSync(out.src, 'utf8'), 'eins\nvier\n');
  assert.equal(readFileSync(out.trg, 'utf8'), 'one\nfour\n');
  assert.equal(
    readFileSync(options.removedFile, 'utf8'),
    '2\tempty\tthe source is empty\t\tempty\n3\tratio\t2 and 1 tokens, ratio at most 1.5\tzwei zwei\ttwo\n' +
      '4\tleakage\tthe source is in a held-out set\tdrei\tthree\n5\tempty\tthe source is empty\t\t\n',
  );
  await assert.rejects(cleanCorpus(options), /clean.de exists already/);
});

const mosesFolder = referencePath('text/moses/');
test('with tidied text the files equal those of clean-corpus-n', async () => {
  const corpus = JSON.parse(readFileSync(`${mosesFolder}clean_corpus.json`, 'utf8'));
  for (const [pairs, runs] of [
    ['pairs', 'runs'],
    ['factored_pairs', 'factored_runs'],
  ] as const) {
    const sides = ['en', 'de'].map(
      (side) => corpus[pairs].map((pair: Record<string, string>) => pair[side]) as string[],
    );
    const files = {
      src: write(`${pairs}.en`, `${sides[0].join('\n')}\n`),
      trg: write(`${pairs}.de`, `${sides[1].join('\n')}\n`),
    };
    for (const [number, { options, kept_lines, changed }] of corpus[runs].entries()) {
      const out = { src: join(folder, `${runs}.${number}.en`), trg: join(folder, `${runs}.${number}.de`) };
      await cleanCorpus({
        files,
        out,
        srcLang: 'en',
        trgLang: 'de',
        tidy: true,
        lowercase: options.lowercase,
        rules: {
          minTokens: options.min,
          maxTokens: options.max,
          maxRatio: options.ignore_ratio ? Infinity : options.ratio,
          maxWordLength: options.max_word_length ?? 1000,
          ignoreXml: options.ignore_xml,
        },
      });
      const altered = new Map<number, Record<string, string>>(
        changed.map((each: { line: number }) => [each.line, each]),
      );
      for (const [side, path, lines] of [
        ['en', out.src, sides[0]],
        ['de', out.trg, sides[1]],
      ] as const) {
        const expected = (kept_lines as number[])
          .map((line) => `${altered.get(line)?.[side] ?? lines[line - 1]}\n`)
          .join('');
        assert.equal(readFileSync(path, 'utf8'), expected, `${runs} ${number} ${side}`);
      }
    }
  }
});

test('for any removals, the rest is aligned, in order and accounted for', async () => {
  const line = fc.oneof(
    fc.constantFrom('', ' ', 'a b', 'c', 'a b c d e f', '\u0007', 'x x x x', '\r', 'a\u2028b', '\u00a0'),
    fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.replaceAll('\n', ' ')),
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(line, line), { maxLength: 40 }),
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      async (pairs, tidy, packed, strict) => {
        const name = (what: string): string => join(folder, `aligned.${run}.${what}`);
        run++;
        // the line's number before each side identifies the pair, and is not a separate word
        // a carriage return at the end is not part of a line
        const marked = pairs.map((pair, i) => pair.map((text) => `${i}:${text.replace(/\r+$/, '')}`));
        const end = packed ? '.gz' : '';
        const pack = (text: string) => (packed ? gzipSync(text) : text);
        const files = { src: name(`src${end}`), trg: name(`trg${end}`) };
        writeFileSync(files.src, pack(marked.map(([src]) => `${src}\n`).join('')));
        writeFileSync(files.trg, pack(marked.map(([, trg]) => `${trg}\n`).join('')));
        const out = { src: name(`out.src${end}`), trg: name(`out.trg${end}`) };
        const removedFile = name('removed');
        const report = await cleanCorpus({
          files,
          out,
          srcLang: 'de',
          trgLang: 'en',
          tidy,
          removedFile,
          rules: strict
            ? {
                maxTokens: 4,
                maxRatio: 2,
                controlCharacters: true,
                maxRepeatedTokens: 2,
                minScriptShare: 0.5,
                wrongLanguage: true,
                duplicates: ['pair', 'source', 'target'],
              }
            : {},
        });
        const lines = (path: string): string[] =>
          (packed && path !== removedFile ? gunzipSync(readFileSync(path)) : readFileSync(path))
            .toString('utf8')
            .split('\n')
            .slice(0, -1);
        const numbers = (path: string): number[] => lines(path).map((text) => Number(text.split(':')[0]));
        const [kept, removed] = [numbers(out.src), lines(removedFile).map((text) => Number(text.split('\t')[0]) - 1)];
        assert.deepEqual(numbers(out.trg), kept);
        assert.deepEqual(
          [...kept, ...removed].sort((a, b) => a - b),
          pairs.map((_, i) => i),
        );
        assert.deepEqual(
          kept,
          [...kept].sort((a, b) => a - b),
        );
        assert.deepEqual(
          [report.pairs, report.kept, Object.values(report.removed).reduce((sum, count) => sum + count)],
          [pairs.length, kept.length, removed.length],
        );
        if (!tidy)
          assert.deepEqual(
            lines(out.src),
            kept.map((i) => marked[i][0]),
          );
      },
    ),
    { numRuns: 60 },
  );
});

test("sentences in the other side's language are found", async () => {
  const sentences = (words: string, n: number): string[] =>
    Array.from({ length: n }, (_, i) =>
      Array.from(
        { length: 9 },
        (__, k) => words.split(' ')[(i * 7 + k * k * 3 + i * k) % words.split(' ').length],
      ).join(' '),
    );
  const german = sentences(
    'der Hund läuft schnell durch den großen Garten und eine Frau schaut ihm dabei zu während Kinder spielen',
    200,
  );
  const english = sentences(
    'the dog runs quickly through a large garden while some woman watches it and children are playing outside',
    200,
  );
  const [src, trg] = [[...german], [...english]];
  src[50] = english[3];
  trg[120] = german[9];
  [src[150], trg[150]] = [trg[150], src[150]];
  const out = { src: join(folder, 'lang.out.de'), trg: join(folder, 'lang.out.en') };
  const removedFile = join(folder, 'lang.removed.gz');
  const report = await cleanCorpus({
    files: { src: write('lang.de', `${src.join('\n')}\n`), trg: write('lang.en', `${trg.join('\n')}\n`) },
    out,
    srcLang: 'de',
    trgLang: 'en',
    rules: { wrongLanguage: true },
    removedFile,
  });
  assert.deepEqual([report.removed.wrongLanguage, report.kept], [3, 197]);
  assert.deepEqual(
    gunzipSync(readFileSync(removedFile))
      .toString('utf8')
      .split('\n')
      .slice(0, 3)
      .map((row) => row.split('\t').slice(0, 3)),
    [
      ['51', 'wrongLanguage', "the source looks like the other side's language"],
      ['121', 'wrongLanguage', "the target looks like the other side's language"],
      ['151', 'wrongLanguage', "the source looks like the other side's language"],
    ],
  );
});

test('failed cleaning leaves no file', async () => {
  const files = { src: write('a.de', 'eins\n'), trg: write('a.en', 'one\ntwo\n') };
  const before = readdirSync(folder).sort();
  await assert.rejects(
    cleanCorpus({
      files,
      out: { src: join(folder, 'o.de'), trg: join(folder, 'o.en') },
      srcLang: 'de',
      trgLang: 'en',
      rules: {},
    }),
    /different numbers of lines/,
  );
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
