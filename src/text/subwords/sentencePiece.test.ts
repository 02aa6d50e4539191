import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { learnSentencePiece } from '../sentencepiece/learnSentencePiece.js';
import { joinPieces, SentencePiece } from './sentencePiece.js';
import { parseSentencePieceModel } from './sentencePieceModel.js';
import { referencePath } from '../../../test/reference.js';
import { caseLines, casePath } from '../../../test/cases.js';
import { CharsMap } from '../sentencepiece/charsMap.js';

const folder = referencePath('text/sentencepiece/');

test('pieces and decoded text equal spm_encode and spm_decode, and no handler stays installed', async () => {
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

const skipPeer = spawnSync('spm_encode', ['--version']).error
  ? 'spm_encode is not installed (Debian package sentencepiece)'
  : false;

test(
  'pieces of random text equal those of the installed spm_encode, and join to what spm_decode makes of them',
  { skip: skipPeer },
  async () => {
    const unit = fc.oneof(
      fc.constantFrom(...'aber the ein ing\u2581'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
    );
    const line = fc.string({ unit, maxLength: 40 }).map((text) => text.replace(/[\n\0]/g, '')); // what ends a line, or a C string
    const lines = fc.sample(line, { numRuns: 500, seed: 1 });
    const peer = (program: string, model: string, input: readonly string[]): string[] => {
      const { status, stdout, stderr } = spawnSync(program, [`--model=${model}`], {
        input: input.map((text) => `${text}\n`).join(''),
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      return stdout.split('\n').slice(0, -1);
    };
    for (const kind of ['bpe', 'unigram']) {
      const path = `${folder}m30k.${kind}.4000.model`;
      const model = await SentencePiece.open(path);
      const encoded = await model.encode(lines);
      await model.close();
      const joined = encoded.map((pieces) => pieces.join(' '));
      assert.deepEqual(joined, peer('spm_encode', path, lines), kind);
      assert.deepEqual(encoded.map(joinPieces), peer('spm_decode', path, joined), kind);
    }
  },
);

test('U+FEFF stays where a piece begins with it and the model does not normalise it', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'coldstart-feff-')), 'identity.model');
  const text = new Map([
    ['ab', 10],
    ['ba', 10],
  ]);
  writeFileSync(
    path,
    (await learnSentencePiece(text, { vocabSize: 8, modelType: 'bpe', normalization: 'identity', softLimit: true }))
      .model,
  );
  const model = await SentencePiece.open(path);
  const unknown = `\ufeff${'\u{1f469}\u200d'.repeat(4)}`; // long enough for the decoder
  assert.deepEqual(await model.encode([`ab ${unknown}`]), [['\u2581', 'ab', '\u2581', unknown]]);
  await model.close();
  rmSync(dirname(path), { recursive: true });
});

test('bytes of a model with byte fallback become characters again', () => {
  assert.equal(joinPieces(['\u2581a', '<0xE2>', '<0x82>', '<0xAC>', '\u2581b', '<0x0A>']), 'a\u20ac b\n');
  assert.equal(joinPieces(['<0xFF>']), '\ufffd');
  assert.equal(joinPieces([]), '');
});

test('junk is refused with a reason', async () => {
  const bytes = readFileSync(`${folder}m30k.bpe.4000.model`);
  const parse = (data: Uint8Array) => () => parseSentencePieceModel(data, 'm');
  assert.throws(parse(new Uint8Array()), /m is not a SentencePiece model: it has no pieces/);
  assert.throws(parse(Buffer.from('just some text\n')), /not a SentencePiece model/);
  assert.throws(parse(bytes.subarray(0, 1000)), /it ends \d+ bytes early|trainer or normalizer/);
  assert.throws(parse(Buffer.concat([bytes, bytes])), /is defined twice/);
  const scratch = mkdtempSync(join(tmpdir(), 'coldstart-spm-'));
  writeFileSync(join(scratch, 'junk.model'), 'root:x:0:0\n');
  await assert.rejects(SentencePiece.open(join(scratch, 'junk.model')), /junk.model is not a SentencePiece model/);
  await assert.rejects(
    SentencePiece.open(join(scratch, 'none.model')),
    /none.model cannot be read: it does not exist \(ENOENT\)/,
  );
  rmSync(scratch, { recursive: true });
});

test("decoded text is changed by the model's denormalisation rules", async () => {
  const model = await SentencePiece.open(casePath('08-denormalising.model'));
  try {
    const [pieces] = await model.encode(caseLines('08-text.txt'));
    assert.equal(model.decode(pieces), 'strasse und mass');
  } finally {
    await model.close();
  }
  const bytes = readFileSync(casePath('08-denormalising.model'));
  const { denormalizer } = parseSentencePieceModel(bytes, 'model');
  // truncated or damaged rules are refused or do not change text
  for (let length = 1; length < denormalizer.length; length += 7) {
    try {
      assert.equal(typeof CharsMap.read(denormalizer.subarray(0, length), 'model').replace('straße'), 'string');
    } catch (error) {
      assert.match((error as Error).message, /^model: its rules for characters are cut short/);
    }
  }
});
