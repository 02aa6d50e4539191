import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { MersenneTwister } from '../../random/pythonRandom.js';
import { Bpe, removeJoiner } from './bpe.js';
import { parseBpeCodes, parseBpeVocabulary, readBpeCodes, readBpeVocabulary } from './bpeCodes.js';
import { referencePath } from '../../../test/reference.js';
import { Random } from '../../random/xoshiro.js';
import { bpeSampler, bpeUnits } from './sampleBpe.js';

const fixture = () => JSON.parse(readFileSync(referencePath('text/subword/apply.json'), 'utf8'));

const toy = parseBpeCodes('#version: 0.2\nl o\nlo w</w>\ne r</w>\nlo w\n', 'toy');

test('merges apply in the order of their ranks', () => {
  const bpe = new Bpe(toy);
  assert.equal(bpe.segmentLine('low lower slow  o lo'), 'low low@@ er s@@ low o l@@ o');
  assert.equal(bpe.segmentLine('  low '), '  low ');
  assert.equal(bpe.segmentLine(' \r '), ' \r ');
  assert.equal(bpe.segmentLine(''), '');
});

test('dropout leaves merges out: with certainty, never, and as the draws say', () => {
  const bpe = new Bpe(toy);
  const text = 'low lower slow l';
  assert.equal(
    bpe.segmentLine(text, { probability: 1, random: () => 1 - 2 ** -53 }),
    'l@@ o@@ w l@@ o@@ w@@ e@@ r s@@ l@@ o@@ w l',
  );
  assert.equal(bpe.segmentLine(text, { probability: 0, random: () => 0.5 }), bpe.segmentLine(text));
  // low: draws for "l o" and "o w</w>"; the first falls out, and with it all: "o w" is no merge
  const draws = [0.1, 0.9, 0.9, 0.9, 0.2];
  assert.equal(bpe.segmentLine('low low', { probability: 0.3, random: () => draws.shift()! }), 'l@@ o@@ w lo@@ w');
  assert.deepEqual(draws, []);
  assert.equal(bpe.segmentLine(text), 'low low@@ er s@@ low l'); // random segmentations are not remembered
});

test('with dropout the text stays the same, and a word is split in several ways', () => {
  const bpe = new Bpe(readBpeCodes(referencePath('text/subword/multi30k.codes.gz')));
  const twister = new MersenneTwister(1);
  const dropout = { probability: 0.1, random: () => twister.random() };
  const ways = new Set(Array.from({ length: 50 }, () => bpe.segmentLine('skateboarding children', dropout)));
  assert.ok(ways.size > 5, `${ways.size} ways`);
  for (const way of ways) assert.equal(removeJoiner(way), 'skateboarding children');
});

test('codes without a version line have the end of the word as a unit', () => {
  const bpe = new Bpe(parseBpeCodes('l o\nlo </w>\n', 'old'));
  assert.equal(bpe.segmentLine('lo lol'), 'lo lo@@ l');
});

test('overlapping occurrences merge from the left, the first rank of a repeated merge counts', () => {
  const bpe = new Bpe(parseBpeCodes('#version: 0.2\nx x\na b\nb c\na b\n', 'twice'));
  assert.equal(bpe.segmentLine('xxxy abcd'), 'xx@@ x@@ y ab@@ c@@ d');
});

test('glossaries are regular expressions as Python reads them', () => {
  const split = (glossaries: string[], text: string): string =>
    new Bpe(parseBpeCodes('#version: 0.2\na b\n', 'none'), { glossaries }).segmentLine(text);
  assert.equal(split(['\\d+'], 'x٣٤y'), 'x@@ ٣٤@@ y');
  assert.equal(split(['\\@\\-\\@', '&\\w+;'], 'ab@-@cd &quot; ä&äö;'), 'a@@ b@@ @-@@@ c@@ d &quot; ä@@ &äö;');
  assert.equal(
    split(['(?P<letter>[a-c])(?P=letter)'], 'xbbc'),
    'x@@ bb@@ b@@ c',
    'what a group captures comes twice, as there',
  );
  assert.equal(split(['(?:b|c){2}'], 'xbbc'), 'x@@ bb@@ c');
  assert.equal(split(['<\\/?\\w+>', '{\\d}'], 'x</seg>y{1}'), 'x@@ </seg>@@ y@@ {1}');
  assert.equal(split(['\\bÄb\\b'], 'Äb-Äbc'), 'Äb@@ -@@ Ä@@ b@@ c');
  assert.equal(split(['[[\\]]+'], 'x[[]y'), 'x@@ [[]@@ y');
});

