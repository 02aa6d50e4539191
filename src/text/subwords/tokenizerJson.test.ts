import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { caseLines, casePath } from '../../../test/cases.js';
import { referencePath } from '../../../test/reference.js';
import { DataError } from '../../errors.js';
import { CharsMap, normalizationRules } from '../sentencepiece/charsMap.js';
import { openSegmenter } from './segmenter.js';
import { parseSentencePieceModel } from './sentencePieceModel.js';
import { TokenizerJson } from './tokenizerJson.js';
import { createPreTokenizer, type PreTokenizerConfig } from './tokenizerSplits.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-tokenizer-json-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

function write(json: unknown): string {
  const path = join(folder, 'tokenizer.json');
  writeFileSync(path, typeof json === 'string' ? json : JSON.stringify(json));
  return path;
}

const special = (id: number, content: string): object => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

/** WordPiece as BERT's: small letters, punctuation apart, ## before what continues a word. */
const wordPiece = {
  version: '1.0',
  added_tokens: [special(0, '[UNK]'), special(1, '[CLS]'), special(2, '[SEP]')],
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: '[CLS]', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
    ],
    pair: [],
    special_tokens: {},
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: { '[UNK]': 0, '[CLS]': 1, '[SEP]': 2, un: 3, '##want': 4, '##ed': 5, runn: 6, '##ing': 7, ',': 8 },
  },
};

/** BPE of bytes as GPT-2's: a space is Ġ, é the two bytes Ã ©. */
const byteLevel = {
  version: '1.0',
  added_tokens: [special(9, '<|endoftext|>')],
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: null,
  decoder: { type: 'ByteLevel' },
  model: {
    type: 'BPE',
    unk_token: null,
    vocab: { a: 0, b: 1, Ġ: 2, Ã: 3, '©': 4, ab: 5, Ġab: 6, 'Ã©': 7, c: 8, '<|endoftext|>': 9 },
    merges: ['a b', 'Ġ ab', 'Ã ©'],
  },
};

test('WordPiece: known answer, unknown words as <unk>, special tokens only if asked for', () => {
  const tokenizer = TokenizerJson.read(write(wordPiece));
  assert.deepEqual(tokenizer.segment('UNwantéd, running'), ['un', '##want', '##ed', ',', 'runn', '##ing']);
  assert.deepEqual(tokenizer.segment('running xyz [SEP]'), ['runn', '##ing', '<unk>', '<unk>']);
  assert.deepEqual(tokenizer.encode('unwanted', { withSpecialTokens: true }), [1, 3, 4, 5, 2]);
  assert.deepEqual(tokenizer.encode('unwanted'), [3, 4, 5]);
  assert.equal(tokenizer.join(['un', '##want', '##ed', 'runn', '##ing', '<unk>']), 'unwanted running <unk>');
  assert.deepEqual(tokenizer.encode(''), []);
  assert.throws(() => tokenizer.tokenOf(99), DataError);
});

test('bytes: known answer, and the text comes back', async () => {
  const path = write(byteLevel);
  const segmenter = await openSegmenter({ method: 'huggingface', tokenizer: path });
  assert.deepEqual(await segmenter.segment(['ab abé']), [['ab', 'Ġab', 'Ã©']]);
  assert.equal(segmenter.join(['ab', 'Ġab', 'Ã©']), 'ab abé');
  assert.equal(segmenter.join([]), '');
});

test('a token with a space is refused: no vocabulary file could hold it', () => {
  const spaces = {
    ...byteLevel,
    pre_tokenizer: null,
    decoder: null,
    model: { ...byteLevel.model, vocab: { a: 0, ' a': 1, ' ': 2 }, merges: [['\u0020', 'a']] },
  };
  const tokenizer = TokenizerJson.read(write(spaces));
  assert.throws(
    () => tokenizer.segment('a a'),
    (error: Error) => error instanceof DataError && error.message.includes('white space'),
  );
});

