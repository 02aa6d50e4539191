import assert from 'node:assert/strict';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { changeConfig, configDifferences, configToYaml, defaultConfig, flatten, loadConfig } from './loadConfig.js';
import { modelOptions } from './modelOptions.js';
import { configReference } from './reference.js';
import { schema } from './schema.js';
import { trainOptions } from './trainOptions.js';
import { parse } from 'yaml';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-config-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  mkdirSync(join(folder, name, '..'), { recursive: true });
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

test('a file, what it extends, and --set: later ones win; paths are relative to the file that names them', () => {
  file('base/base.yaml', 'corpus: { dir: data, train: { src: a.de } }\ntrain: { lr: 1e-3, maxUpdates: 10 }\n');
  const config = loadConfig(
    file('own.yaml', 'extends: base/base.yaml\nseed: 7\ntrain.lr: 2e-3\ncorpus:\n  valid.src: b.de\n'),
    ['train.maxUpdates=20', 'corpus.test.src=c.de'],
  );
  assert.equal(config.seed, 7);
  assert.equal(config.train.lr, 2e-3);
  assert.equal(config.train.maxUpdates, 20);
  assert.equal(config.train.beta2, 0.98);
  assert.equal(config.corpus.dir, join(folder, 'base/data'));
  assert.equal(config.corpus.train.src, join(folder, 'base/a.de'));
  assert.equal(config.corpus.valid.src, join(folder, 'b.de'));
  assert.equal(config.corpus.test.src, join(process.cwd(), 'c.de'));
});

test('unknown keys name file, line and the nearest known one', () => {
  const path = file('unknown.yaml', 'train:\n  lr: 1e-3\n  warmupUpdate: 100\n');
  assert.throws(() => loadConfig(path), {
    message: `${path}:3: unknown setting train.warmupUpdate; did you mean train.warmupUpdates?`,
    exitCode: 2,
  });
  assert.throws(
    () => loadConfig(file('elsewhere.yaml', 'lr: 1e-3\n')),
    /unknown setting lr; did you mean gradinit\.lr or metainit\.lr or train\.lr\?/,
  );
  assert.throws(
    () => loadConfig(file('good.yaml', 'seed: 1\n'), ['modle.dModel=4']),
    /--set: unknown setting modle\.dModel; did you mean model\.dModel\?/,
  );
  assert.throws(() => loadConfig(file('proto.yaml', '__proto__: { lr: 1 }\n')), /unknown setting __proto__/);
});

