import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { planAblation } from '../ablation/ablationPlan.js';
import { loadConfig } from '../config/loadConfig.js';
import { prepareOptions } from '../config/prepareOptions.js';
import { prepareCorpus } from '../corpus/prepare/prepareCorpus.js';
import { ColdstartError, DataError } from '../errors.js';
import { runPreviewText } from '../report/text/runPreviewText.js';
import { idleInitNotes } from './idleInit.js';
import { previewRun } from './previewRun.js';
import { run } from './run.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-preview-'));
after(() => rmSync(folder, { recursive: true }));
const at = (...path: string[]): string => join(folder, ...path);

before(async () => {
  for (const side of ['de', 'en']) writeFileSync(at(`text.${side}`), 'a b c\nb c d\nc d e\nd e a\n'.repeat(6));
  writeFileSync(
    at('config.yaml'),
    `
backend: wasm
corpus:
  dir: data
  train: { src: text.de, trg: text.en }
  valid: { src: text.de, trg: text.en }
  test: { src: text.de, trg: text.en }
  subwords: { joiner: "" }
model: { dModel: 16, dFf: 32, numHeads: 2, numEncoderLayers: 1, numDecoderLayers: 2 }
train: { warmupUpdates: 0, maxUpdates: 6, maxTokens: 40, keepEpochs: 0, validateBleu: false }
decode: { beamSize: 2, maxLenA: 1, maxLenB: 2 }
record: { tensorBoard: false, gradientBatches: 0 }
`,
  );
  await prepareCorpus(prepareOptions(loadConfig(at('config.yaml'))), { workers: 1 });
});

const preview = (name: string, settings: readonly string[] = [], resume = false) =>
  previewRun({ config: loadConfig(at('config.yaml'), settings), runDir: at(name), resume });

test('a run is described with its size, updates and time, and nothing is written', async () => {
  const before = readdirSync(folder, { recursive: true });
  const found = await preview('new', ['metainit.iterations=2']);
  assert.deepEqual(
    [found.trainPairs, found.updatesPerEpoch, found.maxUpdates, found.updatesDone, found.estimate!.updates],
    [24, 3, 6, undefined, 6],
  );
  assert.ok(found.estimate!.secondsPerUpdate > 0 && found.estimate!.initUpdates > 0);
  const text = runPreviewText(found, 'runs/new');
  assert.match(
    text,
    new RegExp(`^model +${found.numParameters.toLocaleString('en')} parameters: 1\\+2 layers of width 16\n`),
  );
  assert.match(
    text,
    /\ntraining set +24 pairs, 3 updates an epoch\nupdates +6\ninitialisation +costs as much as [\d.]+ updates, /,
  );
  assert.match(
    text,
    /\nmemory +[\d.]+ GB, [\d.]+ GB are available\ntime +about [\d.]+s: training [\d.]+s \(\d+ ms an update\), /,
  );
  assert.match(text, /\nThis run can start in runs\/new\. Nothing was written\.\n/);
  assert.deepEqual(readdirSync(folder, { recursive: true }), before);
});

test('settings that no training can follow are refused before anything is written', async () => {
  const before = readdirSync(folder, { recursive: true });
  const config = (settings: readonly string[]) => loadConfig(at('config.yaml'), settings);
  for (const [settings, message] of [
    [
      ['train.bestBy=bleu'],
      /train\.bestBy is bleu, but train\.validateBleu is false: no BLEU .* Set train\.validateBleu to true, or train\.bestBy to loss\.$/,
    ],
    [
      ['decode.checkpoint=average'],
      /decode\.checkpoint is average and train\.keepEpochs is 0: there will be no epochs/,
    ],
    [['model.numHeads=3'], /model\.dModel is 16, expected a multiple of model\.numHeads \(3\)\.$/],
    [
      ['gradinit.algorithm=adam', 'gradinit.minScale=2', 'gradinit.maxScale=1'],
      /^gradInit: maxScale is 1, expected a number of at least the least scales/,
    ],
    [
      ['metainit.iterations=9', 'train.countInit=true'],
      /^initialisation will cost at least as much as \d+ updates, train\.maxUpdates is 6: nothing is left for training\./,
    ],
  ] as const) {
    for (const attempt of [
      () => preview('refused', settings),
      () => run({ config: config(settings), runDir: at('refused'), resume: false }),
    ])
      await assert.rejects(attempt, (error: ColdstartError) => {
        assert.match(error.message, message);
        assert.equal(error.code, 'USAGE');
        return true;
      });
    if (settings.some((setting) => setting.startsWith('metainit'))) continue; // the plan of an ablation reads no data
    const arm = settings.map((setting) => setting.replace('=', ': ')).join(', ');
    assert.throws(
      () => planAblation(config([`ablation.arms={ plain: {}, wrong: { ${arm} } }`]), at('refused')),
      (error: Error) => {
        assert.match(error.message, /^ablation\.arms\.wrong: /);
        assert.match(error.message.replace(/^ablation\.arms\.wrong: (ablation\.arms\.wrong: )?/, ''), message);
        return true;
      },
    );
  }
  assert.deepEqual(readdirSync(folder, { recursive: true }), before);
});

