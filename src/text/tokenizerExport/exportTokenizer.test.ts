import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { DataError, UsageError } from '../../errors.js';
import { bpeCodesText, learnBpe } from '../subwords/learnBpe.js';
import { WordCounter } from '../subwords/wordCounter.js';
import { openSegmenter } from '../subwords/segmenter.js';
import type { SubwordOptions } from '../subwords/subwordMethods.js';
import { TokenizerJson } from '../subwords/tokenizerJson.js';
import { unkId } from '../specialIds.js';
import { Vocabulary } from '../vocabulary.js';
import { exportTokenizer } from './exportTokenizer.js';
import { casePath } from '../../../test/cases.js';
import { referencePath } from '../../../test/reference.js';
import { parseSentencePieceModel } from '../subwords/sentencePieceModel.js';
import { sentencePieceTokenizer } from './fromSentencePiece.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-tokenizer-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** The corpus's own ids, and those of the tokenizer.json written for it; ids behind the vocabulary read as `<unk>`. */
async function bothWays(
  subwords: SubwordOptions,
  trainingLines: readonly string[],
): Promise<{
  own: (lines: readonly string[]) => Promise<number[][]>;
  exported: (line: string) => number[];
  decode: (ids: number[]) => string;
  join: (line: string) => Promise<string>;
  path: string;
  vocabulary: Vocabulary;
}> {
  const segmenter = await openSegmenter(subwords);
  const counts = new Map<string, number>();
  for (const tokens of await segmenter.segment(trainingLines))
    for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  const vocabulary = Vocabulary.fromCounts(counts);
  const { files } = exportTokenizer(
    {
      subwords: { src: subwords, trg: subwords },
      vocabularies: { src: vocabulary, trg: vocabulary },
      preprocessing: { src: [], trg: [] },
    },
    'trg',
  );
  const path = join(folder, `${Math.random()}.json`);
  writeFileSync(path, files['tokenizer.json']);
  const tokenizer = new Tokenizer(
    JSON.parse(files['tokenizer.json']) as object,
    JSON.parse(files['tokenizer_config.json']) as object,
  );
  return {
    own: async (lines) => (await segmenter.segment(lines)).map((tokens) => Array.from(vocabulary.encode(tokens))),
    exported: (line) => tokenizer.encode(line).ids.map((id: number) => (id >= vocabulary.size ? unkId : id)),
    decode: (ids) => tokenizer.decode(ids, { skip_special_tokens: true }),
    join: async (line) => segmenter.join((await segmenter.segment([line]))[0]),
    path,
    vocabulary,
  };
}

const lines = ['ein Mann geht', 'eine Frau geht', 'ein Kind und eine Frau', 'Männer und Frauen gehen'];

function learnCodes(text: readonly string[], numMerges: number): string {
  const counter = new WordCounter();
  counter.add(Buffer.from(text.join('\n')));
  const path = join(folder, `codes.${numMerges}.${text.length}`);
  writeFileSync(path, bpeCodesText(learnBpe(counter.addTo(new Map()), { numMerges })));
  return path;
}

test("a BPE corpus becomes a model with end-of-word units under the vocabulary's ids", async () => {
  const path = join(folder, 'two.codes');
  writeFileSync(path, '#version: 0.2\ne r\ner e</w>\n');
  const vocabulary = Vocabulary.parse('er@@ 3\nere 2\ne@@ 1\n', 'vocabulary');
  const both = <T>(value: T): { src: T; trg: T } => ({ src: value, trg: value });
  const { files, notes } = exportTokenizer(
    {
      subwords: both<SubwordOptions>({ method: 'bpe', codes: path }),
      vocabularies: both(vocabulary),
      preprocessing: both([]),
    },
    'src',
  );
  const { model, post_processor: ending } = JSON.parse(files['tokenizer.json']) as {
    model: { vocab: object; merges: string[]; end_of_word_suffix: string };
    post_processor: { single: object[] };
  };
  // r and e</w> are parts of merges that the vocabulary lacks
  assert.deepEqual(model.vocab, {
    '<s>': 0,
    '<pad>': 1,
    '</s>': 2,
    '<unk>': 3,
    er: 4,
    'ere</w>': 5,
    e: 6,
    r: 7,
    'e</w>': 8,
  });
  assert.deepEqual(model.merges, ['e r', 'er e</w>']);
  assert.equal(model.end_of_word_suffix, '</w>');
  assert.deepEqual(ending.single, [
    { Sequence: { id: 'A', type_id: 0 } },
    { SpecialToken: { id: '</s>', type_id: 0 } },
  ]);
  assert.deepEqual(notes, [
    '2 units that the vocabulary lacks have ids from 7 to 8; a model of the corpus takes them for <unk> (3)',
  ]);
});