test('values that cannot be used say what was found and what is expected', () => {
  const refused: [string, RegExp][] = [
    ['train: { maxTokens: 0 }', /:1: train\.maxTokens is 0, expected an integer from 1 to 1000000000 \(tokens\)\./],
    ['train: { maxTokens: 12.5 }', /train\.maxTokens is 12\.5, expected an integer/],
    ['train: { lr: fast }', /train\.lr is "fast", expected a number of at least 0\./],
    [
      'train: { schedule: exponential }',
      /train\.schedule is "exponential", expected one of inverse_sqrt, linear, cosine, constant\./,
    ],
    ['train: 3', /:1: train is 3, but it is a group of settings \(optimizer, beta1, .*\)\. Name one of them\./],
    ['train: { nesterov: "yes" }', /train\.nesterov is "yes", expected true or false\./],
    ['seed: .nan', /:1: seed is \.nan, expected an integer from 0 to 9007199254740991\./],
    ['train: { lr: -.Inf }', /:1: train\.lr is -\.Inf, expected a finite number of at least 0\./],
    ['train: { lr: 1e400 }', /train\.lr is 1e400, expected a finite number of at least 0\./],
    ['train: { warmupInitLr: .inf }', /train\.warmupInitLr is \.inf, expected a finite number\./],
    [
      'train: { maxUpdates: .inf }',
      /train\.maxUpdates is \.inf, expected an integer from 0 to 1000000000 \(updates\)\./,
    ],
    ['seed:', /:1: seed is empty \(null\), expected an integer from 0 to 9007199254740991\./],
    ['seed: "5"', /seed is "5", expected an integer from 0 to 9007199254740991\. Write it without quotes\./],
    ['train: { nesterov: "true" }', /nesterov is "true", expected true or false\. Write it without quotes\./],
    ['train: { nesterov: 1 }', /nesterov is 1, expected true or false\./],
    [
      'corpus:\n  letterCase: true',
      /:2: corpus\.letterCase is true, expected one of keep, lower, "true"\. For the text, write it in quotes: "true"\./,
    ],
    ['corpus: { srcLang: 0x1F }', /srcLang is 0x1F, expected a text\. For the text, write it in quotes: "0x1F"\./],
    ['corpus: { subwords: { joiner: 1.10 } }', /joiner is 1\.10, expected a text\. For .* in quotes: "1\.10"\./],
    [
      'corpus: { subwords: { glossaries: [USA, 2024] } }',
      /glossaries is \[USA, 2024\], expected a list of texts \(numbers, true, false and null in quotes\)\./,
    ],
    [
      'corpus: { clean: { duplicates: [pair, pair] } }',
      /is \[pair, pair\], expected a list of pair, source, target, none twice/,
    ],
    ['train: { beta1: 1 }', /:1: train\.beta1 is 1, expected a number of at least 0 and below 1\./],
    ['train: { momentum: 1 }', /:1: train\.momentum is 1, expected a number of at least 0 and below 1\./],
    ['train: { eps: 0 }', /:1: train\.eps is 0, expected a number above 0 and below 1\./],
    ['metainit: { momentum: 1 }', /:1: metainit\.momentum is 1, expected a number of at least 0 and below 1\./],
    ['ablation: { arms: { "../x": {} } }', /ablation\.arms is .*, expected named sets of settings/],
    ['ablation: { arms: [cold, cold] }', /arms is \[cold, cold\], expected a list of presets, none twice\./],
    ['seed: [', /is not valid YAML/],
    ['\nseed: [', /refused\.yaml:2 is not valid YAML: /],
    [
      'seed: 1\ntrain\n  lr: 1',
      /refused\.yaml:2 is not valid YAML: a key without a colon\. Write "key: value", or "key:" /,
    ],
    ['seed: 1: 2', /refused\.yaml:1 is not valid YAML: a second ": " in one line\. Put the value in quotes, /],
    ['train:\n\tlr: 1', /refused\.yaml:2 is not valid YAML: the line begins with a tab\. Indent with spaces\./],
    [
      'corpus: { dir: @here }',
      /refused\.yaml:1 is not valid YAML: a value begins with a character that YAML reserves\. /,
    ],
    ['seed: 1\n---\nseed: 2', /refused\.yaml:2: a second YAML document begins here, expected one\./],
    ['seed: *none', /refused\.yaml:1: the alias \*none has no &none before it\./],
    [`seed: ${'['.repeat(100_000)}`, /refused\.yaml.*(is nested too deeply|is not valid YAML)/],
    ['just text', /expected "key: value" lines/],
  ];
  for (const [text, message] of refused) assert.throws(() => loadConfig(file('refused.yaml', text)), message, text);
});

test('circles of extends and missing files are refused by name', () => {
  file('one.yaml', 'extends: two.yaml\n');
  file('two.yaml', 'extends: one.yaml\n');
  assert.throws(
    () => loadConfig(join(folder, 'one.yaml')),
    /extend each other in a circle: .*one\.yaml → .*two\.yaml → .*one\.yaml/,
  );
  assert.throws(() => loadConfig(join(folder, 'none.yaml')), /there is no configuration .*none\.yaml/);
  assert.throws(
    () => loadConfig(file('three.yaml', 'extends: gone.yaml\n')),
    /there is no configuration .*gone\.yaml, which .*three\.yaml extends/,
  );
});

