import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parse } from 'yaml';
import { writeCompleteRun } from '../../test/completeRun.js';
import {
  sampleConfig,
  sampleModel,
  sampleParameters,
  sampleText,
  writeSampleCheckpoint,
} from '../../test/exportSample.js';
import { defaultConfig } from '../config/loadConfig.js';
import type { Config } from '../config/schema.js';
import { runPaths } from '../run/runFolder.js';
import { sha256Of } from '../storage/recordedFiles.js';
import { saveTextPipeline } from '../text/textPipeline.js';
import { writeStoredParams } from '../train/checkpoint.js';
import { openExportedModel, type ExportedModel } from './exportedModel.js';
import type { Exporter } from './exporter.js';
import { chosenDtypes, exporterNamed, exporters } from './exporters.js';
import { checkExportable, checkExportFolder, exportModel, type ExportRecord } from './exportModel.js';
import { greedyScore } from './greedyScore.js';
import { modelCard } from './modelCard.js';

const home = mkdtempSync(join(tmpdir(), 'coldstart-export-'));
after(() => rmSync(home, { recursive: true }));

/** A format of one file. */
const textFormat: Exporter = {
  name: 'text',
  summary: 'a program that reads text',
  dtypes: ['long', 'short'],
  defaultDtypes: ['long'],
  severalDtypes: false,
  refuse: ({ config }) => (config.residual === 'admin' ? 'it has no residual scales. Train without.' : undefined),
  write: async (_model, { folder, dtypes }) => {
    mkdirSync(join(folder, 'part'));
    writeFileSync(join(folder, 'part', 'a.txt'), `${dtypes.join()}\n`);
  },
  card: () => ({ library: 'text', usage: 'Read it.', limits: ['It only reads.'] }),
};

const run = (changes: Partial<Config['decode']> = {}): Config => {
  const config = defaultConfig();
  return {
    ...config,
    corpus: {
      ...config.corpus,
      srcLang: 'de',
      trgLang: 'en',
      train: { src: '/private/train.de', trg: '/private/train.en' },
    },
    model: { ...config.model, arch: 'tiny' },
    decode: { ...config.decode, checkpoint: 'best', ...changes },
  };
};

/** A complete run of the sample's model. */
function writeRun(name: string, changes: Partial<Config['decode']> = {}): string {
  const runDir = join(home, name);
  writeCompleteRun({ runDir, config: run(changes) }, { bleu: 31.257 });
  saveTextPipeline(join(runDir, 'text'), sampleText('joint'));
  const config = sampleConfig('joint');
  const stored = new Map(
    [...sampleParameters(config)].map(([key, { shape, data }]) => [key, { dtype: 'F32' as const, shape, data }]),
  );
  for (const path of [runPaths(runDir).best, runPaths(runDir).last]) writeStoredParams(path, config, stored, true);
  return runDir;
}