test('words, marked units and BPE: the same ids for any text, and the same text back', async () => {
  const codes = learnCodes(lines, 12);
  for (const options of [
    { method: 'none', joiner: '' },
    { method: 'none', joiner: '@@' },
    { method: 'bpe', codes },
  ] satisfies SubwordOptions[]) {
    const { own, exported, decode, join: joined } = await bothWays(options, lines);
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.constantFrom('ein', 'Frau', 'Frauen', 'eine@@', 'gehen', ' ', '  '),
            fc.string({ unit: 'grapheme', maxLength: 5 }),
          ),
          { maxLength: 8 },
        ),
        async (words) => {
          const line = words.join(' ').replace(/<\/?(s|w|pad|unk)>/g, '');
          assert.deepEqual(exported(line), (await own([line]))[0]);
        },
      ),
      { numRuns: 200 },
    );
    for (const line of lines) assert.equal(decode((await own([line]))[0].slice(0, -1)), await joined(line));
  }
});

test('special tokens in text, BPE filters and codes of version 0.1 are refused or reported', async () => {
  const both = <T>(value: T): { src: T; trg: T } => ({ src: value, trg: value });
  const vocabulary = Vocabulary.parse('a 1\n', 'vocabulary');
  const write = (subwords: SubwordOptions): unknown =>
    exportTokenizer(
      {
        subwords: both(subwords),
        vocabularies: both(vocabulary),
        preprocessing: both([{ step: 'lowercase' as const }]),
      },
      'src',
    );
  const old = join(folder, 'old.codes');
  writeFileSync(old, 'e r\n');
  assert.throws(
    () => write({ method: 'bpe', codes: old }),
    (error: Error) => error instanceof DataError && error.message.includes('version 0.1'),
  );
  assert.throws(() => write({ method: 'bpe', codes: old, vocabulary: 'v' }), UsageError);
  assert.throws(() => write({ method: 'bpe', codes: old, glossaries: ['USA'] }), UsageError);
  assert.throws(
    () => write({ method: 'huggingface', tokenizer: old }),
    (error: Error) => error instanceof DataError && error.message.includes('is not a tokenizer.json'),
  );
  assert.deepEqual((write({ method: 'none' }) as { notes: string[] }).notes, [
    'it expects text after: lowercase (coldstart corpus lowercase)',
  ]);
});

test('SentencePiece models, unigram and bpe: the same ids on real and on mixed text', async () => {
  const systems = JSON.parse(readFileSync(referencePath('text/sacrebleu/systems.json'), 'utf8'));
  const { lines } = JSON.parse(readFileSync(referencePath('text/moses/en.json'), 'utf8'));
  // @huggingface/tokenizers treats U+200D as a space, SentencePiece keeps it
  const mixed = lines.map(({ norm }: { norm: string }) => norm).filter((line: string) => !line.includes('\u200d'));
  const text: string[] = [...systems.refs[0], ...systems.sysA, ...mixed];
  const words = text.slice(0, 300).flatMap((line) => line.split(' '));
  for (const kind of ['unigram', 'bpe']) {
    const model = referencePath(`text/sentencepiece/m30k.${kind}.4000.model`);
    const {
      own,
      exported,
      decode,
      join: joined,
    } = await bothWays({ method: 'sentencepiece', model }, text.slice(0, 1500));
    const expected = await own(text);
    text.forEach((line, i) => assert.deepEqual(exported(line), expected[i], `${kind}: ${line}`));
    assert.equal(decode(expected[5].slice(0, -1)), await joined(text[5]));
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.constantFrom(...words, ' ', 'ß', '漢字', '😀', '½', 'ﬁ', '１'),
            fc.string({ unit: 'grapheme-ascii', maxLength: 5 }),
          ),
          { maxLength: 12 },
        ),
        fc.constantFrom('', ' ', '  '),
        async (parts, between) => {
          const line = parts.join(between).replace(/<\/?(s|pad|unk)>/g, '');
          assert.deepEqual(exported(line), (await own([line]))[0], line);
        },
      ),
      { numRuns: 300 },
    );
  }
});

