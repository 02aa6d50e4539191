import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { createPairCleaner } from './cleanPair.js';
import { createDetokenizer } from './detokenize.js';
import { nonbreakingPrefixes, parseNonbreakingPrefixes } from './nonbreakingPrefixes.js';
import { createPunctuationNormalizer, lowercase, removeNonPrinting } from './normalize.js';
import { isBlank } from './perlText.js';
import { createTokenizer, createUtf8Tokenizer } from './tokenize.js';
import { padLine, tokenizeLine } from './tokenizeLine.js';
import { languageRules } from './tokenizerRules.js';
import { referencePath } from '../../../test/reference.js';
import { caseLines } from '../../../test/cases.js';
import { perlPattern } from './perlPattern.js';

const fixture = (name: string) => JSON.parse(readFileSync(referencePath(`text/moses/${name}.json`), 'utf8'));

for (const language of ['en', 'de', 'fr', 'cs']) {
  test(`every column of the Moses scripts is equal: ${language}`, () => {
    const { lines, detokenise, protected_patterns } = fixture(language);
    const tokenize = createTokenizer(language);
    const normalize = createPunctuationNormalizer(language);
    const detokenize = createDetokenizer(language);
    const aggressive = createTokenizer(language, { aggressive: true });
    const columns: Record<string, (line: Record<string, string>) => string> = {
      tok: ({ input }) => tokenize(input),
      tok_a: ({ input }) => aggressive(input),
      tok_noescape: ({ input }) => createTokenizer(language, { escape: false })(input),
      tok_a_noescape: ({ input }) => createTokenizer(language, { aggressive: true, escape: false })(input),
      tok_protected: ({ input }) => createTokenizer(language, { protectedPatterns: protected_patterns })(input),
      norm: ({ input }) => normalize(input),
      lower: ({ input }) => lowercase(input),
      remove_non_printing: ({ input }) => removeNonPrinting(input),
      pipeline: ({ input }) => tokenize(normalize(lowercase(input))),
      norm_tok: ({ input }) => tokenize(normalize(input)),
      tok_detok: ({ tok }) => detokenize(tok),
      tok_a_detok: ({ tok_a }) => detokenize(tok_a),
    };
    for (const line of lines)
      for (const [column, run] of Object.entries(columns))
        assert.equal(run(line), line[column], `${column} of ${JSON.stringify(line.input)}`);
    const capital = createDetokenizer(language, { upperCaseFirst: true });
    for (const { input, detok, detok_u } of detokenise) {
      assert.equal(detokenize(input), detok);
      assert.equal(capital(input), detok_u);
    }
  });
}

test('cleaning keeps and changes the same pairs as clean-corpus-n', () => {
  const corpus = fixture('clean_corpus');
  for (const [pairs, runs, factored] of [
    ['pairs', 'runs', false],
    ['factored_pairs', 'factored_runs', true],
  ] as const) {
    for (const { options, kept_lines, changed } of corpus[runs]) {
      const clean = createPairCleaner({
        min: options.min,
        max: options.max,
        ratio: options.ignore_ratio ? Infinity : options.ratio,
        maxWordLength: options.max_word_length,
        lowercase: options.lowercase,
        ignoreXml: options.ignore_xml,
        factored,
      });
      const kept: number[] = [];
      const altered: unknown[] = [];
      corpus[pairs].forEach(({ en, de }: { en: string; de: string }, index: number) => {
        const result = clean(en, de);
        if ('removed' in result) return;
        kept.push(index + 1);
        if (result.src !== en || result.trg !== de) altered.push({ line: index + 1, en: result.src, de: result.trg });
      });
      assert.deepEqual(kept, kept_lines);
      assert.deepEqual(altered, changed);
    }
  }
});

test('lower case is that of Unicode 14, for any version of Node.js', () => {
  assert.equal(lowercase('ΑΣ \u1c89\ua7cbA \u0130'), 'ας \u1c89\ua7cba i\u0307'.replace('ς', 'σ'));
});

test('why a pair is removed', () => {
  const clean = createPairCleaner({ min: 2, max: 4, ratio: 1.5, maxWordLength: 5 });
  assert.deepEqual(clean(' a |b\u00a0 c', 'd e'), { src: 'a b c', trg: 'd e' });
  assert.deepEqual(clean('a b', '\u3000'), { removed: 'empty' });
  assert.deepEqual(clean('a b c d e', 'a b'), { removed: 'tooLong' });
  assert.deepEqual(clean('a', 'a b'), { removed: 'tooShort' });
  assert.deepEqual(clean('a b c d', 'a b'), { removed: 'ratio' });
  assert.deepEqual(clean('a bcdefg', 'a b'), { removed: 'longWord' });
  assert.throws(
    () => createPairCleaner({ min: 1, max: 4, factored: true })('a||b', 'c|d|e'),
    /a factor is empty in "a\|\|b"/,
  );
});