test('settings of an initialisation that is off are noted, with their places', () => {
  const notes = (...settings: string[]): string[] => idleInitNotes(loadConfig(at('config.yaml'), settings));
  assert.deepEqual(notes('gradinit.iterations=3'), [
    'note: gradinit.iterations (--set) has no effect on this run, as gradinit.algorithm is none. Set it, or leave it out.',
  ]);
  assert.deepEqual(notes('gradinit.variant=paper', 'gradinit.lr=0.5', 'metainit.lr=0.5'), [
    'note: gradinit.variant (--set), gradinit.lr (--set) have no effect on this run, as gradinit.algorithm is none. Set it, or leave them out.',
    'note: metainit.lr (--set) has no effect on this run, as metainit.iterations is 0. Set it, or leave it out.',
  ]);
  assert.deepEqual(notes('gradinit.algorithm=adam', 'gradinit.iterations=3', 'metainit.iterations=0'), []);
  assert.deepEqual(notes(), []);
});

test('what a run would be refused for is refused: settings, the folder, data that changed', async () => {
  await assert.rejects(preview('bad', ['train.maxUpdates=0']), /training would never end/);
  await assert.rejects(preview('bad', ['decode.beamSize=900']), /decode\.beamSize is 900, expected at most/);
  await run({ config: loadConfig(at('config.yaml'), ['train.maxUpdates=3']), runDir: at('made'), resume: false });
  const complete = await preview('made', ['train.maxUpdates=3']);
  assert.equal(complete.estimate, undefined);
  assert.match(runPreviewText(complete, 'made'), /^made holds this run, complete already; nothing would be done\.$/);
  await assert.rejects(
    preview('made', ['model.dropout=0.2'], true),
    (error: ColdstartError) => error.code === 'RUN_DIFFERS',
  );
  const config = readFileSync(at('made', 'config.yaml'));
  const longer = await preview('made', [], true);
  assert.equal(longer.updatesDone, 3);
  assert.match(runPreviewText(longer, 'made'), /made holds this run; 3 updates are done\. It would resume\./);
  assert.deepEqual(readFileSync(at('made', 'config.yaml')), config);
  assert.ok(existsSync(at('made', 'scores.json')));

  // GradInit with countInit: what it cost, as the run recorded it, not as it was expected
  const counted = [
    'gradinit.algorithm=adam',
    'gradinit.gamma=1e9',
    'gradinit.iterations=2',
    'train.countInit=true',
    'train.maxUpdates=40',
  ];
  const expected = (await preview('counted', counted)).estimate!;
  await run({ config: loadConfig(at('config.yaml'), counted), runDir: at('counted'), resume: false });
  const { cost } = JSON.parse(readFileSync(at('counted', 'gradinit.json'), 'utf8')) as {
    cost: { updateEquivalents: number };
  };
  const { estimate } = await preview('counted', [...counted, 'train.maxUpdates=60'], true);
  assert.notEqual(expected.initUpdates, cost.updateEquivalents);
  assert.equal(estimate!.initUpdates, cost.updateEquivalents);
  assert.equal(estimate!.updates, 60 - Math.ceil(cost.updateEquivalents));
  assert.equal(estimate!.updatesLeft, 20);
  assert.equal(estimate!.initSeconds, 0);

  const text = at('data', 'test.trg.txt');
  writeFileSync(text, readFileSync(text, 'utf8').replace('a', 'b'));
  await assert.rejects(
    preview('new'),
    (error) =>
      error instanceof DataError && /test\.trg\.txt is not what "coldstart corpus prepare" wrote/.test(error.message),
  );
});