const special = (id: number, content: string): object => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});
const given = {
  WordPiece: {
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
      single: [{ SpecialToken: { id: '[CLS]', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: { '[CLS]': { id: '[CLS]', ids: [1], tokens: ['[CLS]'] } },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: {
        '[UNK]': 0,
        '[CLS]': 1,
        '[SEP]': 2,
        un: 3,
        '##want': 4,
        '##ed': 5,
        runn: 6,
        '##ing': 7,
        ',': 8,
        never: 9,
      },
    },
  },
  bytes: {
    version: '1.0',
    added_tokens: [special(9, '<|endoftext|>')],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    model: {
      type: 'BPE',
      unk_token: null,
      vocab: {
        u: 0,
        n: 1,
        Ġ: 2,
        Ã: 3,
        '©': 4,
        un: 5,
        Ġun: 6,
        'Ã©': 7,
        r: 8,
        '<|endoftext|>': 9,
        i: 10,
        g: 11,
        e: 12,
        d: 13,
        ',': 14,
      },
      merges: ['u n', 'Ġ un', 'Ã ©'],
    },
  },
  Unigram: {
    version: '1.0',
    added_tokens: [special(0, '<unk>'), special(1, '<mask>')],
    normalizer: { type: 'NFKC' },
    pre_tokenizer: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always', split: true },
    post_processor: null,
    decoder: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always', split: true },
    model: {
      type: 'Unigram',
      unk_id: 0,
      vocab: [
        ['<unk>', 0],
        ['<mask>', 0],
        ['\u2581', -2],
        ['\u2581un', -3],
        ['want', -4],
        ['ed', -4],
        ['\u2581run', -4.5],
        ['n', -5],
        ['ing', -5],
        ['ed\u2581', -9],
        [',', -3],
        ['w', -6],
        ['i', -6],
      ],
    },
  },
};

test("a corpus segmented with a tokenizer.json: the same tokens under the vocabulary's ids, and the same text back", async () => {
  for (const [kind, json] of Object.entries(given)) {
    const path = join(folder, `given.${kind}.json`);
    writeFileSync(path, JSON.stringify(json));
    const {
      own,
      exported,
      decode,
      join: joined,
      vocabulary,
    } = await bothWays({ method: 'huggingface', tokenizer: path }, ['unwanted, running', 'running', 'un']);
    assert.ok(vocabulary.size > 8, kind);
    const known = await own(['unwanted, running']);
    assert.deepEqual(exported('unwanted, running'), known[0], kind);
    assert.equal(decode(known[0].slice(0, -1)), await joined('unwanted, running'), kind);
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.constantFrom(
              'un',
              'wanted',
              'running',
              ',',
              'never',
              'é',
              '[SEP]',
              '[UNK]',
              '<mask>',
              '<|endoftext|>',
              ' ',
              'xyz',
            ),
            fc.string({ unit: 'grapheme-ascii', maxLength: 4 }),
          ),
          { maxLength: 6 },
        ),
        async (words) => {
          const line = words.join(' ').replace(/<\/?(s|pad|unk)>/g, '');
          assert.deepEqual(exported(line), (await own([line]))[0], `${kind}: ${JSON.stringify(line)}`);
        },
      ),
      { numRuns: 200 },
    );
  }
});

test('a written file read again segments as its corpus', async () => {
  const { own, vocabulary, path } = await bothWays({ method: 'bpe', codes: learnCodes(lines, 12) }, lines);
  const again = TokenizerJson.read(path);
  for (const line of lines) {
    assert.deepEqual(again.encode(line, { withSpecialTokens: true }), (await own([line]))[0]);
    assert.equal(again.join(again.segment(line)), line);
  }
  const [first] = vocabulary.tokens.slice(4);
  assert.equal(again.tokenOf(4), first.endsWith('@@') ? first.slice(0, -2) : `${first}</w>`);
});

test('a SentencePiece model with rules for decoded text is refused: a tokenizer.json has none', () => {
  const model = parseSentencePieceModel(readFileSync(casePath('08-denormalising.model')), 'model');
  const vocabulary = Vocabulary.parse('a 1\n', 'vocabulary');
  assert.throws(() => sentencePieceTokenizer(model, vocabulary, 'model'), /changes decoded text by its own rules/);
});
