import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../config/loadConfig.js';
import { prepareOptions } from '../config/prepareOptions.js';
import { prepareCorpus } from '../corpus/prepare/prepareCorpus.js';
import { fileIdentity } from '../storage/checksum.js';
import { readSafetensors } from '../storage/safetensors.js';
import { readVocabulary } from '../text/readVocabulary.js';
import { estimateRun } from './estimateRun.js';
import { run } from './run.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-init-from-'));
after(() => rmSync(folder, { recursive: true }));

const at = (...path: string[]): string => join(folder, ...path);
const read = (...path: string[]): string => readFileSync(at(...path), 'utf8');
const json = (...path: string[]): Record<string, unknown> => JSON.parse(read(...path)) as Record<string, unknown>;
const tensorsOf = (...path: string[]) => readSafetensors(at(...path)).tensors;
const eventsOf = (name: string, event: string): Record<string, unknown>[] =>
  read(name, 'log.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line.event === event);
const lossesOf = (name: string): number[] => eventsOf(name, 'valid').map(({ loss }) => loss as number);

/** Trains what NAME.yaml says. */
async function train(corpus: string, name: string, settings: readonly string[] = [], resume = false): Promise<void> {
  await run({ config: loadConfig(at(`${corpus}.yaml`), settings), runDir: at(name), resume, ignoreMemory: true });
}

const from = (path: string): string => `init.from=${at(path)}`;

/** A configuration and a prepared corpus of a pair for each word. */
async function makeCorpus(name: string, words: readonly string[], model = ''): Promise<void> {
  for (const side of ['de', 'en'])
    writeFileSync(at(`${name}.${side}`), words.map((word, i) => `${word} ${words[(i + 1) % words.length]}\n`).join(''));
  writeFileSync(
    at(`${name}.yaml`),
    `
seed: 5
backend: wasm
corpus:
  dir: ${name}-data
  train: { src: ${name}.de, trg: ${name}.en }
  valid: { src: ${name}.de, trg: ${name}.en }
  subwords: { joiner: "" }
model: { dModel: 16, dFf: 32, numHeads: 2, numEncoderLayers: 1, numDecoderLayers: 1, dropout: 0${model} }
train: { lr: 1e-2, warmupUpdates: 0, maxUpdates: 8, maxTokens: 40, validateBleu: false, keepEpochs: 0 }
decode: { beamSize: 2 }
record: { tensorBoard: false }
`,
  );
  await prepareCorpus(prepareOptions(loadConfig(at(`${name}.yaml`))), { workers: 1 });
}

const generalWords = ['a', 'b', 'c', 'd', 'e'];

before(async () => {
  await makeCorpus('general', generalWords);
  await makeCorpus('domain', ['x', 'c', 'b', 'y', 'a', 'z']);
  await train('general', 'general');
});

describe('training from parameters of another run', () => {
  test('with the same vocabulary the first loss is the best one of the source; the run records what it began from', async () => {
    await train('general', 'same', [from('general'), 'train.lr=0']);
    const losses = lossesOf('general');
    assert.ok(losses.at(-1)! < losses[0]);
    assert.equal(lossesOf('same')[0], Math.min(...losses));
    const checkpoint = at('general', 'checkpoints', 'best.safetensors');
    const { crc32: _, ...record } = json('same', 'init-from.json');
    const match = { kept: 5, drawn: 0, dropped: 0 };
    assert.deepEqual(record, {
      checkpoint,
      ...(await fileIdentity(checkpoint)),
      vocabularies: { src: match, trg: match },
    });
    assert.equal(eventsOf('same', 'initFrom')[0].sha256, record.sha256);
  });

  test('rows are matched by token; rows of new tokens are drawn as without a source', async () => {
    await train('domain', 'domain', [from('general/checkpoints/last.safetensors'), 'train.lr=0']);
    await train('domain', 'drawn', ['train.lr=0', 'train.maxUpdates=1']);
    const { update, vocabularies } = json('domain', 'init-from.json');
    assert.equal(update, 8);
    assert.deepEqual((vocabularies as Record<string, unknown>).trg, { kept: 3, drawn: 3, dropped: 2 });
    const own = tensorsOf('domain', 'initial.safetensors');
    const source = tensorsOf('general', 'checkpoints', 'last.safetensors');
    const drawn = tensorsOf('drawn', 'initial.safetensors');
    const [vocabulary, old] = ['domain', 'general'].map((name) => readVocabulary(at(name, 'text', 'vocab.src.txt')));
    const embedding = 'encoder.embed_tokens.weight';
    const row = (tensors: typeof own, id: number): number[] => [
      ...tensors.get(embedding)!.data.subarray(id * 16, (id + 1) * 16),
    ];
    assert.deepEqual(vocabulary.tokens.slice(4).sort(), ['a', 'b', 'c', 'x', 'y', 'z']);
    vocabulary.tokens.forEach((token, id) => {
      const expected = id < 4 ? row(source, id) : old.has(token) ? row(source, old.idOf(token)) : row(drawn, id);
      assert.deepEqual(row(own, id), expected, token);
    });
    assert.notDeepEqual(row(own, 3), row(drawn, 3));
    for (const [name, { data }] of own) if (name !== embedding) assert.deepEqual(data, source.get(name)!.data, name);
  });

  test('the optimiser is fresh: the schedule starts at update 1', async () => {
    await train('general', 'fresh', [from('general'), 'train.warmupUpdates=8', 'train.logEveryUpdates=1']);
    const updates = eventsOf('fresh', 'train');
    assert.deepEqual([updates[0].update, updates.length], [1, 8]);
    assert.ok((updates[0].lr as number) < 2e-3);
  });

  test('a run resumes without its source, bit for bit', async () => {
    await train('general', 'short', [from('general'), 'train.maxUpdates=4']);
    renameSync(at('general'), at('moved'));
    try {
      await train('general', 'short', [from('general')], true);
    } finally {
      renameSync(at('moved'), at('general'));
    }
    await train('general', 'whole', [from('general')]);
    const [short, whole] = ['short', 'whole'].map((name) => tensorsOf(name, 'checkpoints', 'last.safetensors'));
    assert.deepEqual(short, whole);
    await assert.rejects(train('general', 'short', [], true), /init\.from: "\S+general" → not set/);
    // the content counts, not the path
    cpSync(at('general', 'checkpoints', 'best.safetensors'), at('copy.safetensors'));
    cpSync(at('general', 'text'), at('text'), { recursive: true });
    await train('general', 'short', [from('copy.safetensors'), 'train.maxUpdates=9'], true);
    await assert.rejects(
      train('general', 'short', [from('whole')], true),
      /init\.from: "\S+copy\.safetensors" → "\S+whole"/,
    );
  });

  test('a run that stopped before it had parameters refuses a source that has changed since', async () => {
    await train('general', 'stopped', [from('general')]);
    for (const name of ['initial.safetensors', 'checkpoints', 'scores.json', 'log.jsonl'])
      rmSync(at('stopped', name), { recursive: true });
    const { crc32: _, ...record } = json('stopped', 'init-from.json');
    writeFileSync(at('stopped', 'init-from.json'), JSON.stringify({ ...record, sha256: 'ab'.repeat(32) }));
    await assert.rejects(
      train('general', 'stopped', [from('general')], true),
      /best\.safetensors has changed since the run began from it: SHA-256 [0-9a-f]{64}, expected (ab){32}\. Restore it/,
    );
    writeFileSync(at('stopped', 'init-from.json'), JSON.stringify(record));
    await train('general', 'stopped', [from('general')], true);
  });

  test('GradInit starts from the parameters, where the configuration asks for it', async () => {
    const gradInit = ['gradinit.algorithm=adam', 'gradinit.iterations=2', 'train.lr=1e-3'];
    await train('general', 'learned', [from('general'), 'train.maxUpdates=1', ...gradInit]);
    await train('general', 'plain', [from('general'), 'train.maxUpdates=1']);
    const sampleOf = (name: string) => json(name, 'gradients.json') as Record<'drawn' | 'start', { loss: number }>;
    assert.equal(sampleOf('learned').drawn.loss, sampleOf('plain').start.loss);
    assert.equal(json('learned', 'gradinit.json').method, 'gradinit');
  });

  test('trained residual scales of Admin are kept, not profiled again', async () => {
    await makeCorpus('admin', generalWords, ', residual: admin');
    await train('admin', 'admin');
    assert.equal(json('admin', 'gradinit.json').method, 'admin');
    await train('admin', 'tuned', [from('admin'), 'train.lr=0']);
    assert.ok(!existsSync(at('tuned', 'gradinit.json')));
    assert.equal(lossesOf('tuned')[0], Math.min(...lossesOf('admin')));
  });

  test('refuses models that differ, naming the setting and where it is set, before anything is written', async () => {
    const cases: [string, RegExp][] = [
      [
        'model.dFf=64',
        /--set: model\.dFf is 64, but the model to start from \(init\.from: \S+best\.safetensors\) has 32\. Parameters fit only a model of the same settings: set model\.dFf to 32, or leave out init\.from\./,
      ],
      ['model.residual=pre-ln', /model\.residual is pre-ln, but the model to start from .* has post-ln\./],
      ['model.sharing=none', /model\.sharing is none, but the model to start from .* has tied\./],
      ['model.numHeads=4', /model\.numHeads is 4, but the model to start from .* has 2\./],
    ];
    for (const [setting, message] of cases) {
      await assert.rejects(train('general', 'none', [from('general'), setting]), { code: 'USAGE', message });
      assert.ok(!existsSync(at('none')));
      // also where a run is only measured
      const config = loadConfig(at('general.yaml'), [from('general'), setting]);
      await assert.rejects(estimateRun(config, true), { code: 'USAGE', message });
    }
  });

  test('refuses what is no run and no checkpoint, saying what to name', async () => {
    const refuse = (source: string, message: RegExp) =>
      assert.rejects(train('general', 'none', [from(source)]), { message });
    await refuse(
      'nowhere',
      /init\.from is \S+nowhere, and nothing is there\. Name the folder of a run, or a checkpoint/,
    );
    await refuse(
      'general-data',
      /init\.from is \S+, a folder without a run \(no config\.yaml\)\. Name the folder of a/,
    );
    await refuse('general.yaml', /checkpoint \S+general\.yaml cannot be used: it is not a valid safetensors file/);
    renameSync(at('general', 'text'), at('general', 'kept'));
    await refuse(
      'general/checkpoints/best.safetensors',
      /no vocabularies were found near \S+best\.safetensors \(init\.from\), so its rows cannot be matched/,
    );
    await refuse('general', /text\.json/);
    renameSync(at('general', 'kept'), at('general', 'text'));
    renameSync(at('general', 'text', 'vocab.trg.txt'), at('vocabulary'));
    writeFileSync(at('general', 'text', 'vocab.trg.txt'), 'a 1\n');
    await refuse('general', /vocab\.trg\.txt is not what the run wrote: SHA-256/);
    renameSync(at('vocabulary'), at('general', 'text', 'vocab.trg.txt'));
    assert.ok(!existsSync(at('none')));
  });

  test('the command line takes --init-from, and shows what is taken over', () => {
    const program = fileURLToPath(new URL('../cli/main.js', import.meta.url));
    const flags = ['-c', 'domain.yaml', '--run', 'flag', '--init-from', 'general', '--set', 'train.maxUpdates=1'];
    const { status, stderr } = spawnSync(process.execPath, [program, 'train', ...flags], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    const missing = spawnSync(
      process.execPath,
      [program, 'train', '-c', 'domain.yaml', '--run', 'none', '--init-from', 'nowhere'],
      { cwd: folder, encoding: 'utf8' },
    );
    assert.match(missing.stderr, /^coldstart: --init-from: init\.from is \S+nowhere, and nothing is there\./m);
    assert.equal(missing.status, 2);
    assert.match(
      stderr,
      /^from +\S+general\/checkpoints\/best\.safetensors\ntokens +3 tokens kept, 3 drawn, 2 dropped$/m,
    );
    assert.match(read('flag', 'config.yaml'), new RegExp(`from: ${at('general')}\n`));
  });
});