test('a vocabulary of which nothing is frequent enough undoes no merge, as in subword-nmt', () => {
  assert.throws(
    () => parseBpeCodes('#version: 0.2 byte\na b\n', 'codes'),
    /codes:1: .* those of bytes \(learn-bpe --byte\) are not read/,
  );
  const codes = parseBpeCodes('#version: 0.2\na b\n', 'codes');
  assert.equal(new Bpe(codes, { vocabulary: parseBpeVocabulary('ab@@ 3\n', 'vocab', 4) }).segmentLine('abc'), 'ab@@ c');
  assert.equal(new Bpe(codes, { vocabulary: parseBpeVocabulary('c 4\n', 'vocab', 4) }).segmentLine('abc'), 'a@@ b@@ c');
});

test('faults of codes and vocabulary files are named', () => {
  assert.throws(
    () => parseBpeCodes('#version: 0.3\na b\n', 'codes'),
    /codes:1: "#version: 0.3": expected version 0.1 or 0.2/,
  );
  assert.throws(
    () => parseBpeCodes('#version: 0.2\na b\na b c\n', 'codes'),
    /codes:3: expected a merge of two units "left right", found "a b c"/,
  );
  assert.throws(() => parseBpeVocabulary('a 1\nb\n', 'vocab'), /vocab:2: expected "unit count", found "b"/);
  assert.throws(() => new Bpe(toy, { glossaries: ['('] }), /glossary entry .* is not a regular expression/);
});

test('output equals subword-nmt: whole and shortened code, other joiner', () => {
  const { multi30k_code, iwslt_code } = fixture();
  const path = referencePath('text/subword/multi30k.codes.gz');
  const all = new Bpe(readBpeCodes(path));
  const first1000 = new Bpe(readBpeCodes(path, 1000));
  const tilde = new Bpe(readBpeCodes(path), { joiner: '~~' });
  for (const { input, output, output_1000_merges, output_separator_tilde } of multi30k_code) {
    assert.equal(all.segmentLine(input), output);
    assert.equal(first1000.segmentLine(input), output_1000_merges);
    assert.equal(tilde.segmentLine(input), output_separator_tilde);
  }
  const iwslt = new Bpe(readBpeCodes(referencePath('text/subword/iwslt14.codes.gz')));
  for (const { input, output } of iwslt_code) assert.equal(iwslt.segmentLine(input), output);
});

test('output equals subword-nmt: vocabulary thresholds and glossaries', () => {
  const { vocabulary, glossaries } = fixture();
  const codes = readBpeCodes(referencePath('text/subword/multi30k.codes.gz'));
  const bpes = new Map<string, Bpe>();
  for (const language of ['en', 'de']) {
    bpes.set(`${language} no_vocabulary`, new Bpe(codes));
    for (const threshold of ['none', '1', '10', '50', '500']) {
      const units = readBpeVocabulary(
        referencePath(`text/subword/vocab.joint10k.${language}.gz`),
        threshold === 'none' ? undefined : Number(threshold),
      );
      bpes.set(`${language} threshold_${threshold}`, new Bpe(codes, { vocabulary: units }));
    }
  }
  for (const { language, input, ...outputs } of vocabulary) {
    for (const [column, output] of Object.entries(outputs))
      assert.equal(bpes.get(`${language} ${column}`)!.segmentLine(input), output, column);
  }
  const whole = new Bpe(codes, { glossaries: ['USA', '<tag>', 'https?://\\S+'] });
  for (const { input, output } of glossaries) assert.equal(whole.segmentLine(input), output);
});

test('glossary patterns read text as Python does', () => {
  const units = (word: string, ...glossaries: string[]): string[] => new Bpe(toy, { glossaries }).segment(word);
  assert.deepEqual(units('x\u2028y', 'x.y'), ['x\u2028y']); // a full stop is any character but a line feed
  assert.deepEqual(units('wUSAw\r', 'USA'), ['w@@', 'USA@@', 'w']); // what follows the last one is stripped
  assert.deepEqual(units('\rUSA', 'USA'), ['\r@@', 'USA']);
  assert.deepEqual(units('aab', 'a*'), ['aa@@', 'b']); // patterns may match nothing
});

test('removing the joiner undoes segmentation, for any words', () => {
  assert.equal(removeJoiner('low@@ er s@@'), 'lower s');
  const word = fc
    .string({ unit: 'binary', minLength: 1 })
    .filter((text) => !/[ \n\r]|@/.test(text) && !/[\s\x1c-\x1f\x85]$/u.test(text));
  const bpe = new Bpe(toy);
  fc.assert(
    fc.property(fc.array(word, { minLength: 1 }), (words) => {
      assert.equal(removeJoiner(bpe.segment(words.join(' ')).join(' ')), words.join(' '));
    }),
  );
});