describe('what is exported', () => {
  test('a run: its checkpoint, text, decode settings and facts', async () => {
    const folder = writeRun('run', { lengthPenalty: 0.6 });
    const model = await openExportedModel({ run: folder });
    assert.equal(model.checkpoint, runPaths(folder).best);
    assert.deepEqual([...model.parameters], [...sampleParameters(model.config)]);
    assert.deepEqual([model.isJoint, model.decode.lengthPenalty, model.run!.use], [true, 0.6, 'best']);
    assert.equal(model.run!.scores!.tests![0].bleu, 31.257);
    assert.equal((await openExportedModel({ run: folder, use: 'last' })).checkpoint, runPaths(folder).last);
  });

  test('a checkpoint alone: the text next to it, and the default settings', async () => {
    const path = writeSampleCheckpoint(join(home, 'alone'), 'separate');
    const model = await openExportedModel({ checkpoint: path });
    assert.deepEqual([model.isJoint, model.run, model.decode], [false, undefined, defaultConfig().decode]);
    assert.equal(model.textFolder, join(home, 'alone', 'text'));
  });

  test('what does not fit is refused with what to do', async () => {
    const path = writeSampleCheckpoint(join(home, 'joint'));
    const other = join(home, 'other-text');
    saveTextPipeline(other, sampleText('separate'));
    for (const [source, message] of [
      [{}, 'name what to export: either --run DIR or --checkpoint FILE.'],
      [{ run: 'a', checkpoint: 'b' }, 'name what to export: either --run DIR or --checkpoint FILE.'],
      [{ checkpoint: path, use: 'best' }, '--use chooses among the checkpoints of a run: give it with --run.'],
      [
        { checkpoint: path, text: other },
        `the vocabularies in ${other} have 8 and 9 entries, ${path} expects 12 and 12. Name the folder that belongs to it with --text.`,
      ],
    ] as const)
      await assert.rejects(openExportedModel(source), (error: Error) => error.message === message);
  });

  test('parameters that are not finite are refused, and so is what the format cannot hold', () => {
    const model = sampleModel();
    checkExportable(model, textFormat, ['long']);
    assert.throws(
      () => checkExportable({ ...model, config: { ...model.config, residual: 'admin' } }, textFormat, ['long']),
      { message: '--format text cannot hold this model: it has no residual scales. Train without.' },
    );
    const parameters = new Map([
      ...model.parameters,
      ['encoder.layers.0.fc1.bias', { shape: [1], data: Float32Array.of(NaN) }],
    ]);
    assert.throws(() => checkExportable({ ...model, parameters }, textFormat, ['long']), {
      message: 'none holds NaN in encoder.layers.0.fc1.bias: it translates nothing. Export an earlier checkpoint.',
    });
    const large = new Map([
      ...model.parameters,
      ['encoder.layers.0.fc1.bias', { shape: [1], data: Float32Array.of(7e4) }],
    ]);
    checkExportable({ ...model, parameters: large }, textFormat, ['fp32']);
    for (const dtype of ['fp16', 'float16'])
      assert.throws(() => checkExportable({ ...model, parameters: large }, textFormat, [dtype]), {
        message:
          'tensor encoder.layers.0.fc1.bias holds 70000, and the largest 16-bit float is 65504. Export it with another --dtype.',
      });
  });
});

describe('formats and dtypes', () => {
  test('are chosen by name, and mistakes are named', () => {
    for (const exporter of exporters) {
      assert.equal(exporterNamed(exporter.name), exporter);
      assert.deepEqual(chosenDtypes(exporter), exporter.defaultDtypes);
      assert.ok(exporter.defaultDtypes.every((dtype) => exporter.dtypes.includes(dtype)));
    }
    assert.throws(
      () => exporterNamed('pytorch'),
      /^Error: --format is "pytorch", expected one of transformers-js.*\.$|UsageError/,
    );
    assert.deepEqual(chosenDtypes(textFormat, ['short']), ['short']);
    for (const [asked, message] of [
      [['int3'], '--dtype is "int3", expected one of long, short for --format text.'],
      [['short', 'short'], '--dtype names short twice. Name each dtype once.'],
      [
        ['short', 'long'],
        '--dtype names short and long, but a folder of --format text holds one. Export each to a separate folder.',
      ],
    ] as const)
      assert.throws(() => chosenDtypes(textFormat, asked), { message });
  });
});

