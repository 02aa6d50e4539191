import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { builtinTextYaml } from '../../test/builtinText.js';
import { limitedMemory } from '../../test/limitedMemory.js';
import type { RunScores } from '../run/runScores.js';

const program = fileURLToPath(new URL('./main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coldstart-resume-'));
after(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function coldstart(...args: string[]): Outcome {
  return spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: 'utf8' });
}

function train(run: string, ...args: string[]): Outcome {
  return coldstart('train', '-c', 'my.yaml', '--run', run, ...args);
}

function ok({ status, stdout, stderr }: Outcome): string {
  assert.equal(status, 0, stderr);
  return stdout;
}

const set = (...settings: string[]): string[] => settings.flatMap((setting) => ['--set', setting]);
const bytes = (...path: string[]): Buffer => readFileSync(join(folder, ...path));
const scoresOf = (run: string): RunScores => JSON.parse(bytes(run, 'scores.json').toString()) as RunScores;
const logOf = (run: string): { event: string; [key: string]: unknown }[] =>
  bytes(run, 'log.jsonl')
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string });

before(() => {
  ok(coldstart('corpus', 'synth', '--out', 'text', '--pairs', '300', '--valid-pairs', '10', '--test-pairs', '20'));
  writeFileSync(
    join(folder, 'my.yaml'),
    `
seed: 5
backend: wasm
${builtinTextYaml}  subwords: { method: none, joiner: "" }
model: { dModel: 16, dFf: 32, numHeads: 2, numEncoderLayers: 1, numDecoderLayers: 1 }
train: { lr: 1e-2, warmupUpdates: 10, maxUpdates: 20, maxTokens: 400, validateEveryUpdates: 10, logEveryUpdates: 5, keepEpochs: 2 }
decode: { beamSize: 2, maxLenA: 1, maxLenB: 2, bleu: tokenised }
`,
  );
  ok(coldstart('corpus', 'prepare', '-c', 'my.yaml'));
  ok(train('short'));
});

