import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gatherAblation } from './gatherAblation.js';
import { changeConfig, defaultConfig } from '../config/loadConfig.js';
import { prepareOptions } from '../config/prepareOptions.js';
import type { Config } from '../config/schema.js';
import { prepareCorpus } from '../corpus/prepare/prepareCorpus.js';
import { run } from '../run/run.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-reference-'));
after(() => rmSync(folder, { recursive: true }));

const program = fileURLToPath(new URL('../cli/main.js', import.meta.url));
const words = ['Der Hund', 'die Katze', 'Ein Mann', "O'Neil"];
const sentence = (i: number): string => `${words[i % 4]}, sagt „${words[(i * 3 + 1) % 4]}“ (${i % 5}): gut-es!`;

function write(name: string, count: number, from: number): void {
  const lines = Array.from({ length: count }, (_, i) => sentence(from + i));
  for (const side of ['de', 'en'])
    writeFileSync(join(folder, `${name}.${side}`), lines.map((line) => `${line}\n`).join(''));
}

write('train', 40, 0);
write('valid', 5, 3);
write('test', 8, 1);
const expected = readFileSync(join(folder, 'test.en'), 'utf8');

const preprocessing: Record<string, Record<string, unknown>> = {
  plain: {},
  tokenized: { 'corpus.tokenize.method': 'moses' },
  truecased: { 'corpus.tokenize.method': 'moses', 'corpus.letterCase': 'true' },
  lowercased: { 'corpus.letterCase': 'lower' },
  normalized: { 'corpus.normalize.punctuation': true },
};

async function tinyRun(name: string, changes: Record<string, unknown>): Promise<{ runDir: string; config: Config }> {
  const pair = (split: string): Record<string, string> => ({
    [`corpus.${split}.src`]: join(folder, `${split}.de`),
    [`corpus.${split}.trg`]: join(folder, `${split}.en`),
  });
  const config = changeConfig(
    defaultConfig(),
    {
      backend: 'wasm',
      'corpus.dir': join(folder, `data-${name.split('-')[0]}`),
      'corpus.srcLang': 'de',
      'corpus.trgLang': 'en',
      ...pair('train'),
      ...pair('valid'),
      ...pair('test'),
      'corpus.subwords.method': 'bpe',
      'corpus.subwords.merges': 60,
      'model.dModel': 16,
      'model.dFf': 32,
      'model.numHeads': 2,
      'model.numEncoderLayers': 1,
      'model.numDecoderLayers': 1,
      'train.lr': 0.02,
      'train.warmupUpdates': 3,
      'train.maxUpdates': 25,
      'train.maxTokens': 400,
      'train.validateEveryUpdates': 25,
      'train.validateBleu': false,
      'decode.beamSize': 1,
      'record.gradientBatches': 0,
      'record.tensorBoard': false,
      ...changes,
    },
    'test',
  );
  await prepareCorpus(prepareOptions(config));
  const runDir = join(folder, name);
  await run({ config, runDir, resume: false });
  return { runDir, config };
}

for (const [name, changes] of Object.entries(preprocessing)) {
  for (const bleu of ['sacrebleu', 'tokenised']) {
    test(`test.ref is what was scored: ${name} text, decode.bleu ${bleu}`, async () => {
      const { runDir } = await tinyRun(`${name}-${bleu}`, { ...changes, 'decode.bleu': bleu });
      const scores = JSON.parse(readFileSync(join(runDir, 'scores.json'), 'utf8')) as {
        test: { bleu: number; refLen: number; sysLen: number };
      };
      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        [
          program,
          'score',
          '--ref',
          join(runDir, 'test.ref'),
          '--hyp',
          join(runDir, 'test.hyp'),
          '--json',
          ...(bleu === 'tokenised' ? ['--metrics', 'tokenised-bleu'] : []),
        ],
        { encoding: 'utf8' },
      );
      assert.equal(status, 0, stderr);
      assert.equal((JSON.parse(stdout) as { score: number }).score, scores.test.bleu);
      if (bleu === 'sacrebleu') assert.equal(readFileSync(join(runDir, 'test.ref'), 'utf8'), expected);
      const { samples, untranslated } = gatherAblation(runDir, { samples: 8 });
      assert.equal(untranslated, undefined);
      assert.deepEqual(
        samples.map(({ ref }) => ref),
        readFileSync(join(runDir, 'test.ref'), 'utf8').trimEnd().split('\n'),
      );

      if (bleu !== 'sacrebleu' || name === 'plain') return;
      // folders of older versions have the preprocessed reference, or none
      const prepared = join(folder, `data-${name}`);
      const refsOf = (data: ReturnType<typeof gatherAblation>): string =>
        data.samples.map(({ ref }) => `${ref}\n`).join('');
      writeFileSync(join(runDir, 'test.ref'), readFileSync(join(prepared, 'test.trg.txt')));
      assert.ok(scores.test.bleu > 0, 'a score that tells references apart');
      assert.equal(refsOf(gatherAblation(runDir, { samples: 8 })), expected);
      rmSync(join(runDir, 'test.ref'));
      assert.equal(refsOf(gatherAblation(runDir, { samples: 8 })), expected);
      // without the corpus nothing gives the run's score
      writeFileSync(join(runDir, 'test.ref'), readFileSync(join(prepared, 'test.trg.txt')));
      rmSync(prepared, { recursive: true });
      assert.deepEqual(gatherAblation(runDir).untranslated, ['run']);
    });
  }
}

test('two runs of an ablation are compared on the references that were scored', async () => {
  const dir = join(folder, 'ablation');
  const changes = { ...preprocessing.truecased, 'decode.bleu': 'sacrebleu', 'corpus.dir': join(folder, 'data-both') };
  for (const [arm, lr] of [
    ['warmup', 0.02],
    ['no-warmup', 0.01],
  ] as const)
    await tinyRun(`ablation/${arm}/seed-1`, { ...changes, 'train.lr': lr });
  const { arms } = gatherAblation(dir, { bootstrapSamples: 20 });
  const [{ comparison }] = arms[1].cells;
  assert.equal(comparison!.perSeed[0].bleu, arms[1].cells[0].testBleu!.mean);
  assert.equal(comparison!.perSeed[0].baselineBleu, arms[0].cells[0].testBleu!.mean);
});