describe('the folder', () => {
  const write = (out: string, exporter = textFormat): Promise<ExportRecord> =>
    exportModel({ ...sampleModel(), checkpoint: writeSampleCheckpoint(join(home, 'for-folders')) }, exporter, {
      out,
      dtypes: ['long'],
      greedy: { missing: 'nobody asked' },
    });

  test('has the format, the card and a record of both', async () => {
    const out = join(home, 'out', 'deep');
    const record = await write(out);
    assert.deepEqual(readdirSync(out).sort(), ['README.md', 'coldstart.json', 'part']);
    const { crc32, ...stored } = JSON.parse(readFileSync(join(out, 'coldstart.json'), 'utf8')) as ExportRecord & {
      crc32: string;
    };
    assert.match(crc32, /^[0-9a-f]{8}$/);
    assert.deepEqual(stored, record);
    assert.deepEqual(
      [record.exporter, record.dtypes, Object.keys(record.files)],
      ['text', ['long'], ['README.md', 'part/a.txt']],
    );
    assert.deepEqual(record.files['part/a.txt'], { bytes: 5, sha256: sha256Of(Buffer.from('long\n')) });
    assert.deepEqual(record.checkpoint.sha256, sha256Of(readFileSync(join(home, 'for-folders', 'model.safetensors'))));
  });

  test('does not appear if writing fails, and an earlier one stays', async () => {
    const out = join(home, 'kept');
    const failing: Exporter = { ...textFormat, write: () => Promise.reject(new Error('disk')) };
    await assert.rejects(write(out, failing), /disk/);
    assert.equal(existsSync(out), false);
    await write(out);
    const before = readFileSync(join(out, 'README.md'), 'utf8');
    await assert.rejects(write(out, failing), /disk/);
    assert.equal(readFileSync(join(out, 'README.md'), 'utf8'), before);
    assert.deepEqual(
      readdirSync(home).filter((name) => name.includes('part')),
      [],
    );
  });

  test('that holds something is refused; with force an earlier export may be replaced, nothing else', async () => {
    const out = join(home, 'twice');
    checkExportFolder(out);
    mkdirSync(out);
    checkExportFolder(out);
    await write(out);
    assert.throws(() => checkExportFolder(out), {
      code: 'FILE_EXISTS',
      message: `${out} holds an export already. Replace it with --force, or choose another folder with --out.`,
    });
    checkExportFolder(out, { force: true });
    const other = join(home, 'papers');
    mkdirSync(other);
    writeFileSync(join(other, 'thesis.txt'), 'x');
    for (const force of [false, true])
      assert.throws(() => checkExportFolder(other, { force }), {
        code: 'FILE_EXISTS',
        message: `${other} is not empty and holds no export. Choose another folder with --out, or empty it first.`,
      });
    // a file of the record's name does not make an export
    for (const [record, found] of [
      ['{}', 'format is missing, expected one of "coldstart export"'],
      ['{"format":"coldstart export"}', 'files is missing, expected an object'],
    ]) {
      writeFileSync(join(other, 'coldstart.json'), record);
      assert.throws(() => checkExportFolder(other, { force: true }), {
        code: 'FILE_EXISTS',
        message: `${join(other, 'coldstart.json')}: ${found}. The folder is not known as an export. Choose another folder with --out, or empty it first.`,
      });
    }
    mkdirSync(join(out, 'notes'));
    writeFileSync(join(out, 'notes/thesis.txt'), 'x');
    for (const force of [false, true])
      assert.throws(() => checkExportFolder(out, { force }), {
        code: 'FILE_EXISTS',
        message: `${out} holds an export, and also notes/thesis.txt, which coldstart.json does not list. Choose another folder with --out, or empty it first.`,
      });
    assert.throws(() => checkExportFolder(join(other, 'thesis.txt'), { force: true }), {
      message: `${join(other, 'thesis.txt')} exists already and would be overwritten. Choose another name, or remove it first.`,
    });
  });
});