describe('what may change on resuming', () => {
  const longer = set('train.maxUpdates=40', 'train.logEveryUpdates=10', 'train.patience=9');

  test('a complete run is prolonged bit for bit as if it had been given more updates at the start', () => {
    const refused = train('short', ...longer);
    assert.equal(refused.status, 1);
    assert.match(
      refused.stderr,
      /short holds this run with other settings:\n {2}train\.maxUpdates: 20 → 40\n[^]*These may change: resume with --resume/,
    );
    assert.ok(existsSync(join(folder, 'short', 'scores.json')));
    ok(train('short', ...longer, '--resume'));
    ok(train('whole', ...longer));
    for (const name of ['test.hyp', 'checkpoints/best.safetensors', 'checkpoints/epoch-0002.safetensors'])
      if (existsSync(join(folder, 'whole', name))) assert.deepEqual(bytes('short', name), bytes('whole', name), name);
    const [short, whole] = [scoresOf('short'), scoresOf('whole')];
    assert.deepEqual([short.updates, short.budget, short.last!.loss], [40, 40, whole.last!.loss]);
    assert.equal(short.test!.bleu, whole.test!.bleu);
    assert.deepEqual(logOf('short').find(({ event }) => event === 'changed')?.settings, [
      'train.maxUpdates: 20 → 40',
      'train.logEveryUpdates: 5 → 10',
      'train.patience: 0 → 9',
    ]);
    assert.match(bytes('short', 'config.yaml').toString(), /maxUpdates: 40/);
    assert.match(train('short', ...longer).stderr, /complete already; nothing was done/);
  });

  test('an end that the run is past is refused before anything is written', () => {
    const before = bytes('short', 'config.yaml');
    for (const [setting, message] of [
      [
        'train.maxUpdates=39',
        'train.maxUpdates is 39, and short has been trained for 40 updates already. Set it to 40 to end the run now, or higher to train on.',
      ],
      [
        'train.maxEpochs=3',
        'train.maxEpochs is 3, and short has been trained for 4 epochs (the last one in part) already. Set it to 4 to end the run now, or higher to train on.',
      ],
    ])
      for (const preview of [[], ['--dry-run']]) {
        const { status, stderr } = train('short', ...longer, ...set(setting), '--resume', ...preview);
        assert.ok(stderr.includes(`coldstart: ${message}`), stderr);
        assert.equal(status, 2);
      }
    assert.deepEqual(bytes('short', 'config.yaml'), before);
    const left = ok(train('short', ...longer, ...set('train.maxUpdates=60'), '--resume', '--dry-run'));
    assert.match(left, /\nupdates +60, 20 of them left\n(.*\n)*time left +about /);
  });

  test('a run with scaled rates is prolonged bit for bit while they are released, and not without its scales', () => {
    const robust = set(
      'gradinit.algorithm=adam',
      'gradinit.variant=robust',
      'gradinit.iterations=4',
      'gradinit.releaseUpdates=15',
      'train.warmupUpdates=0',
    );
    ok(train('rates', ...robust, ...set('train.maxUpdates=7')));
    ok(train('rates-whole', ...robust));
    const report = join(folder, 'rates', 'gradinit.json');
    const { scales, fallback } = JSON.parse(readFileSync(report, 'utf8')) as Record<string, Record<string, number>>;
    assert.equal(fallback, undefined);
    assert.ok(Object.values(scales).some((scale) => scale < 0.9));
    renameSync(report, `${report}.moved`);
    const refused = train('rates', ...robust, ...set('train.maxUpdates=20'), '--resume');
    assert.equal(refused.status, 1);
    assert.match(
      refused.stderr,
      /rates\/gradinit\.json is gone\. It holds the scales of the rates that this run trains with\. Restore it from a copy, or/,
    );
    renameSync(`${report}.moved`, report);
    ok(train('rates', ...robust, ...set('train.maxUpdates=20'), '--resume'));
    for (const name of ['test.hyp', 'checkpoints/best.safetensors'])
      assert.deepEqual(bytes('rates', name), bytes('rates-whole', name), name);
    assert.equal(scoresOf('rates').last!.loss, scoresOf('rates-whole').last!.loss);
  });

  test('a complete run that is prolonged needs memory again; with only other decoding it needs none for training', () => {
    ok(train('large'));
    const train1 = (...settings: string[]): Outcome =>
      spawnSync(
        process.execPath,
        [limitedMemory(1), ...[program, 'train', '-c', 'my.yaml', '--run', 'large', '--resume', ...settings]],
        { cwd: folder, encoding: 'utf8' },
      );
    const refused = train1(...set('train.maxUpdates=25'));
    assert.equal(refused.status, 1);
    assert.match(
      refused.stderr,
      /^coldstart: this run needs about .* of memory \(train .*, decode .*\), .* \[TOO_LARGE\]$/m,
    );
    assert.equal(scoresOf('large').updates, 20); // nothing is lost
    assert.match(train1(...set('decode.beamSize=1')).stderr, /needs about .* of memory \(decode [^,]*\), /);
    assert.match(train1().stderr, /complete already; nothing was done/);
    assert.match(
      train1(...set('train.maxUpdates=25'), '--ignore-memory').stderr,
      /changed   train\.maxUpdates: 20 → 25/,
    );
  });

  test('what --set gave the run before is kept unless it is given again, and reported', () => {
    ok(train('kept', ...set('train.maxUpdates=15', 'seed=6', 'train.patience=0')));
    assert.match(train('kept').stderr, /holds a run that differs from the requested one:\n {2}seed: 6 → 5\n/);
    const again = train('kept', '--resume');
    assert.equal(
      ok(again) && again.stderr,
      'kept      train.maxUpdates=15, seed=6, train.patience=0: set for this run earlier; --set KEY=VALUE changes it\n' +
        'kept holds this run, complete already; nothing was done.\n',
    );
    const longer = train('kept', '--resume', ...set('train.maxUpdates=18', 'decode.beamSize=1'));
    ok(longer);
    assert.match(longer.stderr, /^kept {6}seed=6, train\.patience=0: /);
    assert.match(longer.stderr, /\nchanged {3}train\.maxUpdates: 15 → 18\nchanged {3}decode\.beamSize: 2 → 1\n/);
    assert.match(
      train('kept', '--resume').stderr,
      /^kept {6}train\.maxUpdates=18, seed=6, train\.patience=0, decode\.beamSize=1: [^]*\nkept holds this run, complete already/,
    );
    assert.equal(scoresOf('kept').updates, 18);
    // a run of an earlier version did not record them
    const record = join(folder, 'kept', 'run.json');
    const {
      set: _set,
      crc32: _crc32,
      ...earlier
    } = JSON.parse(readFileSync(record, 'utf8')) as Record<string, unknown>;
    writeFileSync(record, JSON.stringify(earlier));
    assert.match(train('kept', '--resume').stderr, /differs from the requested one:\n {2}seed: 6 → 5\n/);
  });

  test('a fall-back is logged once, also where a run was killed before it stored its start', () => {
    const failing = set(
      'gradinit.algorithm=adam',
      'gradinit.variant=robust',
      'gradinit.iterations=1',
      'gradinit.eta=1e38',
    );
    ok(train('fallen', ...failing));
    for (const name of ['scores.json', 'initial.safetensors', 'gradinit.json', 'checkpoints'])
      rmSync(join(folder, 'fallen', name), { recursive: true });
    const { stderr } = train('fallen', '--resume');
    assert.match(stderr, /GradInit is not used, training starts from the parameters as drawn: /);
    const events = logOf('fallen').filter(({ event }) => event === 'gradInitFallback');
    assert.equal(events.length, 1);
  });

  test('with other decoding a complete run is translated and scored again, not trained', () => {
    ok(train('decoded'));
    const last = bytes('decoded', 'checkpoints/last.safetensors');
    const decoding = set('decode.beamSize=1', 'decode.checkpoint=last', 'decode.bleu=sacrebleu');
    ok(train('decoded', ...decoding, '--resume'));
    assert.deepEqual(bytes('decoded', 'checkpoints/last.safetensors'), last);
    const { test: scored, updates } = scoresOf('decoded');
    assert.deepEqual([updates, scored!.use], [20, 'last']);
    assert.match(scored!.signature, /tok:13a/);
  });

  test('where BLEU chooses the best, the settings it depends on may not change', () => {
    const byBleu = set('train.bestBy=bleu', 'train.maxUpdates=15');
    ok(train('by-bleu', ...byBleu));
    for (const setting of ['decode.beamSize=1', 'decode.lowercase=true', 'train.validateBleuSentences=5']) {
      const { status, stderr } = train('by-bleu', ...byBleu, ...set(setting), '--resume');
      assert.equal(status, 1, setting);
      assert.match(
        stderr,
        /: .* → .* \(train\.bestBy is bleu, so which validation is the best so far depends on it; .*use "coldstart translate"\)\n/,
        setting,
      );
    }
    const allowed = set('train.bestBy=bleu', 'train.maxUpdates=25', 'decode.checkpoint=last', 'decode.maxTokens=100');
    ok(train('by-bleu', ...allowed, '--resume'));
    ok(train('by-bleu-whole', ...allowed));
    const [prolonged, whole] = [scoresOf('by-bleu'), scoresOf('by-bleu-whole')];
    assert.deepEqual([prolonged.best, prolonged.last, prolonged.trgTokens], [whole.best, whole.last, whole.trgTokens]);
    const validations = logOf('by-bleu').filter(({ event }) => event === 'valid');
    // an epoch has few updates, and the first one's end is validated too
    assert.deepEqual(
      validations.filter(({ atEnd }) => atEnd).map(({ update }) => update),
      [15, 25],
    );
  });

  test('a number of updates that the schedule depends on may not change, and the message says why', () => {
    const linear = set('train.schedule=linear');
    ok(train('linear', ...linear));
    const { status, stderr } = train('linear', ...linear, ...set('train.maxUpdates=40'), '--resume');
    assert.equal(status, 1);
    assert.match(stderr, /train\.maxUpdates: 20 → 40 \(the linear schedule falls towards it, so every rate so far/);
  });

  test('a missing log is reported, also in the new log', () => {
    ok(train('no-log'));
    unlinkSync(join(folder, 'no-log', 'log.jsonl'));
    const { status, stderr } = train('no-log', ...set('train.maxUpdates=25'), '--resume');
    assert.equal(status, 0);
    assert.match(stderr, /log\.jsonl is gone: curves and totals begin here/);
    assert.ok(logOf('no-log').some(({ event }) => event === 'logLost'));
  });
});

test('a corpus that is not prepared: the message has the command that prepares it', () => {
  const { status, stderr } = train('unprepared', ...set('corpus.dir=nowhere'));
  assert.equal(status, 1);
  assert.match(
    stderr,
    /nowhere holds no prepared corpus .*\. Run "coldstart corpus prepare -c my\.yaml" first\. \[DATA\]\n$/,
  );
});

test('an interruption before training begins is answered at once, and leaves nothing', async () => {
  const child = spawn(process.execPath, [program, 'train', '-c', 'my.yaml', '--run', 'early'], { cwd: folder });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (stderr === '') child.kill('SIGINT'); // with the first sign of life
    stderr += text;
  });
  const [status] = (await once(child, 'close')) as [number];
  assert.equal(status, 130, stderr);
  assert.match(stderr, /^prepare   loads the backend[^]*\nStopping after the current step [^]*\nInterrupted\. /);
  if (stderr.includes('Nothing was started')) assert.ok(!existsSync(join(folder, 'early')));
  else assert.match(stderr, /What was done is saved; the same command with --resume continues\.\n$/);
});