test('a very long word takes little time and memory', () => {
  const word = 'low'.repeat(100_000);
  const units = new Bpe(toy).segment(word);
  assert.equal(units.length, 100_000);
  assert.deepEqual(units.slice(-2), ['low@@', 'low']);
});

test('glossary patterns that JavaScript lacks: as Python 3.11 reads them, or refused by name', () => {
  const split = (glossary: string, text: string): string =>
    new Bpe(parseBpeCodes('#version: 0.2\na b\n', 'none'), { glossaries: [glossary] }).segmentLine(text);
  assert.equal(split('[a-zA-Z0-9-_.]+@x', 'jane-d_7@x'), 'jane-d_7@x');
  assert.equal(split('\\d{,3}4', '1234'), '1234');
  assert.equal(split('(?i:usa)', 'xUSA'), 'x@@ USA');
  assert.equal(split('(?>ab)|(?:ab)++', 'abab'), 'abab');
  assert.equal(split('(?P<n>c)(?P=n)', 'xcc'), 'x@@ cc@@ c');
  for (const [glossary, named] of [
    ['\\p{Han}', '\\p'],
    ['\\h', '\\h'],
    ['[\\w-.]', 'range'],
    ['a(?i)b', '(?i)'],
  ])
    assert.throws(
      () => split(glossary, 'a'),
      (error: Error) => error.message.includes('is not a regular expression') && error.message.includes(named),
      glossary,
    );
});

const sampler = (codes: string, dropout: number, glossaries: string[] = []) => {
  const model = new Bpe(parseBpeCodes(codes, 'codes'), { glossaries });
  return bpeSampler(model, dropout);
};
const toyCodes = '#version: 0.2\nl o\nlo w</w>\ne r</w>\nlo w\n';

test('the words of segmented text are split again: dropout 1 gives characters, 0 the usual units', () => {
  const units = 'low low@@ er s@@ low l <unk> lo@@ <unk> w@@ <unk>'.split(' ');
  assert.deepEqual(
    sampler(toyCodes, 0)(units, () => 0),
    units,
  );
  assert.deepEqual(
    sampler(toyCodes, 1)(units, () => 0.99).join(' '),
    'l@@ o@@ w l@@ o@@ w@@ e@@ r s@@ l@@ o@@ w l <unk> lo@@ <unk> w@@ <unk>',
  );
  assert.deepEqual(
    sampler(toyCodes, 1)(['low@@'], () => 0.99),
    ['l@@', 'o@@', 'w@@', '@@@', '@'],
  ); // a word that ends so
});

test('splits are as frequent as those of subword-nmt', () => {
  const { text, dropout, meanUnits, splits } = JSON.parse(
    readFileSync(referencePath('text/sentencepiece/sampling.json'), 'utf8'),
  ).subwordNmt;
  const model = new Bpe(readBpeCodes(referencePath('text/subword/multi30k.codes.gz')));
  const sample = bpeSampler(model, dropout);
  const random = new Random(1);
  const draws = 20_000;
  const counts = new Map<string, number>();
  let units = 0;
  for (let i = 0; i < draws; i++) {
    const split = sample(model.segment(text), () => random.unit());
    units += split.length;
    counts.set(split.join(' '), (counts.get(split.join(' ')) ?? 0) + 1);
  }
  assert.ok(Math.abs(units / draws - meanUnits) < 0.03, `${units / draws}, not ${meanUnits}`);
  for (const [split, share] of Object.entries<number>(splits))
    assert.ok(Math.abs((counts.get(split) ?? 0) / draws - share) < 0.01, `${split}: ${counts.get(split)}`);
});

test('the units of a model hold whatever dropout can give', () => {
  for (const [codes, glossaries] of [
    [toyCodes, []],
    [toyCodes, ['low']],
    ['l o\nlo </w>\nlo w\n', []], // version 0.1
  ] as const) {
    const text = 'low lower slow o lo lowlo';
    const parsed = parseBpeCodes(codes, 'codes');
    const model = new Bpe(parsed, { glossaries });
    const units = bpeUnits(parsed, model.segment(text), { hasGlossaries: glossaries.length > 0 });
    const random = new Random(2);
    for (const dropout of [0, 0.3, 0.6, 1])
      for (let i = 0; i < 100; i++)
        for (const unit of bpeSampler(model, dropout)(model.segment(text), () => random.unit()))
          assert.ok(units.has(unit), `${unit} of ${codes}`);
  }
  const filtered = bpeUnits(toy, ['low'], { filter: new Set(['lo@@']), hasGlossaries: false });
  assert.deepEqual([...filtered].sort(), ['l@@', 'lo@@', 'low', 'o@@', 'w']);
});
