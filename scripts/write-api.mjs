// Writes the reference of the library's exports to docs/api: `npm run docs:api`.
//
// TypeDoc reads TypeScript 6 at most, and the project has 7. So both live in a separate folder, installed at the first
// call without their scripts.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const tools = join(root, 'node_modules/.cache/api-docs');
const versions = { typedoc: '0.28.20', typescript: '6.0.3', 'typedoc-plugin-missing-exports': '4.1.4' };

function run(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: tools, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

function write(name, value) {
  writeFileSync(join(tools, name), JSON.stringify(value, null, 2));
  return join(tools, name);
}

const isInstalled = Object.entries(versions).every(([name, version]) => {
  const manifest = join(tools, 'node_modules', name, 'package.json');
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version;
});
mkdirSync(tools, { recursive: true });
if (!isInstalled) {
  write('package.json', { private: true, dependencies: versions });
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error']);
}
const tsconfig = write('tsconfig.json', {
  extends: join(root, 'tsconfig.json'),
  // DOM: where TypeScript 6 declares WebAssembly
  compilerOptions: { noEmit: true, rootDir: root, lib: ['ES2023', 'ES2024.String', 'DOM'] },
  include: [],
  files: ['src/index.ts', 'src/tfjs.ts'].map((path) => join(root, path)),
});
const options = write('typedoc.json', {
  name: 'coldstart',
  // types of parameters and results that index.ts does not export by name
  plugin: ['typedoc-plugin-missing-exports'],
  placeInternalsInOwningModule: true,
  entryPoints: ['src/index.ts', 'src/tfjs.ts'].map((path) => join(root, path)),
  tsconfig,
  out: join(root, 'docs/api'),
  readme: 'none',
  excludePrivate: true,
  excludeExternals: true,
  disableSources: true,
  validation: { notExported: true, invalidLink: true },
});
run(process.execPath, [join(tools, 'node_modules/typedoc/bin/typedoc'), '--options', options]);