test('settings given twice, nested or dotted, are refused with both lines', () => {
  const twice: [string, number, string, number][] = [
    ['train: { lr: 1e-3 }\ntrain.lr: 5e-3\n', 2, 'train.lr', 1],
    ['train.lr: 5e-3\ntrain:\n  lr: 5e-3\n', 3, 'train.lr', 1],
    ['corpus.train: { src: a }\ncorpus:\n  train.src: b\n', 3, 'corpus.train.src', 1],
    ['seed: 1\nseed: 2\n', 2, 'seed', 1],
    ['seed: 1\n"seed": 2\n', 2, 'seed', 1],
    ['train:\n  lr: 1\n\ntrain:\n  beta1: 0\n', 4, 'train', 1],
    ['extends: a.yaml\nextends: b.yaml\n', 2, 'extends', 1],
    ['ablation:\n  arms:\n    one:\n      train.lr: 1\n      train.lr: 2\n', 5, 'train.lr', 4],
    ['ablation:\n  arms:\n    one: {}\n    one: {}\n', 4, 'one', 3],
  ];
  for (const [text, line, key, first] of twice) {
    const path = file('twice.yaml', text);
    assert.throws(() => loadConfig(path), {
      message: `${path}:${line}: ${key} is set twice, first in ${path}:${first}. Remove one of the two.`,
      exitCode: 2,
    });
  }
  assert.equal(loadConfig(file('groups.yaml', 'train: { lr: 1 }\ntrain.beta1: 0.5\n')).train.beta1, 0.5);
});

test('inputs that went wrong: a setting twice, an infinite rate, a seed that is not exact', () => {
  const cases = fileURLToPath(new URL('../../../test/cases/', import.meta.url));
  const refused: [string, string][] = [
    [
      '10-setting-twice-nested-and-dotted.yaml',
      `:2: train.lr is set twice, first in ${cases}10-setting-twice-nested-and-dotted.yaml:1. Remove one of the two.`,
    ],
    ['11-infinite-rate.yaml', ':1: train.lr is .inf, expected a finite number of at least 0.'],
    ['11-seed-beyond-53-bits.yaml', ':1: seed is 9007199254740993, expected an integer from 0 to 9007199254740991.'],
  ];
  for (const [name, message] of refused)
    assert.throws(() => loadConfig(cases + name), { message: cases + name + message, exitCode: 2 });
});

test('aliases: what they repeat counts; circles and bombs are refused', () => {
  const shared = 'ablation:\n  arms:\n    one: &one { train.lr: 1 }\n    two: *one\n';
  assert.deepEqual(loadConfig(file('shared.yaml', shared)).ablation.arms, {
    one: { 'train.lr': 1 },
    two: { 'train.lr': 1 },
  });
  const circle = file('circle.yaml', 'ablation:\n  arms: &a\n    one: *a\n');
  assert.throws(() => loadConfig(circle), {
    message: `${circle}:3: the alias *a is inside the value that it repeats.`,
    exitCode: 2,
  });
  const names = [...'abcdefghi'];
  const rows = names.map(
    (name, i) => `  ${name}: &${name} [${new Array(10).fill(i === 0 ? 'x' : `*${names[i - 1]}`).join(',')}]`,
  );
  const bomb = file('bomb.yaml', `ablation.grid:\n${rows.join('\n')}\n`);
  assert.throws(() => loadConfig(bomb), {
    message: `${bomb}:1: ablation.grid repeats aliases too often. Write the values out.`,
    exitCode: 2,
  });
});