describe('the model card', () => {
  const parts = textFormat.card(sampleModel(), ['long'], 'name');
  const card = (model: ExportedModel, greedy: Parameters<typeof modelCard>[1]['greedy'], license?: string) =>
    modelCard(model, { parts, greedy, license });

  test('of a run: head, scores, training, settings, licence', async () => {
    const model = await openExportedModel({ run: writeRun('run for card') });
    const text = card(model, { bleu: 30.126 }, 'apache-2.0');
    const [, head, body] = text.split(/^---$/m);
    assert.deepEqual(parse(head), {
      library_name: 'text',
      pipeline_tag: 'translation',
      language: ['de', 'en'],
      license: 'apache-2.0',
      tags: ['translation', 'coldstart'],
    });
    for (const part of [
      '# run for card: de → en',
      'from `de` to `en`',
      'It has 1,996 parameters: 2 encoder and 1 decoder layer,',
      'one vocabulary of 12 entries',
      '| beam 5, length penalty 1 | 31.26 |\n| greedy | 30.13 |',
      'Signature `sig`.',
      'Source text is split at spaces',
      '- It only reads.',
      '| training text | `train.de`, `train.en` |',
      '| run | complete |\n| updates | 10 in 1 epoch |',
      '| parameters | best of validation after update 10 |',
      'lr: 0.0005',
      '## Licence\n\n`apache-2.0`',
    ])
      assert.ok(body.includes(part), `${part}\n\n${text}`);
    assert.doesNotMatch(text, /\/private\//);
    const { scores, config, ...run } = model.run!;
    const train = { ...config.train, maxUpdates: 20_000 };
    const unfinished = card({ ...model, run: { ...run, config: { ...config, train } } }, { bleu: 30.126 });
    assert.match(
      unfinished,
      /\| run \| not complete: training was not at its end \|\n\| updates \| 10 of 20,000 in 1 epoch \|/,
    );
    const diverged = card(
      { ...model, run: { ...run, config, scores: { ...scores!, status: 'diverged' } } },
      { bleu: 1 },
    );
    assert.match(diverged, /\| run \| diverged \|/);
  });

  test('of a checkpoint: what is not known is not made up', () => {
    const text = card(sampleModel(), { missing: 'a checkpoint alone has no test set' });
    assert.doesNotMatch(text, /BLEU|license:|language:/);
    assert.match(text, /There is no greedy score: a checkpoint alone has no test set\./);
    assert.match(text, /nothing more is known of their training/);
    assert.match(text, /## Licence\n\nNot stated\./);
  });

  test('names the steps that a tokenizer cannot do', () => {
    const model = sampleModel();
    const text = card(
      {
        ...model,
        text: {
          ...model.text,
          preprocessing: {
            src: [
              { step: 'normalize', language: 'de', unicode: 'NFC', punctuation: true },
              { step: 'tokenize', language: 'de', escape: false },
              { step: 'truecase', model: 'x' },
            ],
            trg: [
              { step: 'tokenize', language: 'en' },
              { step: 'truecase', model: 'x' },
            ],
          },
        },
      },
      { missing: 'x' },
    );
    assert.ok(
      text.includes(
        'normalisation (NFC, plain punctuation), then Moses tokenisation for `de` without escapes, then truecasing with the model of the training text.',
      ),
      text,
    );
    const command = (...steps: string[]): string =>
      `\`${steps.map((step) => `coldstart corpus ${step}`).join(' | ')}\``;
    assert.ok(
      text.includes(
        `These commands do nothing else: ${command('normalize -l de --unicode NFC', 'tokenize -l de --no-escape', 'truecase --model truecase.src.txt')} (the files are in the run's folder text).`,
      ),
      text,
    );
    assert.ok(text.includes(`To make running text of them: ${command('detruecase', 'detokenize -l en')}.`), text);
  });

  test('names of files and folders are no markup', async () => {
    const folder = writeRun('a*b <i>[x](y)|z');
    const model = await openExportedModel({ run: folder });
    const text = card(
      {
        ...model,
        run: {
          ...model.run!,
          config: {
            ...model.run!.config,
            corpus: { ...model.run!.config.corpus, train: { src: '/x/a`|`b\n# c', trg: undefined } },
          },
        },
      },
      { bleu: 1 },
    );
    assert.ok(text.includes('# a\\*b \\<i\\>\\[x\\](y)\\|z: de → en'), text);
    assert.ok(text.includes("| training text | `a'\\|'b # c` |"), text);
  });
});

describe('greedy score', () => {
  const options = { compute: true, prepare: () => Promise.reject(new Error('no backend is needed')) };

  test("is the run's own where it searched greedily", async () => {
    const model = await openExportedModel({ run: writeRun('greedy', { beamSize: 1 }) });
    assert.deepEqual(await greedyScore(model, options), { bleu: 31.257 });
  });

  test('says why there is none', async () => {
    const model = await openExportedModel({ run: writeRun('beam') });
    const inCorpus = (dir?: string): ExportedModel => ({
      ...model,
      run: { ...model.run!, config: { ...model.run!.config, corpus: { ...model.run!.config.corpus, dir } } },
    });
    assert.deepEqual(await greedyScore(sampleModel(), options), { missing: 'a checkpoint alone has no test set' });
    assert.deepEqual(await greedyScore(model, { ...options, compute: false }), {
      missing: 'it was not computed (--no-score)',
    });
    assert.deepEqual(await greedyScore(inCorpus(), options), {
      missing: 'the prepared corpus is not where the run found it',
    });
    const gone = join(home, 'gone');
    assert.deepEqual(await greedyScore(inCorpus(gone), options), {
      missing: `the prepared corpus is not where the run found it (${gone})`,
    });
    mkdirSync(gone);
    writeFileSync(join(gone, 'manifest.json'), '{}');
    assert.deepEqual(await greedyScore(inCorpus(gone), options), {
      missing: `the prepared corpus in ${gone} cannot be used`,
    });
  });
});
