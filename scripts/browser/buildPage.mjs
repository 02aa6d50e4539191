// Makes the page of examples/browser as a folder of static files: the code as a bundle, the wasm files, and the
// built-in corpus as ids.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundle } from './bundle.mjs';

const root = join(import.meta.dirname, '../..');
const source = join(root, 'examples/browser');
/** The ways to start that the page compares, of configs/quickstart.yaml. */
const arms = ['warmup', 'no-warmup', 'cold'];
const base = 'configs/builtin.yaml';

/** @param out the folder, which is replaced */
export async function buildPage(out) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, 'wasm'), { recursive: true });
  copyFileSync(join(source, 'index.html'), join(out, 'index.html'));
  await bundle(
    ['page.js', 'worker.js'].map((name) => join(source, name)),
    out,
  );
  const tfjs = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json'));
  for (const name of ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm'])
    copyFileSync(join(tfjs, 'dist', name), join(out, 'wasm', name));
  copyFileSync(join(root, 'dist/backend/wasm/kernels.wasm'), join(out, 'wasm/kernels.wasm'));
  const folder = mkdtempSync(join(tmpdir(), 'coldstart-browser-'));
  try {
    await writeTask(folder, out);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** task.json: model, vocabulary, sentences to show, and the settings of each way; pairs.bin: the ids. */
async function writeTask(folder, out) {
  const of = (path) => import(join(root, 'dist', path));
  const { loadConfig, configDifferences } = await of('config/loadConfig.js');
  const { writeSyntheticCorpus } = await of('corpus/synth/generateCorpus.js');
  const { prepareCorpus } = await of('corpus/prepare/prepareCorpus.js');
  const { openPreparedCorpus } = await of('corpus/preparedCorpus.js');
  const { prepareOptions } = await of('config/prepareOptions.js');
  const { modelOptions } = await of('config/modelOptions.js');
  const { trainOptions, optimizerOptions } = await of('config/trainOptions.js');
  const { planAblation } = await of('ablation/ablationPlan.js');
  const { claimRunFolder, comparableConfig, runIdentity } = await of('run/runFolder.js');
  const { beamOptions, bleuOptions, referenceText } = await of('run/heldOut.js');

  const text = join(folder, 'text');
  await writeSyntheticCorpus(text, { pairs: 20_000, seed: 1 });
  const places = [
    `corpus.dir=${join(folder, 'prepared')}`,
    ...['train', 'valid', 'test'].flatMap((split) => [
      `corpus.${split}.src=${join(text, `${split}.de`)}`,
      `corpus.${split}.trg=${join(text, `${split}.en`)}`,
    ]),
  ];
  const builtin = comparableConfig(loadConfig(join(root, base)));
  const prepared = loadConfig(join(root, base), places);
  await prepareCorpus(prepareOptions(prepared));
  const corpus = await openPreparedCorpus(join(folder, 'prepared'));
  try {
    const plan = planAblation(loadConfig(join(root, 'configs/quickstart.yaml')), 'runs');
    const runs = plan.runs.filter(({ arm }) => arms.includes(arm));
    const [{ config }] = runs;
    const count = config.train.validateBleuSentences;
    const [train, valid] = ['train', 'valid'].map((split) => allPairs(corpus.dataset(split)));
    writeFileSync(join(out, 'pairs.bin'), idsOf([...train, ...valid]));
    const task = {
      model: modelOptions(config, corpus.manifest.vocabularySizes),
      vocabulary: corpus.pipeline.trgVocabulary.toText(),
      pairs: { train: train.length, valid: valid.length },
      sources: referenceText(corpus, config.decode, 'valid', 'src').slice(0, count),
      references: referenceText(corpus, config.decode, 'valid', 'trg').slice(0, count),
      decode: beamOptions(config.decode),
      bleu: bleuOptions(config.decode),
      arms: runs.map(({ arm, config }) => {
        const place = join(folder, arm);
        // resuming keeps what command lines set: so the base configuration is enough for it
        const differences = configDifferences(builtin, comparableConfig(config));
        const set = differences.map((line) => line.slice(0, line.indexOf(':')));
        claimRunFolder(place, config, { ...runIdentity(corpus.manifest), set }, { isNew: true, changed: [] });
        const { train } = config;
        return {
          name: arm,
          files: Object.fromEntries(
            ['config.yaml', 'run.json'].map((name) => [name, readFileSync(join(place, name), 'utf8')]),
          ),
          seed: config.seed,
          init: config.init.method,
          gradinit: config.gradinit,
          options: trainOptions(config),
          batching: { maxTokens: train.maxTokens, maxSentences: train.maxSentences },
          learning: { ...train, ...optimizerOptions(config) },
          samples: config.record.samples,
          ratioUpdates: config.record.ratioUpdates,
        };
      }),
    };
    writeFileSync(join(out, 'task.json'), JSON.stringify(task));
  } finally {
    await corpus.close();
  }
}

const allPairs = (dataset) => dataset.pairs(Array.from({ length: dataset.length }, (_, row) => row));

/** For each pair the lengths of both sides, then their ids: 16 bits each, the lower byte first. */
function idsOf(pairs) {
  const words = pairs.flatMap(({ src, trg }) => [src.length, trg.length, ...src, ...trg]);
  const bytes = new DataView(new ArrayBuffer(2 * words.length));
  words.forEach((word, i) => bytes.setUint16(2 * i, word, true));
  return new Uint8Array(bytes.buffer);
}
