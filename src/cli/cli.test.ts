import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { builtinTextYaml } from '../../test/builtinText.js';
import { casePath } from '../../test/cases.js';
import type { AblationData } from '../ablation/ablationData.js';
import { readEvents } from '../../test/eventReader.js';
import { withoutChecksum } from '../../test/jsonMutations.js';

const program = fileURLToPath(new URL('./main.js', import.meta.url));
const project = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coldstart-cli-'));
after(() => rmSync(folder, { recursive: true }));

function cli(
  args: string[],
  options: { input?: string | Buffer; cwd?: string } = {},
): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: 'utf8',
    ...options,
  });
  return { status, stdout, stderr };
}

function ok(args: string[], options: { input?: string; cwd?: string } = {}): string {
  const result = cli(args, options);
  assert.equal(result.status, 0, `coldstart ${args.join(' ')}\n${result.stderr}`);
  return result.stdout;
}

describe('wrong usage exits with 2 and says what to do', () => {
  const wrong: [string, string[], RegExp][] = [
    ['unknown command', ['trian'], /unknown command 'trian'\n\(Did you mean train\?\)/],
    ['help on an unknown command', ['help', 'trian'], /^error: unknown command 'trian'\n\(Did you mean train\?\)/],
    [
      'help on an unknown command of a group',
      ['corpus', 'help', 'prepar'],
      /^error: unknown command 'prepar'\n\(Did you mean prepare\?\)\nTry "coldstart corpus --help"/,
    ],
    [
      'unknown option',
      ['train', '-c', 'x.yaml', '--reusme'],
      /unknown option '--reusme'\n\(Did you mean --resume\?\)\nTry "coldstart train --help"/,
    ],
    ['missing option', ['train'], /required option '-c, --config <file>' not specified/],
    ['missing file', ['train', '-c', 'none.yaml'], /^coldstart: there is no configuration .*none\.yaml\./],
    [
      'wrong choice',
      ['train', '-c', 'x', '--backend', 'gpu'],
      /argument 'gpu' is invalid\. Allowed choices are auto, native, webgpu, tensorflow, wasm, cpu\./,
    ],
    [
      'no number',
      ['average', '--run', 'x', '--out', 'y', '--last', 'ten'],
      /argument 'ten' is invalid\. Expected an integer from 1 to 1000000000\./,
    ],
    ['neither run nor checkpoint', ['translate'], /either --run DIR or --checkpoint FILE/],
    ['no corpus named', ['corpus', 'fetch'], /which corpus\? Name one, or see which there are with --list\./],
    ['unknown corpus', ['corpus', 'fetch', 'iwslt41'], /no recipe is called "iwslt41"; did you mean "iwslt14"\?/],
    [
      'terms not accepted',
      ['corpus', 'fetch', 'multi30k'],
      /Terms of use .*:\n[^]*nothing is downloaded before the terms above are accepted: add --yes/,
    ],
    [
      'text is always raw',
      ['corpus', 'fetch', 'multi30k', '--raw-only'],
      /--raw-only is no longer needed: corpus fetch writes only raw text\. Leave it out\. "coldstart corpus prepare" does what the recipe's corpus section says/,
    ],
    [
      'nothing to extract',
      ['corpus', 'extract', '--out-src', 'a.de', '--out-trg', 'a.en'],
      /which files\? Name both sides with --src and --trg/,
    ],
    [
      'rule of holding out',
      ['corpus', 'extract', '--held-out', '23', '--out-src', 'a.de', '--out-trg', 'a.en'],
      /Expected every=N with N of at least 2/,
    ],
    [
      'a wrong setting of the last step of three',
      ['quickstart', '--set', 'ablation.seed=[1]'],
      /^coldstart: --set: unknown setting ablation\.seed; did you mean ablation\.seeds\? \[USAGE\]\n$/,
    ],
    [
      'a wrong arm of the last step of three',
      ['quickstart', '--set', 'ablation.arms=[zz]'],
      /^coldstart: ablation\.arms\.zz has the preset "zz", expected one of warmup, /,
    ],
    [
      'an arm that cannot be trained, in the last step of three',
      ['quickstart', '--set', 'train.bestBy=bleu', '--set', 'train.validateBleu=false'],
      /^coldstart: ablation\.arms\.warmup: .*train\.bestBy is bleu, but train\.validateBleu is false: /,
    ],
    ['no command', ['corpus'], /Usage: coldstart corpus/],
    ...(
      [
        ['corpus', 'synth', '--out', ''],
        ['train', '-c', 'x.yaml', '--run='],
        ['ablate', '-c', ''],
        ['translate', '--run', 'a', '--run', ''],
        ['score', '--hyp', 'a', '--ref', 'b', ''],
        ['corpus', 'fetch', 'iwslt14', '--dir', ''],
        ['export', '--run', 'x', '--format', 'ctranslate2', '--out', ''],
      ] as const
    ).map((args): [string, string[], RegExp] => [
      `an empty name, as of a variable that is not set: ${args.join(' ')}`,
      [...args],
      /^coldstart: --\w+ is empty, expected <[\w.]+>\. If it comes from a variable of the shell, that is not set\. \[USAGE\]\n$/,
    ]),
    ['an empty argument', ['report', ''], /^coldstart: argument 1 is empty, expected <dir>\. /],
  ];
  for (const [name, args, message] of wrong) {
    test(name, () => {
      const { status, stderr, stdout } = cli(args);
      assert.match(stderr, message);
      assert.equal(stdout, '');
      assert.equal(status, 2);
    });
  }

  test('an unknown key', () => {
    writeFileSync(join(folder, 'typo.yaml'), 'train:\n  warmupUpdate: 3\n');
    const { status, stderr } = cli(['train', '-c', 'typo.yaml']);
    assert.match(
      stderr,
      /typo\.yaml:2: unknown setting train\.warmupUpdate; did you mean train\.warmupUpdates\? \[USAGE\]\n$/,
    );
    assert.equal(status, 2);
  });
});