test("a user's prefix list replaces the built-in one", () => {
  const prefixes = parseNonbreakingPrefixes(
    '# comment\nabbr #NUMERIC_ONLY#\nXyz\r\n\n0\nSaint # short\nNr\nNr #NUMERIC_ONLY#\n',
  );
  const tokenize = createTokenizer('en', { prefixes });
  assert.equal(
    tokenize('Dr. No and Xyz. Abc abbr. 5 abbr. X Saint. Y'),
    'Dr . No and Xyz. Abc abbr. 5 abbr . X Saint . Y',
  );
  assert.equal(tokenize('Nr. 5 and Nr. Five and 0. Zero'), 'Nr. 5 and Nr . Five and 0 . Zero');
});

test('the lists of abbreviations have as many entries as those of Moses, the other languages the English one', () => {
  const expected: Record<string, [always: number, beforeNumber: number, one: string]> = {
    en: [102, 3, 'e.g'],
    de: [298, 0, 'z.B'],
    fr: [144, 0, 'A.M'],
    cs: [324, 0, 'např'],
    el: [1562, 0, 'Αθ'],
    es: [107, 0, 'Apdo'],
    it: [155, 3, 'Geom'],
    nl: [93, 2, 'mevr'],
    pl: [268, 11, 'dosł'],
    pt: [178, 4, 'Exmo'],
    ro: [38, 0, 'șamd'],
    ru: [279, 0, '0гг'],
    sv: [79, 0, 'kl'],
  };
  for (const [language, [always, beforeNumber, one]] of Object.entries(expected)) {
    const list = nonbreakingPrefixes(language);
    const kinds = [...list.values()];
    assert.deepEqual(
      [kinds.filter((kind) => kind === 'always').length, kinds.filter((kind) => kind === 'beforeNumber').length],
      [always, beforeNumber],
      language,
    );
    assert.equal(list.get(one), 'always', language);
    for (const word of list.keys()) assert.match(word, /^\S+$/, language);
  }
  assert.equal(nonbreakingPrefixes('en').get('No'), 'beforeNumber');
  assert.deepEqual(nonbreakingPrefixes('xx'), nonbreakingPrefixes('en'));
  assert.deepEqual(nonbreakingPrefixes('constructor'), nonbreakingPrefixes('en'));
});

test('rules of languages without reference outputs', () => {
  const cases: [string, string, string][] = [
    ['fi', 'EU:n jäsenet: USA:ssa 20:een ja 5:4', 'EU:n jäsenet : USA:ssa 20:een ja 5 : 4'],
    ['sv', 'S:t Eriksgatan, t.ex. 12:30', 'S:t Eriksgatan , t.ex. 12 : 30'],
    ['ca', "L'il·lusió d'en Pere · fi", 'L&apos; il·lusió d&apos; en Pere · fi'],
    ['ca', 'col·legi i l·L, Â·L', 'col·legi i l·L , Â· L'], // as Perl reads the script, in which it sees the middle dot as two characters
    ['ga', "d'ith sé", 'd&apos; ith sé'],
    ['it', "l'uomo po' '90", 'l&apos; uomo po &apos; &apos; 90'],
    ['so', "su'aal 'haa'", 'su&apos;aal &apos; haa&apos;'],
    ['tdt', "ne'ebé sa'e N'O", 'ne&apos;ebé sa&apos;e N &apos; O'],
    ['es', '¿Qué tal, Sr. López?', '¿ Qué tal , Sr. López ?'],
    ['zh', '你好，世界。abc', '你好 ， 世界 。 abc'],
    ['hi', 'नमस्ते', 'नमस ् ते'],
  ];
  for (const [language, input, expected] of cases) assert.equal(createTokenizer(language)(input), expected, language);
  assert.equal(createTokenizer('en', { skipTags: true })('<seg id="1">'), '<seg id="1">');
  assert.equal(createTokenizer('en')('<a>'), '&lt; a &gt;');
});

