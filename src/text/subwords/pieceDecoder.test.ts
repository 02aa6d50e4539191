import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createPieceDecoder } from './pieceDecoder.js';
import type { PieceType, SentencePieceInfo } from './sentencePieceModel.js';

const pieces: [piece: string, type: PieceType][] = [
  ['<unk>', 'unknown'],
  ['<s>', 'control'],
  ['</s>', 'control'],
  ['<tag>', 'userDefined'],
  ['▁', 'normal'],
  ['▁a', 'normal'],
  ['▁▁', 'normal'],
  ['a', 'normal'],
  ['<0xC3>', 'byte'],
  ['<0xA4>', 'byte'],
  ['<0xE2>', 'byte'],
  ['<0x96>', 'byte'],
  ['<0x41>', 'byte'],
];

function decoder(
  normalizer: Partial<SentencePieceInfo['normalizer']> = {},
  unknownSurface = ' \u2047 ',
): (text: string) => string {
  const decode = createPieceDecoder({
    modelType: 'unigram',
    pieces: pieces.map(([piece]) => piece),
    types: pieces.map(([, type]) => type),
    scores: pieces.map(() => 0),
    unknownId: 0,
    unknownSurface,
    byteFallback: true,
    spaceAsSuffix: false,
    denormalizer: new Uint8Array(),
    normalizer: {
      charsMap: new Uint8Array(),
      addDummyPrefix: true,
      removeExtraSpaces: true,
      escapeSpaces: true,
      ...normalizer,
    },
  });
  return (text) => decode(text.split(' '));
}

// the expected text is spm_decode 0.1.97's output with models of these settings
test('control pieces disappear, the unknown piece has its surface, unknown text does not change', () => {
  assert.equal(decoder()('<s> ▁a <unk> ▁a </s>'), 'a \u2047  a');
  assert.equal(decoder()('<unk> a'), ' \u2047 a');
  assert.equal(decoder({}, 'UNK')('▁a <unk>'), 'aUNK');
  assert.equal(decoder()('▁x ▁a'), '▁x a');
  assert.equal(decoder()('</s>'), '');
});

test('the spaces that the normaliser put before the text are removed, all of them only if it squeezes spaces', () => {
  assert.equal(decoder()('▁ ▁ ▁a'), 'a');
  assert.equal(decoder({ removeExtraSpaces: false })('▁ ▁ ▁a'), '  a');
  assert.equal(decoder({ removeExtraSpaces: false })('▁ <s> ▁a'), ' a');
  assert.equal(decoder({ addDummyPrefix: false })('▁ ▁a'), 'a');
  assert.equal(decoder({ addDummyPrefix: false, removeExtraSpaces: false })('▁ ▁a'), '  a');
  assert.equal(decoder()('▁▁ ▁a'), '  a'); // one mark of a piece
});

test('bytes become characters, those that spell none U+FFFD each', () => {
  assert.equal(decoder()('<0xC3> <0xA4> <0xE2> <0x96> a <0xC3>'), 'ä\ufffd\ufffda\ufffd');
  assert.equal(decoder()('<0x41> ▁a'), 'A a');
  assert.equal(decoder()('<0x42>'), '<0x42>'); // this model has no such piece
});
