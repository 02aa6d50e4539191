import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { changeConfig, configDifferences, configToYaml, defaultConfig, flatten, loadConfig } from './loadConfig.js';
import { configReference } from './reference.js';
import { schema } from './schema.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-config-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  mkdirSync(join(folder, name, '..'), { recursive: true });
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

test('a file, what it extends, and --set: later ones win; paths are relative to where they stand', () => {
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
    ['train: { maxTokens: 0 }', /:1: train\.maxTokens is 0, expected an integer of at least 1 \(tokens\)\./],
    ['train: { maxTokens: 12.5 }', /train\.maxTokens is 12\.5, expected an integer/],
    ['train: { lr: fast }', /train\.lr is "fast", expected a number of at least 0\./],
    ['train: { schedule: cosine }', /train\.schedule is "cosine", expected one of inverse_sqrt, linear, constant\./],
    ['train: 3', /train is a group of settings \(optimizer, beta1, .*\), found a single value/],
    ['train: { nesterov: "yes" }', /train\.nesterov is "yes", expected true or false\./],
    ['seed: .nan', /seed is null, expected an integer|seed is NaN|expected an integer/],
    ['ablation: { arms: { "../x": {} } }', /ablation\.arms is .*, expected named sets of settings/],
    ['seed: [', /is not valid YAML/],
    ['seed: 1\nseed: 2', /is not valid YAML: Map keys must be unique/],
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

test('an alias bomb is refused', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((name, i) => `${name}: &${name} [${new Array(10).fill(`*${'abcdefghi'[i]}`).join(',')}]`).join('\n')}\n`;
  assert.throws(() => loadConfig(file('bomb.yaml', bomb)));
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

test('differences are told key by key', () => {
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
    /ablation\.grid is \{"train\.lr":3\}, expected lists of values by setting/,
  );
});

test('every shipped configuration can be read', () => {
  const configs = fileURLToPath(new URL('../../../configs', import.meta.url));
  const found = readdirSync(configs).filter((name) => name.endsWith('.yaml'));
  assert.ok(found.length >= 5, `${found}`);
  for (const name of found) {
    assert.ok(loadConfig(join(configs, name)).corpus.dir, name);
  }
});

test('docs/config.md is current', () => {
  assert.equal(
    readFileSync(new URL('../../../docs/config.md', import.meta.url), 'utf8'),
    configReference(),
    'run "npm run docs"',
  );
});