test('settings that make decoding impossible are refused before training', () => {
  for (const [settings, message] of [
    [['decode.checkpoint=average', 'train.keepEpochs=0'], /train\.keepEpochs is 0: there will be no epochs to average/],
    [['decode.checkpoint=average', 'train.keepEpochs=1'], /train\.keepEpochs is 1: there will be no epochs to average/],
    [['decode.beamSize=1000'], /decode\.beamSize is 1000, expected at most \d+/],
    [['decode.beamSize=1000000'], /decode\.beamSize is 1000000, expected an integer from 1 to 1000/],
  ] as const) {
    const { status, stderr } = train('undecodable', ...set(...settings));
    assert.equal(status, 2);
    assert.match(stderr, message);
    assert.ok(!existsSync(join(folder, 'undecodable')));
  }
});

test('an average needs two epochs: with fewer the best parameters are scored, and the line says so', () => {
  // an epoch has more than 3 updates
  const run = train('brief', ...set('decode.checkpoint=average', 'train.maxUpdates=3'));
  assert.match(
    ok(run),
    /^BLEU [\d.]+ \(.*\), best of validation; no checkpoint was kept, an average needs two; brief\/scores/,
  );
  const { test: scored, tests } = scoresOf('brief');
  assert.deepEqual([scored!.use, scored!.hyp, tests!.length], ['best', 'test.hyp', 1]);
  const { status, stderr } = coldstart('average', '--run', 'brief', '--out', 'average.safetensors');
  assert.equal(status, 2);
  assert.match(stderr, /brief has no epoch checkpoints to average/);
  const fewer = coldstart('average', '--run', 'short', '--last', '9', '--out', 'fewer.safetensors');
  assert.match(ok(fewer), /^fewer\.safetensors: mean of [12] checkpoints?/);
  assert.match(
    fewer.stderr,
    /short holds checkpoints of (1 epoch|2 epochs), fewer than the 9 of --last; train\.keepEpochs keeps more\./,
  );
});