test('protected patterns are read as Perl reads them', () => {
  const whole = (pattern: string, input: string) => createTokenizer('en', { protectedPatterns: [pattern] })(input);
  assert.equal(whole('[\\w.-]+@[\\w-]+', 'an müller-x@bücher-y, ok'), 'an müller-x@bücher-y , ok');
  assert.equal(whole('\\d+/\\d+', '٣/٤ 1/2 a/b'), '٣/٤ 1/2 a / b');
  assert.equal(whole('(\\w+)\\/(\\w+)', 'ä/ö or x/y'), 'ä/ö or x/y');
  assert.equal(whole('\\b[[:upper:]]{2}:[[:digit:]]+', 'AB:12 xCD:12'), 'AB:12 xCD : 12');
  assert.equal(whole('{[^}]+}', '{a, b} (c)'), '{a, b} ( c )');
  assert.equal(whole('(?i)www\\.[\\w-.]+', 'WWW.a-b.de!'), 'WWW.a-b.de !');
  assert.equal(whole('\\p{IsSc}\\p{IsN}+', '€5, %5'), '€5 , % 5');
  assert.throws(() => whole('(a', ''), /protected pattern "\(a" is not a regular expression/);
});

test("remembered words give the result of the script's steps", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "'",
      "'",
      '.',
      '..',
      '...',
      ',',
      ' ',
      ' ',
      ' ',
      '5',
      '7',
      'a',
      'B',
      's',
      '-',
      ':',
      '·',
      '"',
      '&',
      'Mr.',
      'No.',
      'é',
      'Wort',
      ' maß, ',
      ' Öl. ',
      ' etc. ',
      'DOTMULTI',
      '\u0001',
      '\u00a0',
      '\u0085',
      '\u1680',
      '\u2003',
      '\u2028',
      '\u205f',
      '\u3000',
      '×',
      '÷',
      'ß',
      'Þ',
      'Ärger',
      'THISISPROTECTED',
      '`',
      '(',
      'e.g.',
      'A.',
    ),
    fc.string({ unit: 'grapheme', maxLength: 2 }),
  );
  const text = fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join('').replaceAll('\n', ' '));
  for (const language of ['en', 'de', 'fr', 'fi', 'ca', 'so', 'tdt']) {
    for (const aggressive of [false, true]) {
      const tokenize = createTokenizer(language, { aggressive });
      const rules = { ...languageRules(language), aggressive, escape: true, prefixes: nonbreakingPrefixes(language) };
      fc.assert(
        fc.property(text, (line) => {
          const expected = isBlank(line) ? line : tokenizeLine(padLine(line), rules);
          assert.equal(tokenize(line), expected);
        }),
        { numRuns: 400 },
      );
      const tokenizeUtf8 = createUtf8Tokenizer(language, { aggressive });
      fc.assert(
        fc.property(fc.array(text, { maxLength: 8 }), (lines) => {
          const expected = lines.map(tokenize).join('\n');
          assert.equal(tokenize(lines.join('\n')), expected);
          assert.equal(tokenizeUtf8(Buffer.from(lines.join('\n'))).toString(), expected);
        }),
        { numRuns: 40 },
      );
    }
  }
});

test('detokenising undoes tokenising on plain sentences', () => {
  const word = fc.stringMatching(/^[a-z]{1,8}$/);
  const sentence = fc
    .tuple(
      fc.array(fc.tuple(word, fc.constantFrom('', '', '', ',', ';', ':')), { minLength: 1, maxLength: 10 }),
      word,
      fc.constantFrom('.', '?', '!'),
    )
    .map(([words, last, end]) => `${words.map(([text, mark]) => text + mark).join(' ')} ${last}${end}`);
  for (const language of ['en', 'de', 'cs']) {
    const tokenize = createTokenizer(language);
    const detokenize = createDetokenizer(language);
    fc.assert(
      fc.property(sentence, (text) => {
        assert.equal(detokenize(tokenize(text)), text);
      }),
    );
  }
});