test('a setting that a choice leaves without effect is refused, with the choice', () => {
  const refused: [string, RegExp][] = [
    [
      'corpus:\n  subwords:\n    method: bpe\n    model: m',
      /:4: corpus\.subwords\.model has no effect, as corpus\.subwords\.method is bpe \(.*effect\.yaml:3\)\. Remove it, or set corpus\.subwords\.method to sentencepiece\.$/,
    ],
    ['corpus.subwords.merges: 100', /merges has no effect, as corpus\.subwords\.method is none \(the default\)\./],
    ['corpus.subwords: { method: sentencepiece, vocabSize: 9, codes: x }', /subwords\.codes has no effect/],
    ['corpus.trgSubwords.merges: 100', /trgSubwords\.merges has no effect, .*method is same \(the default\)/],
    ['corpus.tokenize.aggressive: true', /aggressive has no effect, .*method is none .* to moses\.$/],
    ['train: { optimizer: sgd, beta1: 0.5 }', /train\.beta1 has no effect, as train\.optimizer is sgd/],
    ['train.momentum: 0.5', /train\.momentum has no effect, as train\.optimizer is adam \(the default\)/],
    ['train.minLr: 1e-9', /train\.minLr has no effect, as train\.schedule is inverse_sqrt/],
    [
      'train.subwordDropout: 0.2',
      /train\.subwordDropout has no effect, as train\.sampleSubwords is none \(the default\)\. Remove it, or set train\.sampleSubwords to src or trg or both\.$/,
    ],
    [
      'corpus.subwords: { method: bpe, merges: 9 }\ntrain: { sampleSubwords: src, subwordAlpha: 0.5 }',
      /train\.subwordAlpha has no effect, as corpus\.subwords\.method is bpe .* Remove it, or set train\.subwordDropout\.$/,
    ],
    ['train: { validateBleu: false, validateBleuSentences: 3 }', /validateBleuSentences has no effect/],
    [
      'gradinit: { variant: paper, layerNormLr: 1 }',
      /gradinit\.layerNormLr has no effect, .* to robust or released\.$/,
    ],
    [
      'corpus.subwords: { method: sentencepiece, model: m, modelType: bpe }',
      /modelType has no effect, as corpus\.subwords\.vocabSize is not set \(the default\)\. .*, or set corpus\.subwords\.vocabSize\.$/,
    ],
    [
      'train: { warmupUpdates: 0, warmupInitLr: 1e-5 }',
      /train\.warmupInitLr has no effect, as train\.warmupUpdates is 0 \(.*effect\.yaml:1\)\. .* set train\.warmupUpdates to more than 0\.$/,
    ],
    [
      'train: { schedule: constant, holdUpdates: 5 }',
      /holdUpdates has no effect, .* to inverse_sqrt or linear or cosine\.$/,
    ],
    [
      'decode: { averageLast: 5 }',
      /decode\.averageLast has no effect, as decode\.checkpoint is best \(the default\)\. .* to average\.$/,
    ],
    ['gradinit: { algorithm: adam, normalizeGrad: true }', /normalizeGrad has no effect, .* to sgd\.$/],
    [
      'gradinit: { algorithm: adam, variant: released, releaseUpdates: 50 }',
      /gradinit\.releaseUpdates has no effect, as gradinit\.scaled is weights \(.*effect\.yaml:1\)\. Remove it, or set gradinit\.scaled to rates or both\.$/,
    ],
    ['gradinit: { variant: robust, scaled: weights, releaseUpdates: 50 }', /releaseUpdates has no effect/],
    [
      'gradinit: { algorithm: adam, lookAhead: 9 }\ntrain: { optimizer: sgd }',
      /lookAhead has no effect, as train\.optimizer is sgd \(.*effect\.yaml:2\)\. Remove it, or set gradinit\.algorithm to sgd, or gradinit\.eta\.$/,
    ],
    [
      'gradinit: { variant: robust, eta: 0.1, lookAhead: 9 }',
      /lookAhead has no effect, as gradinit\.eta is 0\.1 \(.*effect\.yaml:1\)\. Remove it, or leave out gradinit\.eta\.$/,
    ],
    ['gradinit: { goal: cosine, lookAhead: 3 }', /gradinit\.lookAhead has no effect, as gradinit\.goal is cosine/],
    ['gradinit: { gammaScope: sides }', /gradinit\.gammaScope has no effect, as gradinit\.gammaShare is not set/],
    ['gradinit: { gamma: 9, gammaShare: 0.5 }', /gradinit\.gamma has no effect, as gradinit\.gammaShare is 0\.5/],
  ];
  for (const [text, message] of refused) assert.throws(() => loadConfig(file('effect.yaml', text)), message, text);

  const base = file('effect-base.yaml', 'corpus.subwords: { method: bpe, merges: 100 }\n');
  assert.equal(loadConfig(base, ['corpus.subwords.method=none']).corpus.subwords.merges, 100);
  assert.throws(
    () => loadConfig(base, ['corpus.subwords.model=m']),
    /^UsageError: --set: corpus\.subwords\.model has no/,
  );
  loadConfig(file('effect-default.yaml', 'train.momentum: 0.9\n'));
  loadConfig(file('effect-robust.yaml', 'gradinit: { variant: robust, releaseUpdates: 50, lookAhead: 9 }\n'));
  loadConfig(file('effect-scaled.yaml', 'gradinit: { variant: released, scaled: rates, releaseUpdates: 50 }\n'));
  const bound = file('effect-bound.yaml', 'gradinit: { gamma: 9 }\n');
  assert.equal(loadConfig(bound, ['gradinit.gammaShare=0.5']).gradinit.gamma, 9);
  loadConfig(
    file(
      'effect-variant.yaml',
      'gradinit: { variant: released, releaseUpdates: 50 }\nablation.arms: { a: {}, b: { gradinit.variant: robust } }\n',
    ),
  );
  loadConfig(file('effect-arm.yaml', 'train.momentum: 0.5\nablation.arms: { a: {}, b: { train.optimizer: sgd } }\n'));
  const average = file('effect-average.yaml', 'decode: { checkpoint: average, averageLast: 5 }\n');
  assert.equal(loadConfig(average, ['decode.checkpoint=last']).decode.averageLast, 5);
  const saved = configToYaml(loadConfig(base, ['corpus.subwords.method=none']));
  assert.equal(loadConfig(file('effect-saved.yaml', saved)).corpus.subwords.merges, 100);
});