test('a run that diverged says so with status 1 when it is started again', () => {
  const hot = set('train.lr=1e30', 'train.warmupUpdates=0', 'train.schedule=constant');
  assert.equal(train('hot', ...hot).status, 1);
  for (const options of [[], ['--resume'], ['--resume', ...set('train.maxUpdates=40')]]) {
    const { status, stderr } = train('hot', ...hot, ...options);
    assert.equal(status, 1);
    assert.match(stderr, /hot holds this run, and it diverged at update \d+: .*Choose other settings/);
  }
});

test('an arm cannot be named like a file of the ablation', () => {
  for (const name of ['plan.json', 'results.md', 'Report.html']) {
    const { status, stderr } = coldstart('ablate', '-c', 'my.yaml', '--set', `ablation.arms={${name}: {}}`);
    assert.equal(status, 2);
    assert.match(stderr, new RegExp(`an arm "${name}", the name of a file of the ablation`));
  }
});

describe('test.ref is what was scored', () => {
  const preprocessing: Record<string, string[]> = {
    none: [],
    tokens: ['corpus.tokenize.method=moses'],
    'tokens and small letters': ['corpus.tokenize.method=moses', 'corpus.letterCase=lower'],
    'punctuation, tokens and true case': [
      'corpus.normalize.punctuation=true',
      'corpus.tokenize.method=moses',
      'corpus.letterCase="true"',
    ],
  };
  for (const [name, settings] of Object.entries(preprocessing))
    for (const bleu of ['sacrebleu', 'tokenised'])
      test(`${name}, ${bleu}`, () => {
        const key = `${name}-${bleu}`.replaceAll(/\W+/g, '-');
        const options = set(...settings, `corpus.dir=data-${key}`, `decode.bleu=${bleu}`, 'train.maxUpdates=3');
        ok(coldstart('corpus', 'prepare', '-c', 'my.yaml', ...options));
        ok(train(key, ...options));
        const files = ['--ref', `${key}/test.ref`, '--hyp', `${key}/test.hyp`];
        const variant = bleu === 'sacrebleu' ? [] : ['-m', 'tokenised-bleu'];
        const { score } = JSON.parse(ok(coldstart('score', ...files, ...variant, '--json'))) as { score: number };
        assert.equal(score, scoresOf(key).test!.bleu);
        if (bleu === 'sacrebleu')
          assert.equal(bytes(key, 'test.ref').toString(), readFileSync(join(folder, 'text/test.en'), 'utf8'));
        // as runs stored it that were made before: the preprocessed text, and no checksums
        const {
          files: _files,
          crc32: _crc32,
          ...scores
        } = JSON.parse(bytes(key, 'scores.json').toString()) as Record<string, unknown>;
        writeFileSync(join(folder, key, 'scores.json'), JSON.stringify(scores));
        writeFileSync(join(folder, key, 'test.ref'), bytes(`data-${key}`, 'test.trg.txt'));
        ok(coldstart('report', key, '--out', `${key}.html`));
        const page = bytes(`${key}.html`).toString();
        assert.ok(!page.includes('differs from the scored text'), 'scored from the corpus');
        if (settings.length === 0 || bleu === 'tokenised') return;
        rmSync(join(folder, `data-${key}`), { recursive: true });
        ok(coldstart('report', key, '--format', 'md', '--out', `${key}.md`));
        assert.match(bytes(`${key}.md`).toString(), /not compared, not shown, because .* differs from the scored text/);
      });
});
