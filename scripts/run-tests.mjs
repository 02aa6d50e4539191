// Runs the compiled tests with Node's own runner: `npm test`, or `npm test -- name` for files whose path holds `name`.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const wanted = process.argv.slice(2);

function testFiles(dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return testFiles(path);
    return entry.name.endsWith('.test.js') ? [path] : [];
  });
}

if (!existsSync(join(root, 'dist'))) {
  console.error('Nothing is built yet (no dist/). Run "npm run build" first.');
  process.exit(1);
}
const files = testFiles(join(root, 'dist')).filter(
  (path) => wanted.length === 0 || wanted.some((name) => relative(root, path).includes(name)),
);
if (files.length === 0) {
  console.error(`No test file matches ${wanted.join(', ')}.`);
  process.exit(1);
}
// Test files run side by side, one per core: threads of their own would only wait for each other. Tests of threads ask for them.
const env = { ...process.env, OMP_NUM_THREADS: process.env.OMP_NUM_THREADS ?? '1' };
const result = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], {
  cwd: root,
  stdio: 'inherit',
  env,
});
process.exit(result.status ?? 1);
