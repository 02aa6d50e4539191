import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { joinPieces, SentencePiece } from './sentencePiece.js';
import { parseSentencePieceModel } from './sentencePieceModel.js';

const folder = fileURLToPath(new URL('../../../../shared/fixtures/text/sentencepiece/', import.meta.url));
const skip = existsSync(folder) ? false : 'shared/fixtures/text/sentencepiece is not there';

test('pieces and decoded text equal spm_encode and spm_decode, and no handler stays behind', { skip }, async () => {
  const { lines } = JSON.parse(readFileSync(`${folder}encode.json`, 'utf8'));
  const handlers = () => [process.listenerCount('uncaughtException'), process.listenerCount('unhandledRejection')];
  const before = handlers();
  for (const kind of ['bpe', 'unigram']) {
    const model = await SentencePiece.open(`${folder}m30k.${kind}.4000.model`);
    assert.equal(model.info.pieces.length, 4000);
    assert.deepEqual(handlers(), before);
    const encoded = await model.encode(lines.map(({ input }: { input: string }) => input));
    encoded.forEach((pieces, i) => {
      assert.deepEqual(pieces, lines[i][kind].pieces);
      assert.equal(joinPieces(pieces), lines[i][kind].decoded_pieces);
    });
    await model.close();
    await assert.rejects(model.encode(['a']), /has ended/);
  }
});

test('bytes of a model with byte fallback become characters again', () => {
  assert.equal(joinPieces(['\u2581a', '<0xE2>', '<0x82>', '<0xAC>', '\u2581b', '<0x0A>']), 'a\u20ac b\n');
  assert.equal(joinPieces(['<0xFF>']), '\ufffd');
  assert.equal(joinPieces([]), '');
});

test('junk is refused with a reason', { skip }, async () => {
  const bytes = readFileSync(`${folder}m30k.bpe.4000.model`);
  const parse = (data: Uint8Array) => () => parseSentencePieceModel(data, 'm');
  assert.throws(parse(new Uint8Array()), /m is not a SentencePiece model: it has no pieces/);
  assert.throws(parse(Buffer.from('just some text\n')), /not a SentencePiece model/);
  assert.throws(parse(bytes.subarray(0, 1000)), /it ends \d+ bytes early|trainer or normalizer/);
  assert.throws(parse(Buffer.concat([bytes, bytes])), /is defined twice/);
  const scratch = mkdtempSync(join(tmpdir(), 'coldstart-spm-'));
  writeFileSync(join(scratch, 'junk.model'), 'root:x:0:0\n');
  await assert.rejects(SentencePiece.open(join(scratch, 'junk.model')), /junk.model is not a SentencePiece model/);
  await assert.rejects(SentencePiece.open(join(scratch, 'none.model')), /none.model cannot be read: ENOENT/);
  rmSync(scratch, { recursive: true });
});