test('settings that contradict each other are refused with file and line', () => {
  const model = file('odd.yaml', 'model:\n  dModel: 30\n  numHeads: 4\n');
  assert.throws(() => modelOptions(loadConfig(model), { src: 9, trg: 9 }), {
    message: `${model}:2: model.dModel is 30, expected a multiple of model.numHeads (4).`,
  });
  const linear = file('linear.yaml', 'train:\n  schedule: linear\n  maxUpdates: 10\n');
  assert.throws(() => trainOptions(loadConfig(linear)), /linear\.yaml:3: train\.maxUpdates is 10, expected more than/);
});

/** Values of every kind, as YAML writes them. */
const anyValue = fc.oneof(
  fc.constantFrom('.inf', '-.inf', '.nan', '1e400', '9007199254740993', '-9007199254740993', '0x10', 'true', 'no', '~'),
  fc.integer({ min: -1e6, max: 1e6 }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.constantFrom('word', '"5"', '[]', '[1, x]', '[[1]]', '{}', '{ a: 1 }', '{ a: { b: 1 } }', '2001-01-01'),
);

test('every setting: an invalid value gives an error with key, file and line', () => {
  for (const [key, field] of flatten(schema)) {
    let refused = 0;
    fc.assert(
      fc.property(anyValue, (written) => {
        const value: unknown = parse(written);
        if (field.parse(value) !== undefined || (value === null && field.default === undefined)) return;
        refused++;
        const path = file('any.yaml', `# a comment\n\n${key}: ${written}\n`);
        assert.throws(
          () => loadConfig(path),
          (error: Error & { exitCode?: number }) =>
            error.message.startsWith(`${path}:3: ${key} is `) &&
            error.message.includes(', expected ') &&
            error.exitCode === 2,
          `${key}: ${written}`,
        );
      }),
      { numRuns: 25, seed: 1 },
    );
    assert.ok(refused > 3, `${key} takes nearly everything`);
  }
});

test('every integer has an upper bound', () => {
  for (const [key, { accepts }] of flatten(schema))
    if (accepts.startsWith('an integer')) assert.match(accepts, /^an integer from \d+ to \d+$/, key);
});

test('every number with a bound refuses values just beyond it', () => {
  for (const [key, { accepts, parse: accept }] of flatten(schema)) {
    const [, min] = /(?:of at least|from) (-?[\d.e-]+)/.exec(accepts) ?? [];
    const [, max] = /(?:at most|to) (-?[\d.e-]+)$/.exec(accepts) ?? [];
    const [, above] = /above (-?[\d.e-]+)/.exec(accepts) ?? [];
    const [, below] = /below (-?[\d.e-]+)/.exec(accepts) ?? [];
    if (!/^an? (integer|number)/.test(accepts)) continue;
    const whole = accepts.startsWith('an integer');
    const step = (bound: string): number => (whole ? 1 : Math.max(Math.abs(Number(bound)), 1e-12) * 1e-3);
    if (min !== undefined) {
      assert.equal(accept(Number(min)), Number(min), key);
      assert.equal(accept(Number(min) - step(min)), undefined, key);
    }
    if (max !== undefined) {
      assert.equal(accept(Number(max)), Number(max), key);
      assert.equal(accept(Number(max) + step(max)), undefined, key);
    }
    if (above !== undefined) assert.equal(accept(Number(above)), undefined, key);
    if (below !== undefined) assert.equal(accept(Number(below)), undefined, key);
    if (whole) assert.equal(accept(0.5), undefined, key);
    assert.equal(accept(Infinity), undefined, key);
  }
});

test('a file of 50,000 keys is read, a file above the limit is refused because of its size', () => {
  const arms = Array.from({ length: 50_000 }, (_, i) => `    a${i}: {}\n`).join('');
  const path = file('many.yaml', `ablation:\n  arms:\n${arms}`);
  assert.equal(Object.keys(loadConfig(path).ablation.arms).length, 50_000);
  assert.throws(() => loadConfig(file('large.yaml', `# ${'x'.repeat(2 ** 20)}\n`)), /large\.yaml.*1048579 bytes/);
});

test('a saved configuration is read back to the same', () => {
  const numbers = flatten(schema)
    .filter(([, { default: value }]) => typeof value === 'number')
    .map(([key]) => key);
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom(...numbers), fc.constantFrom(0, 1, 0.5, 1e-7, 3), { maxKeys: 6 }),
      (changes) => {
        let config = defaultConfig();
        try {
          config = changeConfig(config, changes, 'test');
        } catch {
          fc.pre(false); // not every number fits every key
        }
        assert.deepEqual(loadConfig(file('saved.yaml', configToYaml(config))), config);
      },
    ),
    { numRuns: 30 },
  );
});