test('files that are not tokenizers give a clear error', () => {
  const bad: [unknown, string][] = [
    ['{', 'not JSON'],
    ['[]', 'no "model"'],
    ['null', 'no "model"'],
    ['{"model": {}}', 'no "vocab"'],
    [{ model: { type: 'BPE', vocab: { a: -1 }, merges: [] } }, 'ids or scores'],
    [{ model: { type: 'BPE', vocab: { a: 4e9 }, merges: [] } }, 'ids or scores'],
    [{ model: { type: 'Unigram', vocab: [['a']] } }, 'ids or scores'],
    [{ model: { type: 'BPE', vocab: { a: 0 }, merges: [3] } }, 'not pairs'],
    [{ model: { type: 'BPE', vocab: { a: 0 } } }, 'merges'],
    [{ ...wordPiece, added_tokens: [{ id: 0 }] }, 'added_tokens'],
    [{ ...wordPiece, normalizer: { type: 'Nothing' } }, 'Nothing'],
    [{ ...wordPiece, pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' } }, 'egular'],
  ];
  for (const [json, part] of bad) {
    assert.throws(
      () => TokenizerJson.read(write(json)),
      (error: Error) =>
        error instanceof DataError && error.message.includes('tokenizer.json') && error.message.includes(part),
      `${JSON.stringify(json)} → ${part}`,
    );
  }
  assert.throws(() => TokenizerJson.read(join(folder, 'absent.json')), DataError);
});

test('damaged files never give anything but a DataError or a tokenizer', () => {
  const text = JSON.stringify(wordPiece);
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.nat(20), fc.string({ maxLength: 4 }), (at, length, put) => {
      try {
        TokenizerJson.read(write(text.slice(0, at) + put + text.slice(at + length))).segment(
          'unwanted [SEP] text, __proto__',
        );
      } catch (error) {
        assert.ok(error instanceof DataError, String(error));
      }
    }),
    { numRuns: 300 },
  );
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  TokenizerJson.read(write(text.replace('"un":3', '"__proto__":3'))).segment('un');
  assert.equal(Object.getPrototypeOf({}), Object.prototype);
});

test('Unigram and BPE with byte fallback: ids of tokenizers 0.23, also where a byte is missing or words are apart', () => {
  const given = JSON.parse(readFileSync(casePath('04-unigram-byte-fallback.tokenizer.json'), 'utf8')) as {
    model: { vocab: [string, number][] };
  };
  const texts = [...caseLines('04-characters-outside-vocabulary.txt'), 'é é', 'hiéa🍣中'];
  const pieces = given.model.vocab;
  const withoutF0 = pieces.map(([piece, score]) => [piece === '<0xF0>' ? 'zz' : piece, score]);
  const bpe = (vocab: unknown[][]): object => ({
    type: 'BPE',
    unk_token: '<unk>',
    fuse_unk: true,
    byte_fallback: true,
    vocab: Object.fromEntries(vocab.map(([piece], id) => [piece, id])),
    merges: ['h i', '▁ hi'],
  });
  const apart = { pre_tokenizer: { type: 'WhitespaceSplit' } };
  const hasBytes = ['2 1 3 4', '2 1 247 166 148 170', '2 1 202 176 235 191 180', '1 202 176 1 202 176'];
  const cases: [object, string[]][] = [
    [given, [...hasBytes, '2 202 176 3 247 166 148 170 235 191 180']],
    [{ ...given, model: { ...given.model, vocab: withoutF0 } }, [...hasBytes.with(1, '2 1 0'), '2 202 176 3 0']],
    [{ ...given, ...apart }, ['5 6 3 4', '5 6 247 166 148 170', '5 6 202 176 235 191 180', '202 176 202 176']],
    [{ ...given, ...apart, model: { ...given.model, byte_fallback: false } }, ['5 6 3 4', '5 6 0', '5 6 0', '0 0']],
    [{ ...given, model: bpe(pieces) }, [...hasBytes, '2 202 176 3 247 166 148 170 235 191 180']],
    [{ ...given, model: bpe(withoutF0) }, [...hasBytes.with(1, '2 1 0'), '2 202 176 3 235 191 180 0']],
    [
      { ...given, model: { ...bpe(pieces), byte_fallback: false, unk_token: null } },
      ['2 1 3 4', '2 1', '2 1', '1 1', '2 3'],
    ],
  ];
  for (const [json, expected] of cases) {
    const tokenizer = TokenizerJson.read(write(json));
    expected.forEach((ids, line) => assert.equal(tokenizer.encode(texts[line]).join(' '), ids, texts[line]));
  }
});

