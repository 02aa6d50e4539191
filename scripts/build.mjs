// Builds everything that Node runs: WebAssembly kernels (AssemblyScript), then TypeScript, then scripts that pages of
// ours load, then what the package ships of it.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './browser/bundle.mjs';
import { assemblePackage } from './package/assemble.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function run(tool, args) {
  const result = spawnSync(process.execPath, [join(root, 'node_modules', tool), ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

run('assemblyscript/bin/asc.js', [
  join(root, 'src/backend/wasm/kernels.as.ts'),
  '--outFile',
  join(root, 'dist/src/backend/wasm/kernels.wasm'),
  '-O3',
  '--noAssert',
  '--runtime',
  'stub',
  '--importMemory',
  '--enable',
  'simd',
]);
run('typescript/bin/tsc', ['-p', root]);
await bundle([join(root, 'src/demo/pageText.ts')], join(root, 'dist/src/demo'), { entryNames: '[name].bundle' });
assemblePackage(root);