test('a configuration that a run of an earlier version saved is read, though it lacks later settings', () => {
  const path = join(folder, 'earlier.yaml');
  const saved = changeConfig(defaultConfig(), { 'train.validateBleu': false }, 'test');
  const lacking = ['init:', '  method:', '  logEveryUpdates:', '  keepEpochs:', '  lowercase:'];
  const lines = configToYaml({ ...saved, train: { ...saved.train, validateBleuSentences: 7 } })
    .split('\n')
    .filter((line) => !lacking.some((start) => line.startsWith(start)));
  writeFileSync(path, lines.join('\n'));
  assert.equal(loadConfig(path).train.validateBleuSentences, 7);
  writeFileSync(path, 'train: { validateBleu: false, validateBleuSentences: 7 }');
  assert.throws(() => loadConfig(path), /validateBleuSentences has no effect/);
});

test('differences are listed key by key', () => {
  const changed = changeConfig(defaultConfig(), { 'train.lr': 1e-3, 'gradinit.eta': 2e-3 }, 'arm');
  assert.deepEqual(configDifferences(defaultConfig(), changed), [
    'gradinit.eta: not set → 0.002',
    'train.lr: 0.0005 → 0.001',
  ]);
  assert.throws(
    () => changeConfig(defaultConfig(), { 'train.lrr': 1 }, 'ablation.arms.x'),
    /ablation\.arms\.x: unknown setting train\.lrr; did you mean train\.lr\?/,
  );
});

