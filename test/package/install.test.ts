import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { packageFolder, version } from '../../src/package.js';

// What a new user does: packs and installs the package into an empty project, runs `doctor`, and trains.
const folder = mkdtempSync(join(tmpdir(), 'coldstart-package-'));
after(() => rmSync(folder, { recursive: true }));
const project = join(folder, 'project');
const installed = join(project, 'node_modules/coldstart');
mkdirSync(project);
writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'project', private: true, type: 'module' }));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[], cwd = project): Ended {
  const env: NodeJS.ProcessEnv = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') };
  delete env['NODE_OPTIONS'];
  return spawnSync(program, args, { cwd, env, encoding: 'utf8', maxBuffer: 2 ** 26 });
}

function ok(program: string, args: readonly string[], cwd = project): string {
  const { status, stdout, stderr } = run(program, args, cwd);
  assert.equal(status, 0, `${program} ${args.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}

const coldstart = (...args: string[]): string => ok('npx', ['--no-install', 'coldstart', ...args]);

const packed = run('npm', ['pack', '--json', '--pack-destination', folder], packageFolder);
const install = run('npm', [
  'install',
  '--ignore-scripts',
  '--prefer-offline',
  '--no-audit',
  '--no-fund',
  join(folder, `coldstart-${version}.tgz`),
  'typescript@7',
  'typescript5@npm:typescript@5',
]);
const isOffline = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED|ENETUNREACH/.test(install.stderr);
const skip = install.status !== 0 && isOffline ? "npm's registry cannot be reached" : false;

test('the package has its program and its types, and nothing else', () => {
  assert.equal(packed.status, 0, packed.stderr);
  const [{ size, files }] = JSON.parse(packed.stdout) as { size: number; files: { path: string }[] }[];
  const paths = files.map(({ path }) => path);
  for (const path of [
    'bin/coldstart.js',
    'dist/cli/main.js',
    'dist/index.d.ts',
    'dist/backend/wasm/kernels.wasm',
    'configs/quickstart.yaml',
  ])
    assert.ok(paths.includes(path), path);
  const unwanted = /\.test\.|\.map$|^dist\/(src|test)\/|^native\/build\/|\.(jsonl|hyp|node)$|gradients\.json$/;
  assert.deepEqual(
    paths.filter((path) => unwanted.test(path)),
    [],
  );
  assert.ok(size < 3_000_000, `${size} bytes`);
});

test('no dependency runs a script when it is installed, but for those of esbuild and webgpu, which set-up keeps from it', () => {
  const lock = JSON.parse(readFileSync(join(packageFolder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { hasInstallScript?: boolean }>;
  };
  const entries = Object.entries(lock.packages);
  assert.ok(entries.length > 50);
  assert.deepEqual(
    entries.filter(([, { hasInstallScript }]) => hasInstallScript).map(([name]) => name),
    ['node_modules/esbuild', 'node_modules/webgpu'], // both for development only
  );
});

describe('installed into an empty project', { skip }, () => {
  test('npm install', () => assert.equal(install.status, 0, install.stderr));

  test('its types compile without skipLibCheck and without types of Node, with TypeScript 7 and 5', () => {
    writeFileSync(
      join(project, 'library.ts'),
      `import { createUtf8Tokenizer, gradInit, loadConfig, toTensors, type Config, type Params } from 'coldstart';
const config: Config = loadConfig('configs/quickstart.yaml');
const params: Params = toTensors(new Map());
const bytes: Uint8Array = createUtf8Tokenizer('de')(new Uint8Array());
// @ts-expect-error the seed is a number
const seed: string = config.seed;
export default [gradInit, params, bytes, seed];
`,
    );
    writeFileSync(
      join(project, 'tensors.ts'),
      `import * as tf from 'coldstart/tfjs';
import { disposeParams, toTensors } from 'coldstart';
const params = toTensors(new Map());
const weight: tf.Tensor | undefined = params.get('w');
// @ts-expect-error a tensor of tfjs
const wrong: string | undefined = params.get('w');
disposeParams(params);
export default [weight, wrong, tf.ones([1])];
`,
    );
    const options = { strict: true, noEmit: true, module: 'NodeNext', target: 'ES2022', types: [] };
    const check = (file: string, more: object): void => {
      writeFileSync(
        join(project, 'tsconfig.json'),
        JSON.stringify({ compilerOptions: { ...options, ...more }, files: [file] }),
      );
      for (const compiler of ['typescript', 'typescript5'])
        ok(process.execPath, [join(project, 'node_modules', compiler, 'bin/tsc'), '-p', '.']);
    };
    check('library.ts', {});
    check('library.ts', { lib: ['ES2022'] });
    check('tensors.ts', { skipLibCheck: true }); // for tfjs's own declarations
  });

  test("README's TypeScript compiles under strict and runs", () => {
    const blocks = [...readFileSync(join(packageFolder, 'README.md'), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)];
    assert.ok(blocks.length > 0);
    const options = {
      strict: true,
      module: 'NodeNext',
      target: 'ES2022',
      skipLibCheck: true,
      types: [],
      outDir: 'readme',
    };
    const files = blocks.map(([, text], i) => {
      const file = `readme${i}.ts`;
      writeFileSync(
        join(project, file),
        text.replaceAll('console.log(', 'declare const console: { log(...shown: unknown[]): void };\nconsole.log('),
      );
      return file;
    });
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files }));
    for (const compiler of ['typescript5', 'typescript'])
      ok(process.execPath, [join(project, 'node_modules', compiler, 'bin/tsc'), '-p', '.']);
    for (const file of files) {
      const shown = ok(process.execPath, [join(project, 'readme', file.replace('.ts', '.js'))]);
      assert.match(shown, /hidden: [\d.]+, output: [\d.]+ } 2/);
    }
  });

  test('doctor asks for the command that builds the engine', () => {
    assert.match(coldstart('doctor'), /^ -- {3}native +not built\. Run "npx coldstart build-native"; it needs/m);
  });

  test('a shipped configuration is prepared and trained in the current folder; node_modules stays as it is', () => {
    const before = listing(installed);
    coldstart('corpus', 'synth', '--out', 'runs/data/builtin/text', '--pairs', '500');
    coldstart('corpus', 'prepare', '-c', 'configs/builtin.yaml');
    const ten = [
      'train.maxUpdates=10',
      'train.validateEveryUpdates=0',
      'train.saveEveryUpdates=0',
      'decode.beamSize=1',
    ];
    const set = ten.flatMap((change) => ['--set', change]);
    coldstart(
      'train',
      '-c',
      'node_modules/coldstart/configs/builtin.yaml',
      '--run',
      'runs/ten',
      '--backend',
      'wasm',
      ...set,
    );
    const scores = JSON.parse(readFileSync(join(project, 'runs/ten/scores.json'), 'utf8')) as { updates: number };
    assert.equal(scores.updates, 10);
    assert.deepEqual(listing(installed), before);
  });

  test('the engine is built next to the package, wherever its headers are', () => {
    const headers = ['node-addon-api', 'node-api-headers'];
    // as npm puts them where another version is hoisted already
    for (const name of headers) {
      cpSync(join(project, 'node_modules', name), join(installed, 'node_modules', name), { recursive: true });
      rmSync(join(project, 'node_modules', name), { recursive: true });
    }
    const { status, stdout, stderr } = run('npx', ['--no-install', 'coldstart', 'build-native']);
    if (status !== 0 && process.env['COLDSTART_REQUIRE_NATIVE'] !== '1') {
      assert.match(stderr, /the native engine was not built: /);
      return;
    }
    assert.equal(status, 0, stderr);
    assert.match(stdout, /native engine: version \d+, oneDNN [23]\./);
    assert.match(coldstart('doctor'), /^PASS {2}native /m);
  });
});

/** Every file below a folder, with its size. */
function listing(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => `${path} ${statSync(join(root, path)).size}`)
    .sort();
}