test('text is cut into words as tokenizers 0.23 cuts it', () => {
  const text = "aB é中  x１1 don't¨..!\u0085\ufeff";
  const cases: [object, string[]][] = [
    [{ type: 'Whitespace' }, ['aB', 'é中', 'x１1', 'don', "'", 't', '¨..!', '\ufeff']],
    [{ type: 'WhitespaceSplit' }, ['aB', 'é中', 'x１1', "don't¨..!", '\ufeff']],
    [{ type: 'BertPreTokenizer' }, ['aB', 'é中', 'x１1', 'don', "'", 't¨', '.', '.', '!', '\ufeff']],
    [{ type: 'Digits', individual_digits: true }, ['aB é中  x', '１', '1', " don't¨..!\u0085\ufeff"]],
    [{ type: 'FixedLength', length: 6 }, ['aB é中 ', ' x１1 d', "on't¨.", '.!\u0085\ufeff']],
    [
      { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
      ['▁aB', '▁é中', '▁', '▁x１1', "▁don't¨..!\u0085\ufeff"],
    ],
    [{ type: 'Punctuation', behavior: 'Isolated' }, ['aB é中  x１1 don', "'", 't¨', '.', '.', '!', '\u0085\ufeff']],
    [{ type: 'Punctuation', behavior: 'Contiguous' }, ['aB é中  x１1 don', "'", 't¨', '..!', '\u0085\ufeff']],
    [
      { type: 'Split', pattern: { String: ' ' }, behavior: 'Removed', invert: false },
      ['aB', 'é中', 'x１1', "don't¨..!\u0085\ufeff"],
    ],
    [
      { type: 'Split', pattern: { Regex: '(x)|\\d+' }, behavior: 'MergedWithPrevious', invert: false },
      ['aB é中  x', '１1', " don't¨..!\u0085\ufeff"],
    ],
    [
      { type: 'Split', pattern: { Regex: '\\w+' }, behavior: 'MergedWithNext', invert: true },
      ['aB', ' é中', '  x１1', ' don', "'t", '¨..!\u0085\ufeff'],
    ],
    [
      { type: 'Split', pattern: { Regex: '\\w+' }, behavior: 'Isolated', invert: true },
      ['aB', ' ', 'é中', '  ', 'x１1', ' ', 'don', "'", 't', '¨..!\u0085\ufeff'],
    ],
    [
      { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      ['ĠaB', 'ĠÃ©ä¸Ń', 'Ġ', 'Ġx', 'ï¼ĳ1', 'Ġdon', "'t", 'Â¨..!', 'Âħ', 'ï»¿'],
    ],
  ];
  for (const [config, words] of cases)
    assert.deepEqual(createPreTokenizer(config as PreTokenizerConfig)(text, 0), words, JSON.stringify(config));
});

test("SentencePiece's rules for characters are those of the file, applied as tokenizers applies them", () => {
  const map = parseSentencePieceModel(
    readFileSync(referencePath('text/sentencepiece/m30k.unigram.4000.model')),
    'model',
  );
  const withRules = (charsMap: Uint8Array) =>
    TokenizerJson.read(
      write({
        ...byteLevel,
        normalizer: {
          type: 'Sequence',
          normalizers: [{ type: 'Precompiled', precompiled_charsmap: Buffer.from(charsMap).toString('base64') }],
        },
        pre_tokenizer: null,
        decoder: null,
        model: { type: 'Unigram', unk_id: 0, vocab: [['<unk>', 0], ...[...'abe1'].map((piece) => [piece, -1])] },
      }),
    );
  // tokenizers 0.23.3
  const expected: [string, string][] = [
    ['\u{fb01}\u{2460}\u{bd} \u{ff21}', 'fi11\u{2044}2 A'],
    ['e\u{301} a\u{308}\u{323}', '\u{e9} \u{e4}'],
    ['a\u{200b}b\u{200d}c', 'a b\u{200d}c'],
    ['\u{9}x\u{d}\u{a}y\u{7}', ' x y'],
    ['\u{ff76}\u{ff9e} \u{304b}\u{3099}', '\u{30ab}\u{3099} \u{304b}\u{3099}'],
    ['~\u{ff5e}\u{2026}', '~\u{ff5e}...'],
    [
      '\u{fdfa}\u{344}',
      '\u{635}\u{644}\u{649} \u{627}\u{644}\u{644}\u{647} \u{639}\u{644}\u{64a}\u{647} \u{648}\u{633}\u{644}\u{645}',
    ],
    [
      '\u{915}\u{94d}\u{937}\u{93f} \u{1f469}\u{200d}\u{1f52c}',
      '\u{915}\u{94d}\u{937}\u{93f} \u{1f469}\u{200d}\u{1f52c}',
    ],
    ['\u{feff}A\u{30a}\u{327}', ' \u{c5}'],
    ['\u{bd}\u{301}x', '1\u{2044}2x'],
    ['\u{130} \u{1100}\u{1161}\u{11a8}', '\u{130} \u{1100}\u{1161}\u{11a8}'],
  ];
  const rules = CharsMap.read(map.normalizer.charsMap, 'model');
  for (const [text, normalized] of expected) assert.equal(rules.replaceGraphemes(text), normalized);
  assert.deepEqual(withRules(map.normalizer.charsMap).segment('ａ①b'), ['a', '1', 'b']);
  const folding = CharsMap.compile(normalizationRules('nmt_nfkc_cf')).toBytes();
  assert.deepEqual(withRules(folding).segment('AＢ'), ['a', 'b']);
  assert.throws(() => withRules(Buffer.from('none')), /its rules for characters are cut short/);
});

test('every field that is missing or of the wrong type is named, or the file still works', () => {
  const parts = [
    wordPiece,
    {
      ...byteLevel,
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Replace', pattern: { Regex: 'x+' }, content: 'a' },
          { type: 'Prepend', prepend: 'a' },
          { type: 'Strip', strip_left: true, strip_right: false },
          { type: 'Precompiled', precompiled_charsmap: '' },
        ],
      },
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Split', pattern: { String: 'c' }, behavior: 'Isolated', invert: false },
          { type: 'Digits', individual_digits: true },
          { type: 'FixedLength', length: 3 },
          { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true },
        ],
      },
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          { type: 'Strip', content: ' ', start: 1, stop: 0 },
          { type: 'BPEDecoder', suffix: '</w>' },
          { type: 'CTC', pad_token: '<pad>', word_delimiter_token: '|', cleanup: true },
          { type: 'WordPiece', prefix: '##', cleanup: true },
        ],
      },
      post_processor: {
        type: 'Sequence',
        processors: [{ type: 'BertProcessing', sep: ['a', 0], cls: ['b', 1] }, { type: 'ByteLevel' }],
      },
    },
  ];
  const wrong = [undefined, null, -1, 'x', true, [], {}, [null], { type: 'Fuse' }];
  let refused = 0;
  for (const whole of parts) {
    for (const place of places(whole).filter(
      ([part, name, at]) => (part !== 'added_tokens' || name === '0') && (part !== 'model' || at === undefined),
    )) {
      for (const value of wrong) {
        const name = `${place.join('.')} = ${JSON.stringify(value)}`;
        try {
          const tokenizer = TokenizerJson.read(write(replaced(whole, place, value)));
          tokenizer.join(tokenizer.segment('Unwantéd 1 xab'));
          tokenizer.encode('ab', { withSpecialTokens: true });
        } catch (error) {
          assert.ok(error instanceof DataError, `${name}: ${String(error)}`);
          const field = place.findLast((key) => !/^\d+$/.test(key))!;
          if (error.message.includes(' is not a tokenizer.json')) {
            assert.ok(
              error.message.includes(field) || place.includes('vocab') || place.includes('merges'),
              `${name}: ${error.message}`,
            );
            refused++;
          }
        }
      }
    }
  }
  assert.ok(refused > 400, `${refused} refused`);
});

/** The paths of all values within a value. */
function places(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[...path, key], ...places(inner, [...path, key])]);
}

function replaced(whole: object, place: readonly string[], value: unknown): object {
  const copy = structuredClone(whole) as Record<string, never>;
  const holder = place.slice(0, -1).reduce((inner, key) => inner[key], copy) as Record<string, unknown>;
  holder[place.at(-1)!] = value;
  return copy;
}

test('a very deeply nested part is refused', () => {
  let decoder: object = { type: 'Fuse' };
  for (let depth = 0; depth < 200; depth++) decoder = { type: 'Sequence', decoders: [decoder] };
  assert.throws(
    () => TokenizerJson.read(write({ ...byteLevel, decoder })),
    (error: Error) => error instanceof DataError && error.message.includes('nested too deeply'),
  );
});