test('paths and values inside arms and grids are checked and resolved like those of their file', () => {
  const path = file(
    'arms/arms.yaml',
    'ablation:\n  arms:\n    one: { preset: warmup, corpus.dir: other }\n  grid: { train.lr: [1e-3, 2e-3] }\n',
  );
  assert.deepEqual(loadConfig(path).ablation.arms, {
    one: { preset: 'warmup', 'corpus.dir': join(folder, 'arms/other') },
  });
  assert.deepEqual(loadConfig(path).ablation.grid, { 'train.lr': [1e-3, 2e-3] });
  assert.deepEqual(loadConfig(file('arms/list.yaml', 'ablation.arms: [warmup, gi-adam]\n')).ablation.arms, {
    warmup: { preset: 'warmup' },
    'gi-adam': { preset: 'gi-adam' },
  });
  assert.throws(
    () => loadConfig(file('arms/typo.yaml', 'ablation:\n  arms:\n    one: { train.lrr: 1 }\n')),
    /typo\.yaml:2: ablation\.arms\.one: unknown setting train\.lrr; did you mean train\.lr\?/,
  );
  assert.throws(
    () => loadConfig(file('arms/grid.yaml', 'ablation.grid: { train.lr: 3 }\n')),
    /ablation\.grid is \{ train\.lr: 3 \}, expected lists of values by setting/,
  );
});

test('configurations of packages and shipped ones lead to the current folder, never into node_modules', () => {
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'coldstart-project-')));
  const before = process.cwd();
  try {
    process.chdir(project);
    const installed = 'node_modules/coldstart/configs';
    cpSync(fileURLToPath(new URL('../../../configs', import.meta.url)), installed, { recursive: true });
    mkdirSync('node_modules/@own/recipes', { recursive: true });
    writeFileSync(
      'node_modules/@own/recipes/tiny.yaml',
      'extends: ../../coldstart/configs/builtin.yaml\ncorpus.dir: out\n',
    );
    mkdirSync('sub');
    writeFileSync('sub/mine.yaml', 'extends: ../configs/quickstart.yaml\nseed: 5\n');
    const corpusOf = (path: string) => {
      const { dir, train } = loadConfig(path).corpus;
      return [dir, train.src];
    };
    const own = [join(project, 'runs/data/builtin/prepared'), join(project, 'runs/data/builtin/text/train.de')];
    assert.deepEqual(corpusOf(`${installed}/quickstart.yaml`), own);
    assert.deepEqual(corpusOf('configs/quickstart.yaml'), own, 'as if it were here');
    assert.deepEqual(corpusOf('sub/mine.yaml'), own, 'extended from another folder');
    assert.deepEqual(corpusOf('node_modules/@own/recipes/tiny.yaml'), [join(project, 'out'), own[1]]);
    process.chdir('sub');
    assert.deepEqual(corpusOf('mine.yaml'), own, 'in any current folder');
    assert.deepEqual(corpusOf(`../${installed}/builtin.yaml`), [
      join(project, 'sub/runs/data/builtin/prepared'),
      join(project, 'sub/runs/data/builtin/text/train.de'),
    ]);
    assert.throws(
      () => loadConfig('quickstart.yaml'),
      /there is no configuration .*sub\/quickstart\.yaml\. coldstart brings one of that name: configs\/quickstart\.yaml\.$/,
    );
    assert.throws(
      () => loadConfig('configs/none.yaml'),
      /sub\/configs\/none\.yaml\. Check the path, or take one that coldstart brings: configs\/.*quickstart\.yaml/,
    );
    // the user's own file comes first
    mkdirSync('configs');
    writeFileSync('configs/builtin.yaml', 'corpus.dir: mine\n');
    assert.deepEqual(corpusOf('configs/builtin.yaml'), [join(project, 'sub/configs/mine'), undefined]);
  } finally {
    process.chdir(before);
    rmSync(project, { recursive: true });
  }
});

test('every shipped configuration can be read', () => {
  const configs = fileURLToPath(new URL('../../../configs', import.meta.url));
  const found = readdirSync(configs).filter((name) => name.endsWith('.yaml'));
  assert.ok(found.length >= 5, `${found}`);
  for (const name of found) {
    assert.ok(loadConfig(join(configs, name)).corpus.dir, name);
  }
});

test('docs/reference/config.md is current', () => {
  assert.equal(
    readFileSync(new URL('../../../docs/reference/config.md', import.meta.url), 'utf8'),
    configReference(),
    'run "npm run docs"',
  );
});
