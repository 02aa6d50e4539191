import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { DataError } from '../../errors.js';
import { openSegmenter } from './segmenter.js';
import { TokenizerJson } from './tokenizerJson.js';

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

test('what is no tokenizer gives a clear error', () => {
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
    [{ ...wordPiece, pre_tokenizer: { type: 'Split', pattern: { Regex: '(' } } }, 'egular'],
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