test('text in UTF-8 is tokenised as decoded text is, with protected stretches and tags too', () => {
  const options = { protectedPatterns: ['\\d+/\\d+'], skipTags: true };
  const text = '<seg id="1">\nÜber 1/2, "ja".\n\nEnde ...';
  assert.equal(
    createUtf8Tokenizer('de', options)(Buffer.from(text)).toString(),
    '<seg id="1">\nÜber 1/2 , &quot; ja &quot; .\n\nEnde ...',
  );
  for (const own of [options, {}]) {
    const tokenized = createUtf8Tokenizer('de', own)(new TextEncoder().encode('„Über alles“, ja.'));
    assert.equal(new TextDecoder().decode(tokenized), '„ Über alles “ , ja .');
  }
  assert.equal(createTokenizer('de', options)(text), '<seg id="1">\nÜber 1/2 , &quot; ja &quot; .\n\nEnde ...');
  const half = 'a\ud800b, c.'; // half of a surrogate pair has no UTF-8, and is kept
  assert.equal(createTokenizer('de', { skipTags: true })(half), createTokenizer('de')(half));
  assert.ok(createTokenizer('de')(half).includes('\ud800'));
});

test('any text is tokenised without loss of letters and without doubled spaces', () => {
  const tokenize = createTokenizer('en', { escape: false });
  const visible = (text: string): string => text.replace(/[\s\x85\0-\x1f]/g, '');
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }).filter((text) => !/[\n\ufeff]/.test(text) && visible(text) !== ''),
      (text) => {
        const tokens = tokenize(text);
        assert.equal(visible(tokens), visible(text));
        assert.doesNotMatch(tokens.slice(0, -1), /  /);
      },
    ),
  );
});

test('faulty protected patterns are named', () => {
  assert.throws(
    () => createTokenizer('en', { protectedPatterns: ['('] }),
    /protected pattern "\(" is not a regular expression/,
  );
});

test('Irish words with an apostrophe stay separate', () => {
  assert.deepEqual(caseLines('07-irish-elision.txt').map(createDetokenizer('ga')), [
    "d 'ith sé",
    "d' ith sé",
    "b' fhéidir go raibh",
  ]);
});

test('Czech and German abbreviations are those of Moses where corpora showed a difference', () => {
  assert.equal(createTokenizer('cs')('p. Novák, med. X'), 'p. Novák , med . X');
  assert.equal(createTokenizer('fr')("c.-à-d. l'an, boul. X"), 'c.-à-d. l&apos; an , boul. X');
  assert.equal(createTokenizer('de')('Fr. Jan. Feb. Dr. X'), 'Fr . Jan . Feb . Dr. X');
});

test('protected patterns of Perl that JavaScript lacks: as Perl 5.36 reads them, or refused by name', () => {
  const whole = (pattern: string, input: string) => createTokenizer('en', { protectedPatterns: [pattern] })(input);
  const [text] = caseLines('05-text.txt');
  const pattern = (name: string): string => caseLines(`05-protected-${name}.txt`)[0];
  assert.match(whole(pattern('hyphen-after-range'), text), / jane-doe_7@mail-host\.example about/);
  assert.match(whole(pattern('at-most-three'), text), / about 250% of /);
  assert.equal(whole(pattern('inline-flag'), 'an (IPhone)'), 'an ( IPhone )');
  assert.match(whole(pattern('script-property'), text), / 中文 now/);
  const matches: [string, string, string | null][] = [
    ['(?i:iphone)x', 'IPHONEx IPHONEX', 'IPHONEx'],
    ['a(?i)b', 'AB aB', 'aB'],
    ['(?<n>a|b)\\k<n>', 'ab bb', 'bb'],
    ['(?P<n>a|b)(?P=n)\\1', 'ab bbb', 'bbb'],
    ['(?>a+)ab', 'aaab', null],
    ['a++ab|x', 'aaabx', 'x'],
    ['[[:alpha:]]+\\h\\p{Lu}', 'é 1 é Ö', 'é Ö'],
    ['\\Aa|b\\z', 'xab', 'b'],
    ['\\p{script=greek}+', 'aωμ', 'ωμ'],
    ['a{ 1, 2 }b', 'aaab', 'aab'],
    ['a{,}', 'aa{,}', 'a{,}'],
  ];
  for (const [expression, input, match] of matches)
    assert.equal(perlPattern(expression, 'pattern').exec(input)?.[0] ?? null, match, expression);
  for (const [expression, named] of [
    ['(a(?1)?b)', '(?1'],
    ['(?(1)a|b)', '(?'],
    ['a\\Kb', '\\K'],
    ['[[:nope:]]', '[:nope:]'],
    ['\\p{Nope}', '\\p{Nope}'],
    ['(?a:\\w)', 'flag a'],
  ])
    assert.throws(
      () => perlPattern(expression, 'protected pattern'),
      (error: Error) => error.message.includes('is not a regular expression') && error.message.includes(named),
      expression,
    );
});
