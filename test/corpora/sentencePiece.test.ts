import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { SentencePieceOptions } from '../../src/text/sentencepiece/learnSentencePiece.js';
import { joinPieces } from '../../src/text/subwords/sentencePiece.js';
import { corpusPath } from '../reference.js';
import { encodeLines, learnModel } from '../sentencePieceModel.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-spm-'));
after(() => rmSync(folder, { recursive: true }));

/** English, then German lines of Multi30k. */
const multi30k = (numLines: number): string[] =>
  ['en', 'de'].flatMap((side) =>
    gunzipSync(readFileSync(corpusPath(`multi30k/train.${side}.gz`)))
      .toString('utf8')
      .split('\n')
      .slice(0, numLines),
  );

test(
  'models of Multi30k: what SentencePiece makes of them, and how they compare with its own',
  async () => {
    const lines = multi30k(4000);
    const heldOut = multi30k(6000).slice(4000, 4300);
    const haveSpm = spawnSync('spm_train', ['--version']).status === 0;
    for (const modelType of ['unigram', 'bpe'] as const) {
      const { path, pieces } = await learnModel(folder, modelType, lines, { vocabSize: 1500, modelType, characterCoverage: 1 });
      assert.equal(pieces.length, 1500);
      assert.equal(new Set(pieces).size, 1500);
      const segmented = await encodeLines(path, heldOut);
      heldOut.forEach((line, i) =>
        assert.equal(joinPieces(segmented[i]), line.normalize('NFKC').replace(/ +/g, ' ').trim()),
      );
      if (!haveSpm) continue; // Debian: apt-get install sentencepiece
      const run = (program: string, args: string[], input?: string): string => {
        const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8' });
        assert.equal(status, 0, stderr);
        return stdout;
      };
      const encodeBySpm = (model: string): string[] =>
        run('spm_encode', [`--model=${model}`], `${heldOut.join('\n')}\n`)
          .trimEnd()
          .split('\n');
      assert.deepEqual(
        segmented.map((own) => own.join(' ')),
        encodeBySpm(path),
      );
      const text = join(folder, 'text.txt');
      writeFileSync(text, `${lines.join('\n')}\n`);
      run('spm_train', [
        `--input=${text}`,
        `--model_prefix=${join(folder, `spm-${modelType}`)}`,
        '--vocab_size=1500',
        `--model_type=${modelType}`,
        '--character_coverage=1',
        '--num_threads=1',
        '--minloglevel=2',
      ]);
      const count = (texts: readonly string[]): number => texts.join(' ').split(' ').length;
      const [ours, theirs] = [
        count(segmented.map((own) => own.join(' '))),
        count(encodeBySpm(join(folder, `spm-${modelType}.model`))),
      ];
      assert.ok(Math.abs(ours / theirs - 1) < 0.04, `${modelType}: ${ours} pieces, spm_train's model ${theirs}`);
    }
  },
);

test('a text that is repeated gives as good a model', async () => {
  const lines = multi30k(2000);
  const options: SentencePieceOptions = { vocabSize: 2000, characterCoverage: 1 };
  const once = await learnModel(folder, 'once', lines, options);
  const thrice = await learnModel(folder, 'thrice', [...lines, ...lines, ...lines], options);
  const count = async (path: string): Promise<number> => (await encodeLines(path, lines)).flat().length;
  const [a, b] = [await count(once.path), await count(thrice.path)];
  assert.ok(Math.abs(b / a - 1) < 0.01, `${a} pieces learnt of the text, ${b} of the text three times`);
});