test('names and contents of files cannot steer the terminal that a message is shown on', () => {
  const shown = String.raw`\x1b[2Jx\x07\x9b1m\u202e`;
  const steering = '\x1b[2Jx\x07\x9b1m\u202e';
  const unknown = cli(['score', '--hyp', steering, '--ref', steering]);
  assert.equal(unknown.stderr.split(': ')[1], `${shown} cannot be read`);
  assert.match(cli([steering]).stderr, /^error: unknown command '\\x1b\[2Jx\\x07\\x9b1m\\u202e'\n/);
  writeFileSync(
    join(folder, 'steering.yaml'),
    `name: x\ntitle: "\\e[2J"\nlicence: "free\\e]0;x\\a"\npairs: { de-en: null }\nfiles: [{ name: a, urls: ["https://127.0.0.1/"] }]\ntext: { train: [{ format: moses, src: a, trg: b }] }\n`,
  );
  const { stderr } = cli(['corpus', 'fetch', './steering.yaml', '--from-local', 'none']);
  assert.match(stderr, /^\\x1b\[2J, de-en/);
  assert.doesNotMatch(stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
});

test('help at every level shows options and examples', () => {
  const help = ok(['--help']);
  assert.match(help, /From text to a table of results:/);
  const named = (text: string): string[] =>
    [...text.slice(text.indexOf('\nCommands:')).matchAll(/^ {2}([a-z][a-z-]*) /gm)]
      .map(([, name]) => name)
      .filter((name) => name !== 'help' && name !== 'coldstart');
  const commands = [...named(help), ...named(ok(['corpus', '--help'])).map((name) => `corpus ${name}`)];
  assert.ok(commands.includes('bench') && commands.includes('corpus export-tokenizer'));
  for (const command of commands) {
    // only the named command is loaded
    const help = ok([...command.split(' '), '--help']);
    assert.match(help, new RegExp(`Usage: coldstart ${command} `));
    if (command === 'corpus') continue;
    assert.match(help, /Examples?:\n  .*coldstart/, command);
  }
  assert.equal(ok(['--version']), `${JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')).version}\n`);
});

test('doctor reports which backends can be used', () => {
  const { cores, backends, auto } = JSON.parse(ok(['doctor', '--json'])) as {
    cores: number;
    backends: { name: string; passed: boolean }[];
    auto: string;
  };
  assert.ok(cores >= 1);
  assert.deepEqual(
    backends.filter(({ name }) => ['wasm', 'cpu'].includes(name)).map(({ passed }) => passed),
    [true, true],
  );
  assert.equal(auto, backends.find(({ passed }) => passed)!.name);
  assert.match(
    ok(['doctor']),
    /GB available to a run\n[^]*PASS {2}wasm[^]*\nMemory of a run with batches of 4096 tokens and 10000 words: tiny 0\.\d\d GB, with GradInit 0\.\d\d GB; iwslt \d\.\d GB, with/,
  );
});

test('score: known values, several references, JSON, files that do not match', () => {
  writeFileSync(join(folder, 'hyp.txt'), 'the cat sat on the mat .\nhello there world again\n');
  writeFileSync(join(folder, 'ref.txt'), 'the cat sat on a mat .\nhello there world again\n');
  const { score, signature } = JSON.parse(ok(['score', '--hyp', 'hyp.txt', '--ref', 'ref.txt', '--json'])) as {
    score: number;
    signature: string;
  };
  // precisions 10/11, 7/9, 4/7 and 2/5, no brevity penalty
  assert.ok(Math.abs(score - 100 * (((((((10 / 11) * 7) / 9) * 4) / 7) * 2) / 5) ** 0.25) < 1e-9, `${score}`);
  assert.match(signature, /^nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:exp\|version:/);
  assert.match(ok(['score', '--hyp', 'hyp.txt', '--ref', 'ref.txt', 'hyp.txt']), /^BLEU\|nrefs:2\|.* = 100\.00 /);
  writeFileSync(join(folder, 'short.txt'), 'one line\n');
  const { status, stderr } = cli(['score', '--hyp', 'short.txt', '--ref', 'ref.txt']);
  assert.match(stderr, /^coldstart: short.txt has 1 line, ref.txt has 2/);
  assert.equal(status, 1);
});

describe('from text to a table', () => {
  const config = join(folder, 'tiny.yaml');
  writeFileSync(
    config,
    `
backend: wasm
${builtinTextYaml}  subwords: { method: none, joiner: "" }
model: { dModel: 16, dFf: 32, numHeads: 2, numEncoderLayers: 1, numDecoderLayers: 1, dropout: 0.1 }
train: { lr: 1e-2, warmupUpdates: 10, maxUpdates: 30, maxTokens: 400, validateEveryUpdates: 15, validateBleuSentences: 5, logEveryUpdates: 5, keepEpochs: 2 }
gradinit: { variant: released, iterations: 3 }
decode: { beamSize: 2, maxLenA: 1, maxLenB: 2, bleu: tokenised }
ablation:
  parallel: 2
  arms:
    warmup: {}
    gradinit: { train.warmupUpdates: 0, gradinit.algorithm: adam }
    broken: { train.warmupUpdates: 0, train.lr: 1e30, train.schedule: constant }
    unlearnable: { gradinit.algorithm: adam, gradinit.eta: 1e38, gradinit.gamma: 1e38 }
`,
  );

  test('corpus synth and prepare, again and with other inputs', () => {
    assert.match(
      ok(['corpus', 'synth', '--out', 'text', '--pairs', '300', '--valid-pairs', '20', '--test-pairs', '20']),
      /^text written: 300 training/,
    );
    assert.match(
      ok(['corpus', 'synth', '--out', 'text', '--pairs', '300', '--valid-pairs', '20', '--test-pairs', '20']),
      /holds this corpus already/,
    );
    const other = cli(['corpus', 'synth', '--out', 'text', '--pairs', '301']);
    assert.match(other.stderr, /text is not empty and does not hold this corpus \(301 pairs, seed 1\)/);
    assert.equal(other.status, 1);

    assert.match(ok(['corpus', 'prepare', '-c', config]), /train +300 +300 /);
    assert.match(ok(['corpus', 'prepare', '-c', config]), /is up to date; nothing was done/);
    assert.match(ok(['corpus', 'prepare', '-c', config, '--dry-run']), /is up to date; nothing would be done/);
    const plan = ok(['corpus', 'prepare', '-c', config, '--shards', '2', '--dry-run']);
    assert.match(plan, /setting shards: not set, now 2\nIt would be refused, and with --force replaced:/);
    assert.match(
      plan,
      /\nkeep +vocabulary\nrun +binarize\.train +setting shards: not set, now 2\nkeep +binarize\.valid\n/,
    );
    const changed = cli(['corpus', 'prepare', '-c', config, '--set', 'corpus.maxLengthTokens=50']);
    assert.match(changed.stderr, /setting maxLengthTokens: not set, now 50\nUse --force/);
    assert.equal(changed.status, 1);
    const { status, stages } = JSON.parse(
      ok(['corpus', 'prepare', '-c', config, '--set', 'corpus.dir=other', '--workers', '2', '--json']),
    ) as { status: string; stages: { stage: string; action: string }[] };
    assert.equal(status, 'prepared');
    assert.deepEqual(stages.map(({ stage, action }) => `${action} ${stage}`).slice(-2), [
      'run binarize.valid',
      'run binarize.test',
    ]);
  });

  test('train: interrupted and resumed equals unbroken; a complete run is kept; another configuration is refused', async () => {
    const preview = ok(['train', '-c', config, '--run', 'whole', '--dry-run']);
    assert.match(
      preview,
      /\nupdates +30\n(.*\n)*time +about .*\n\nThis run can start in whole\. Nothing was written\.\n/,
    );
    assert.equal(existsSync(join(folder, 'whole')), false);
    ok(['train', '-c', config, '--run', 'whole', '--set', 'seed=5']);
    const scores = JSON.parse(readFileSync(join(folder, 'whole/scores.json'), 'utf8')) as {
      status: string;
      updates: number;
      test: { bleu: number; refLen: number };
    };
    assert.equal(scores.status, 'finished');
    assert.equal(scores.updates, 30);
    assert.ok(scores.test.refLen > 100);
    const log = readFileSync(join(folder, 'whole/log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; update?: number; loss?: number });
    assert.deepEqual(
      log.filter(({ event }) => event === 'train').map(({ update }) => update),
      [5, 10, 15, 20, 25, 30],
    );
    const losses = log.filter(({ event }) => event === 'valid').map(({ loss }) => loss!);
    assert.equal(losses.length, 3); // after the first epoch, and every 15 updates
    assert.ok(losses[2] < losses[0] && losses[2] < 6, `${losses}`);

    const [events, ...more] = readdirSync(join(folder, 'whole')).filter((name) =>
      name.startsWith('events.out.tfevents.'),
    );
    assert.equal(more.length, 0);
    const values = readEvents(join(folder, 'whole', events)).flatMap(
      ({ step, summary }) => summary?.value.map((value) => ({ step, ...value })) ?? [],
    );
    assert.deepEqual(
      values.filter(({ tag }) => tag === 'train/loss').map(({ step }) => step),
      [5, 10, 15, 20, 25, 30],
    );
    assert.deepEqual(
      values.filter(({ tag }) => tag === 'valid/loss').map(({ simple_value: value }) => value),
      losses.map(Math.fround),
    );
    assert.equal(
      values
        .filter(({ tag }) => tag === 'parameters/encoder.layers.0.fc1.weight')
        .map(({ histo }) => histo!.num)
        .join(),
      '512,512,512',
    );

    const interrupted = await interruptAfter(
      ['train', '-c', config, '--run', 'broken', '--set', 'seed=5'],
      /update 10\/30/,
      'SIGINT',
    );
    assert.equal(interrupted.status, 130);
    assert.match(
      interrupted.stderr,
      /Stopping after the current step \(an update, an iteration or a batch\); once more to stop at once\.\n[^]*Interrupted\. What was done is saved; the same command with --resume continues\.\n$/,
    );
    assert.ok(!existsSync(join(folder, 'broken/scores.json')));
    const again = cli(['train', '-c', config, '--run', 'broken', '--set', 'seed=5']);
    assert.match(again.stderr, /broken holds this run, unfinished\. Resume it with --resume/);
    assert.equal(again.status, 1);
    ok(['train', '-c', config, '--run', 'broken', '--set', 'seed=5', '--resume']);
    for (const name of ['test.hyp', 'checkpoints/best.safetensors']) {
      assert.deepEqual(readFileSync(join(folder, 'broken', name)), readFileSync(join(folder, 'whole', name)), name);
    }

    assert.match(
      cli(['train', '-c', config, '--run', 'whole', '--set', 'seed=5']).stderr,
      /whole holds this run, complete already; nothing was done/,
    );
    const differs = cli(['train', '-c', config, '--run', 'whole', '--set', 'seed=6', '--resume']);
    assert.match(differs.stderr, /whole holds a run that differs from the requested one:\n {2}seed: 5 → 6\n/);
    assert.equal(differs.status, 1);
  });

  test('train: in an extra epoch the rate rises to the full rate or stays at it, then the schedule runs as if it began there, all within the same updates', () => {
    for (const shape of ['warmup', 'constant']) {
      ok([
        'train',
        '-c',
        config,
        '--run',
        `extra-${shape}`,
        '--set',
        `train.extraEpoch=${shape}`,
        '--set',
        'train.warmupInitLr=-1',
        '--set',
        'train.logEveryUpdates=1',
        '--set',
        'train.validateBleu=false',
        '--set',
        'train.warmupUpdates=4',
      ]);
      const log = readFileSync(join(folder, `extra-${shape}/log.jsonl`), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { event: string; lr: number; updatesPerEpoch: number });
      const { updatesPerEpoch: epoch } = log.find(({ event }) => event === 'start')!;
      assert.ok(epoch > 3 && epoch < 20, `${epoch}`);
      const rates = log.filter(({ event }) => event === 'train').map(({ lr }) => lr);
      // after the epoch: 4 updates at the full rate instead of a warmup, then lr sqrt(4 / t) from t = 4
      const expected = Array.from({ length: 30 }, (_, u) =>
        u < epoch
          ? shape === 'warmup'
            ? (1e-2 * (u + 1)) / epoch
            : 1e-2
          : 1e-2 * Math.min(1, Math.sqrt(4 / (u - epoch))),
      );
      assert.equal(rates.length, 30);
      rates.forEach((rate, u) =>
        assert.ok(
          Math.abs(rate - expected[u]) < 1e-9,
          `${shape}, update ${u + 1}: found ${rate}, expected ${expected[u]}`,
        ),
      );
    }
  });

  test('translate: one interrupt ends it while it waits for lines', async () => {
    const child = spawn(process.execPath, [program, 'translate', '--run', 'whole', '--buffer', '1'], { cwd: folder });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.write('a line\n');
    await new Promise((resolve) => child.stdout.once('data', resolve)); // its translation: from here on it waits for more
    child.kill('SIGINT');
    const status = await new Promise((resolve) => child.on('close', resolve));
    assert.equal(status, 130);
    assert.match(stderr, /Interrupted\. The lines written so far are whole\.\n$/);
  });

  test('report: invalid scores, and scores that name a file outside the run, are refused', () => {
    cpSync(join(folder, 'whole'), join(folder, 'junk'), { recursive: true });
    const scores = withoutChecksum(readFileSync(join(folder, 'junk/scores.json'), 'utf8')) as { test: object };
    for (const bad of [
      { status: 'finished' },
      { ...scores, test: { ...scores.test, hyp: '../../secret' } },
      { ...scores, updates: 'many' },
    ]) {
      writeFileSync(join(folder, 'junk/scores.json'), JSON.stringify(bad));
      const { status, stderr } = cli(['report', 'junk', '--out', 'junk.html']);
      assert.deepEqual([status, existsSync(join(folder, 'junk.html'))], [1, false]);
      assert.match(stderr, /junk\/scores\.json: [\w.]+ is .*, expected /);
    }
    writeFileSync(join(folder, 'junk/scores.json'), JSON.stringify(scores));
    rmSync(join(folder, 'junk/test.hyp'));
    ok(['report', 'junk', '--out', 'junk.html']); // its numbers do not need the translations
    const written = cli(['report', 'junk', '--format', 'csv', '--out', 'junk.txt']);
    assert.deepEqual([written.status, written.stdout, written.stderr], [0, '', 'junk.txt\n']);
    assert.match(
      readFileSync(join(folder, 'junk.html'), 'utf8'),
      /run: not compared, not shown, because test\.hyp or test\.ref is missing/,
    );
  });

  test('a run folder with only its identity, as a kill at the very beginning leaves it, starts from the beginning', () => {
    mkdirSync(join(folder, 'barely'));
    copyFileSync(join(folder, 'whole/run.json'), join(folder, 'barely/run.json'));
    ok(['train', '-c', config, '--run', 'barely', '--set', 'seed=5', '--set', 'train.maxUpdates=2']);
    writeFileSync(join(folder, 'barely/.lock'), `${process.pid} ${hostname()}`);
    rmSync(join(folder, 'barely/scores.json'));
    const busy = cli([
      'train',
      '-c',
      config,
      '--run',
      'barely',
      '--set',
      'seed=5',
      '--set',
      'train.maxUpdates=2',
      '--resume',
    ]);
    assert.match(busy.stderr, new RegExp(`process ${process.pid} is training this run already`));
    assert.equal(busy.status, 1);
  });

  test('SIGTERM exits with 143', async () => {
    assert.equal(
      (await interruptAfter(['train', '-c', config, '--run', 'terminated'], /update 5\/30/, 'SIGTERM')).status,
      143,
    );
  });

  test('SIGHUP, as of a closed terminal, saves and exits with 129', async () => {
    const { status, stderr } = await interruptAfter(
      ['train', '-c', config, '--run', 'hung-up'],
      /update 5\/30/,
      'SIGHUP',
    );
    assert.equal(status, 129);
    assert.match(stderr, /What was done is saved/);
    assert.ok(existsSync(join(folder, 'hung-up/checkpoints/last.safetensors')));
  });

  for (const [name, lost] of [
    ['a reader that ends', '2>&1 >/dev/null | head -n 1 >/dev/null; exit ${PIPESTATUS[0]}'],
    ...(existsSync('/dev/full') ? [['a full disk', '2>/dev/full']] : []),
  ]) {
    test(`standard error lost to ${name} does not end a run or an ablation`, () => {
      const run = `without-stderr-${name.replaceAll(' ', '-')}`;
      const bash = (args: string): number | null =>
        spawnSync('bash', ['-c', `"${process.execPath}" "${program}" ${args} ${lost}`], { cwd: folder }).status;
      assert.equal(bash(`train -c ${config} --run ${run}`), 0);
      assert.ok(existsSync(join(folder, run, 'scores.json')));
      assert.equal(bash(`ablate -c ${config} --run ${run}-arms --set 'ablation.arms={ one: {} }'`), 0);
      assert.ok(existsSync(join(folder, `${run}-arms`, 'one/seed-1/scores.json')));
    });
  }

  test('average, translate and score', () => {
    assert.match(
      ok(['average', '--run', 'whole', '--last', '1', '--out', 'average.safetensors']),
      /^average\.safetensors: mean of 1 checkpoint, epoch-\d{4}\.safetensors\.$/m,
    );
    const averaged = JSON.parse(
      ok(['average', '--run', 'whole', '--last', '2', '--out', 'two.safetensors', '--json']),
    ) as { out: string; checkpoints: string[] };
    assert.equal(averaged.out, 'two.safetensors');
    assert.deepEqual(
      averaged.checkpoints,
      readdirSync(join(folder, 'whole/checkpoints'))
        .filter((name) => name.startsWith('epoch-'))
        .map((name) => join('whole/checkpoints', name))
        .sort(),
    );
    const taken = cli(['average', '--run', 'whole', '--last', '1', '--out', 'average.safetensors']);
    assert.match(taken.stderr, /average\.safetensors exists already and would be overwritten/);

    const test = readFileSync(join(folder, 'text/test.de'), 'utf8');
    ok(['translate', '--run', 'whole', '--backend', 'wasm', '--input', 'text/test.de', '--output', 'own.hyp']);
    assert.equal(readFileSync(join(folder, 'own.hyp'), 'utf8'), readFileSync(join(folder, 'whole/test.hyp'), 'utf8'));
    assert.equal(
      ok(['translate', '--run', 'whole', '--backend', 'wasm'], { input: test }),
      readFileSync(join(folder, 'own.hyp'), 'utf8'),
    );
    // in windows of any size: the same lines in the same order, numbered through
    assert.equal(
      ok(['translate', '--run', 'whole', '--backend', 'wasm', '--buffer', '7'], { input: test }),
      readFileSync(join(folder, 'own.hyp'), 'utf8'),
    );
    const windows = `\ufeff${test.replaceAll('\n', '\r\n')}`;
    assert.equal(
      ok(['translate', '--run', 'whole', '--backend', 'wasm'], { input: windows }),
      readFileSync(join(folder, 'own.hyp'), 'utf8'),
    );
    const [unixCase, windowsCase] = ['unix', 'windows'].map((kind) =>
      ok(['translate', '--run', 'whole', '--backend', 'wasm', '--input', casePath(`09-${kind}-line-ends.de`)]),
    );
    assert.equal(windowsCase, unixCase);
    writeFileSync(join(folder, 'utf16.de'), Buffer.from(`\ufeff${test}`, 'utf16le'));
    assert.match(
      cli(['translate', '--run', 'whole', '--backend', 'wasm', '--input', 'utf16.de']).stderr,
      /utf16\.de is text in UTF-16, expected UTF-8/,
    );
    const numbered = ok(['translate', '--run', 'whole', '--backend', 'wasm', '--buffer', '2', '--nbest', '2'], {
      input: '\n\n\n',
    });
    assert.equal(numbered, '0 |||  ||| 0.0000\n1 |||  ||| 0.0000\n2 |||  ||| 0.0000\n');
    const damaged = cli(
      ['translate', '--run', 'whole', '--backend', 'wasm', '--buffer', '1', '--output', 'damaged.hyp'],
      { input: Buffer.from([10, 0xff, 10]) },
    );
    assert.match(damaged.stderr, /standard input:2 is not valid UTF-8/);
    assert.equal(existsSync(join(folder, 'damaged.hyp')), false);
    const nbest = ok(
      [
        'translate',
        '--checkpoint',
        'average.safetensors',
        '--text',
        'whole/text',
        '--backend',
        'wasm',
        '--beam',
        '3',
        '--nbest',
        '2',
      ],
      { input: 'unsere Hüte sind sehr alt .\n\n' },
    )
      .trimEnd()
      .split('\n');
    assert.match(nbest[0], /^0 \|\|\| .+ \|\|\| -\d+\.\d{4}$/);
    assert.equal(nbest.length, 3);
    assert.equal(nbest[2], '1 |||  ||| 0.0000'); // an empty line stays empty

    const {
      test: { bleu },
    } = JSON.parse(readFileSync(join(folder, 'whole/scores.json'), 'utf8')) as { test: { bleu: number } };
    const scored = JSON.parse(
      ok(['score', '--hyp', 'own.hyp', '--ref', 'text/test.en', '--tokenize', 'none', '--json']),
    ) as { score: number };
    assert.equal(scored.score, bleu);
  });

  test('a damaged checkpoint is refused by name', () => {
    truncateSync(join(folder, 'average.safetensors'), 1000);
    const { status, stderr } = cli(
      ['translate', '--checkpoint', 'average.safetensors', '--text', 'whole/text', '--backend', 'wasm'],
      { input: 'x\n' },
    );
    assert.match(stderr, /^coldstart: checkpoint average\.safetensors cannot be used: /);
    assert.equal(status, 1);
    const text = cli(['translate', '--checkpoint', 'text/test.en', '--text', 'whole/text', '--backend', 'wasm'], {
      input: 'x\n',
    });
    assert.equal(
      text.stderr,
      'coldstart: checkpoint text/test.en cannot be used: it is not a valid safetensors file: it does not begin with a header as such files do. [CHECKPOINT]\n',
    );
    assert.deepEqual([text.status, cli(['train', '-c', 'text']).status], [1, 2]);
  });

  test('gradinit saves parameters and a report', () => {
    const { status, stdout, stderr } = cli(['gradinit', '-c', config, '--out', 'initial.safetensors']);
    assert.deepEqual([status, stdout.includes('tensor')], [0, true], stderr);
    assert.match(
      stderr,
      /^memory {4}about [\d.]+ GB \(gradinit [\d.]+ GB\), [\d.]+ GB are available\ngradinit {2}3 iterations cost about as much as \d\.\d updates of training \(\d\.\d to \d\.\d\), \d+ % of this run's 30\ngradinit {2}warning: this is more than a tenth of the run\. gradinit\.iterations 1 \(now 3\) would be a tenth, /,
    );
    const report = JSON.parse(readFileSync(join(folder, 'initial.json'), 'utf8')) as {
      options: { algorithm: string; eta: number; gamma: number };
      iterations: unknown[];
      scales: Record<string, number>;
    };
    assert.deepEqual([report.options.algorithm, report.options.eta, report.options.gamma], ['adam', 1e-2, 100]);
    assert.equal(report.iterations.length, 3);
    assert.equal(Object.keys(report.scales).length, 1 + 16 + 26);
  });

  test("gradinit with only Admin's residual scales profiles them and names no setting that the user left out", () => {
    assert.match(
      ok(['gradinit', '-c', config, '--out', 'admin.safetensors', '--set', 'model.residual=admin']),
      /tensor +scale\n/,
    );
  });

  describe('a process that ends while scales are learned resumes to the bytes of an unbroken one', () => {
    const gradinit = ['gradinit', '-c', config, '--set', 'gradinit.iterations=60', '--out'];
    const train = [
      ...['train', '-c', config, '--set', 'gradinit.algorithm=adam', '--set', 'gradinit.iterations=60'],
      ...['--set', 'train.countInit=false', '--run'],
    ];
    const bytes = (name: string): string => readFileSync(join(folder, name)).toString('base64');

    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      test(`gradinit, ${signal}`, async () => {
        const name = `learned-${signal}`;
        ok([...gradinit, `${name}-whole.safetensors`]);
        const broken = [...gradinit, `${name}.safetensors`];
        const { status, stderr } = await endAfterIterations(broken, `${name}.learning.jsonl`, 5, signal);
        if (signal === 'SIGINT') {
          assert.equal(status, 130);
          assert.match(
            stderr,
            /gradinit {2}iteration \d+ of 60 is saved: the scales, the state of their optimiser and the position in the data\n/,
          );
          assert.match(stderr, /Interrupted\. The same command with --resume continues\.\n$/);
        }
        assert.ok(!existsSync(join(folder, `${name}.safetensors`)));
        const again = cli(broken);
        assert.equal(again.status, 2);
        assert.match(again.stderr, /learning\.jsonl holds finished iterations .* Continue with --resume/);
        ok([...broken, '--resume']);
        assert.equal(bytes(`${name}.safetensors`), bytes(`${name}-whole.safetensors`));
        assert.ok(!existsSync(join(folder, `${name}.learning.jsonl`)));
      });

      test(`train, ${signal}`, async () => {
        const run = `learning-${signal}`;
        ok([...train, `${run}-whole`]);
        const broken = [...train, run];
        const { status, stderr } = await endAfterIterations(broken, `${run}/learning.jsonl`, 5, signal);
        if (signal === 'SIGINT') {
          assert.equal(status, 130);
          const [, done] = /Interrupted\. (\d+) of 60 iterations of gradinit are saved; [^\n]* continues\.\n$/.exec(
            stderr,
          )!;
          assert.equal(readFileSync(join(folder, run, 'learning.jsonl'), 'utf8').split('\n').length - 2, Number(done));
        }
        ok([...broken, '--resume']);
        for (const file of ['initial.safetensors', 'checkpoints/best.safetensors', 'test.hyp'])
          assert.equal(bytes(`${run}/${file}`), bytes(`${run}-whole/${file}`), file);
      });
    }
  });

  test('ablate: a table, divergence as a result, nothing repeated', () => {
    const table = ok(['ablate', '-c', config, '--run', 'ablation']);
    assert.match(table, /^warmup +\d+\.\d\d +\d/m);
    assert.match(table, /^gradinit +\d+\.\d\d +[+-]?\d+\.\d\d/m);
    assert.match(table, /^broken +- .* 1 of 1 /m);
    const results = JSON.parse(readFileSync(join(folder, 'ablation/results.json'), 'utf8')) as {
      baseline: string;
      arms: {
        name: string;
        differences: string[];
        cells: {
          diverged: number;
          testBleu?: { mean: number };
          initUpdates: { mean: number };
          updates: { mean: number };
        }[];
      }[];
    };
    assert.equal(results.baseline, 'warmup');
    assert.deepEqual(
      results.arms.map(({ name, cells }) => [name, cells[0].diverged]),
      [
        ['warmup', 0],
        ['gradinit', 0],
        ['broken', 1],
        ['unlearnable', 1],
      ],
    );
    assert.deepEqual(results.arms[1].differences, [
      'gradinit.algorithm: "none" → "adam"',
      'train.warmupUpdates: 10 → 0',
    ]);
    const {
      test: { bleu },
    } = JSON.parse(readFileSync(join(folder, 'ablation/warmup/seed-1/scores.json'), 'utf8')) as {
      test: { bleu: number };
    };
    assert.equal(results.arms[0].cells[0].testBleu!.mean, bleu);
    const [{ initUpdates, updates }] = results.arms[1].cells;
    assert.ok(initUpdates.mean > 1 && initUpdates.mean < 15, `${initUpdates.mean}`);
    assert.equal(updates.mean, 30 - Math.ceil(initUpdates.mean)); // what GradInit cost is taken off
    const log = readFileSync(join(folder, 'ablation/warmup/seed-1/log.jsonl'));
    const again = cli(['ablate', '-c', config, '--run', 'ablation']);
    assert.match(again.stderr, /warmup\/1 +complete already/);
    assert.equal(again.stdout, table);
    assert.deepEqual(readFileSync(join(folder, 'ablation/warmup/seed-1/log.jsonl')), log);
  });

  test('report: what every run recorded', () => {
    const csv = ok(['report', 'ablation', '--format', 'csv'])
      .split('\r\n')
      .map((line) => line.split(','));
    assert.deepEqual(
      csv.slice(1, 5).map((line) => line[0]),
      ['warmup/seed-1', 'gradinit/seed-1', 'broken/seed-1', 'unlearnable/seed-1'],
    );
    assert.match(ok(['report', 'ablation', '--format', 'md']), /^\| broken\/seed-1 \| diverged \|/m);
    assert.equal(ok(['report', 'ablation']), 'ablation/report.html\n');
    assert.match(readFileSync(join(folder, 'ablation/report.html'), 'utf8'), /<span class="bad">diverged<\/span>/);
    const { runs, samples } = JSON.parse(ok(['report', 'ablation', '--format', 'json'])) as AblationData;
    const [warmup, gradinit, broken, unlearnable] = runs;
    assert.deepEqual(
      runs.map(({ state }) => (state === 'stuck' ? 'finished' : state)),
      ['finished', 'finished', 'diverged', 'diverged'],
    );
    assert.match(
      unlearnable.scores!.diverged!.message,
      /^gradInit: iteration 1 \(objective\) gave numbers that are not finite/,
    );
    assert.equal(warmup.updateRatios!.samples[0].ratios.length, warmup.updateRatios!.tensors.length);
    assert.deepEqual(
      warmup.updateRatios!.samples.map(({ update }) => update),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30],
    );
    assert.equal(warmup.gradients!.drawn, undefined);
    const total = ({ tensors }: { tensors: readonly { variance: number | null }[] }): number =>
      tensors.reduce((sum, { variance }) => sum + variance!, 0);
    assert.ok(total(gradinit.gradients!.drawn!) > 0 && total(gradinit.gradients!.start) > 0);
    assert.equal(total(gradinit.gradients!.drawn!), total(warmup.gradients!.start)); // the same parameters and batches
    assert.equal(gradinit.learned!.iterations.length, 3);
    assert.equal(gradinit.learned!.tensors.length, gradinit.updateRatios!.tensors.length);
    assert.equal(warmup.scores!.firstEpoch!.update, warmup.valid[0].update);
    assert.deepEqual(
      warmup.scores!.tests!.map(({ use }) => use),
      ['best', 'average'],
    );
    assert.ok(warmup.scores!.tests!.every(({ chrf, validLoss }) => chrf >= 0 && validLoss! > 0));
    assert.equal(broken.scores!.tests, undefined);
    assert.equal(samples.length, 20);
    assert.deepEqual(Object.keys(samples[0].hyps), ['warmup/seed-1', 'gradinit/seed-1']);
    const single = JSON.parse(ok(['report', 'whole', '--format', 'json'])) as AblationData;
    assert.deepEqual([single.arms[0].name, single.runs[0].state !== 'waiting', single.seeds], ['run', true, [5]]);
    assert.match(
      cli(['report', 'text']).stderr,
      /text holds no ablation \(no plan\.json\) and no run \(no config\.yaml\)/,
    );
  });

  test('ablate: the plan with its time, and how far the runs are, without starting or writing anything', () => {
    const command = ['ablate', '-c', config, '--run', 'ablation', '--set', 'ablation.seeds=[1, 2]'];
    const plan = ok([...command, '--dry-run']);
    assert.match(plan, /^8 runs: 4 arms x 2 seeds$/m);
    assert.match(plan, /^gradinit +1 +[\d.ms]+ +\d+ ms +2[0-9] +[\d.]+s +\d+\.\d +[\d.]+ GB +wasm$/m);
    assert.match(
      plan,
      /\n8 runs, 4 complete: about .* one after another, .* with 2 at a time, about [\d.]+ GB of memory\.\n$/,
    );
    assert.match(ok([...command, '--status']), /^warmup +2 +1 +0 +0 +[01] +[01] +0 +0$/m);
    assert.equal(existsSync(join(folder, 'ablation/warmup/seed-2')), false);
    // of every third run, the third, the sixth: one arm of each seed
    const part = [...command, '--shard', '3/3'];
    const estimates = JSON.parse(ok([...part, '--dry-run', '--json'])) as {
      runs: { key: string; estimate?: { updatesLeft: number } }[];
      complete: number;
      seconds: number;
    };
    assert.deepEqual(
      (JSON.parse(ok([...part, '--status', '--json'])) as { key: string }[]).map(({ key }) => key),
      estimates.runs.map(({ key }) => key),
    );
    assert.equal(estimates.runs.length, 2);
    assert.deepEqual(
      estimates.runs.map(({ key, estimate }) => [key.endsWith('seed-1'), (estimate?.updatesLeft ?? 0) > 0]),
      [
        [true, false],
        [false, true],
      ],
    );
    assert.equal(estimates.complete, 1);
    assert.ok(estimates.seconds > 0);
    assert.match(ok([...part, '--dry-run']), /\n2 of 8 runs, shard 3\/3, 1 complete: about [^\n]*\n$/);
    assert.match(ok([...part, '--status']), /^all +2 /m);
    const differs = cli([...command, '--dry-run', '--set', 'train.lr=0.5']);
    assert.match(
      differs.stderr,
      /made with other settings than the configuration now has:\n {2}ablation\/warmup\/seed-1\n {4}train\.lr: 0\.01 → 0\.5\n/,
    );
    assert.equal(differs.status, 1);
  });

  test('ablate: a run that fails does not stop the others', () => {
    const { status, stderr } = cli([
      'ablate',
      '-c',
      config,
      '--run',
      'failing',
      '--set',
      'ablation.arms={ costly: { gradinit.algorithm: adam, train.maxUpdates: 3 }, plain: { train.maxUpdates: 3 } }',
      '--parallel',
      '1',
    ]);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /1 of 2 runs failed; all other runs are complete\. The same command tries again:\n {2}the run in failing\/costly\/seed-1 failed: initialisation will cost at least as much as \d+ updates, train\.maxUpdates is 3: nothing is left for training\./,
    );
    assert.ok(existsSync(join(folder, 'failing/plain/seed-1/scores.json')));
    const command = [
      'ablate',
      '-c',
      config,
      '--run',
      'failing',
      '--set',
      'ablation.arms={ costly: { gradinit.algorithm: adam, train.maxUpdates: 3 }, plain: { train.maxUpdates: 3 } }',
      '--status',
    ];
    assert.match(
      ok(command),
      /^all +2 +0 +0 +0 +[01] +[01] +0 +1$[^]*^ {2}costly\/seed-1: initialisation will cost at least as much/m,
    );
    assert.deepEqual(
      (JSON.parse(ok([...command, '--json'])) as { key: string; state: string }[]).map(({ key, state }) => [
        key,
        state === 'failed',
      ]),
      [
        ['costly/seed-1', true],
        ['plain/seed-1', false],
      ],
    );
  });

  test('ablate: after an interrupt the same command resumes', async () => {
    const command = [
      'ablate',
      '-c',
      config,
      '--run',
      'stopped',
      '--set',
      'ablation.arms={ one: {}, two: { train.lr: 5e-3 } }',
      '--set',
      'train.maxUpdates=60',
    ];
    const { status, stderr } = await interruptAfter(command, /one\/1 +update 15 /, 'SIGINT');
    assert.equal(status, 130);
    assert.match(stderr, /Interrupted\. The current runs are saved; the same command resumes them\.\n$/);
    assert.ok(existsSync(join(folder, 'stopped/one/seed-1/checkpoints/last.safetensors')));
    const again = cli(command);
    assert.equal(again.status, 0);
    assert.match(again.stderr, /one\/1 +resumes from update \d+/);
    assert.match(again.stdout, /^one +\d+\.\d\d/m);
  });

  test('ablate: an interrupt at the terminal, which every process gets, while runs are only starting', async () => {
    const { status, stderr } = await interruptAfter(
      ['ablate', '-c', config, '--run', 'barely-begun', '--set', 'ablation.arms={ one: {}, two: { train.lr: 5e-3 } }'],
      /two +train\.lr/,
      'SIGINT',
      true,
    );
    assert.equal(status, 130);
    assert.match(stderr, /Interrupted\. The current runs are saved; the same command resumes them\.\n$/);
    assert.doesNotMatch(stderr, /failed/);
    assert.equal(existsSync(join(folder, 'barely-begun/failures.json')), false);
  });

  test('ablate: runs copied from another checkout without their checkpoints are complete; an incomplete one starts again', () => {
    const elsewhere = join(folder, 'elsewhere', 'checkout');
    const command = ['ablate', '-c', 'tiny.yaml', '--run', 'ablation'];
    for (const part of ['text', 'tiny.yaml']) cpSync(join(folder, part), join(elsewhere, part), { recursive: true });
    for (const key of ['warmup', 'gradinit', 'broken', 'unlearnable']) {
      for (const name of [
        'config.yaml',
        'run.json',
        'log.jsonl',
        'scores.json',
        'gradinit.json',
        'gradients.json',
        'test.hyp',
        'test.src',
        'test.ref',
      ]) {
        const path = join('ablation', key, 'seed-1', name);
        if (existsSync(join(folder, path))) cpSync(join(folder, path), join(elsewhere, path));
      }
    }
    const there = (args: string[]): string => ok(args, { cwd: elsewhere });
    const table = ok(command);
    const csv = ok(['report', 'ablation', '--format', 'csv']);
    assert.equal(
      there(['report', 'ablation', '--format', 'csv']).split('\r\n').sort().join('\r\n'),
      csv.split('\r\n').sort().join('\r\n'),
    ); // before any command there
    assert.match(there([...command, '--status']), /^all +4 +0 +0 +0 +[012] +[012] +2 +0$/m);
    there(['corpus', 'prepare', '-c', 'tiny.yaml']); // the same text elsewhere is the same corpus
    assert.equal(there(command), table);
    assert.equal(there(['report', 'ablation', '--format', 'csv']), csv);

    rmSync(join(elsewhere, 'ablation/warmup/seed-1/scores.json'));
    assert.match(there([...command, '--status']), /^warmup +1 +0 +0 +1 /m);
    const bleu = ({
      arms: [
        {
          cells: [{ testBleu }],
        },
      ],
    }: AblationData): number => testBleu!.mean;
    assert.equal(
      bleu(JSON.parse(there([...command, '--json'])) as AblationData),
      bleu(JSON.parse(ok([...command, '--json'])) as AblationData),
    );
    const updates = readFileSync(join(elsewhere, 'ablation/warmup/seed-1/log.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"event":"train"'))
      .map((line) => (JSON.parse(line) as { update: number }).update);
    assert.deepEqual(updates, [5, 10, 15, 20, 25, 30]);
  });
});

/**
 * Starts the command, sends the signal when its output matches, optionally to its children too, and waits for its end.
 */
function interruptAfter(
  args: string[],
  shown: RegExp,
  signal: NodeJS.Signals,
  wholeGroup = false,
): Promise<{ status: number | null; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...args], { cwd: folder, detached: wholeGroup });
    let stderr = '';
    let sent = false;
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      if (!sent && shown.test(stderr)) sent = wholeGroup ? process.kill(-child.pid!, signal) : child.kill(signal);
    });
    child.on('close', (status) => resolve({ status, stderr }));
  });
}

/** Ends a command as soon as its learning log holds so many iterations; the log's first line is its header. */
function endAfterIterations(
  args: string[],
  log: string,
  iterations: number,
  signal: NodeJS.Signals,
): Promise<{ status: number | null; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...args], { cwd: folder });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const path = join(folder, log);
    const watch = setInterval(() => {
      if (!existsSync(path) || readFileSync(path, 'utf8').split('\n').length - 2 < iterations) return;
      clearInterval(watch);
      child.kill(signal);
    }, 5);
    child.on('close', (status) => {
      clearInterval(watch);
      resolve({ status, stderr });
    });
  });
}
