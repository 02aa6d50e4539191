// Runs before `npm pack` and `npm publish`: installs what the build needs if a fresh clone lacks it, and builds.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

function run(program, args) {
  // standard output belongs to npm pack, which prints the name of the file there
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(join(root, 'node_modules/typescript')))
  run('npm', ['ci', '--ignore-scripts', '--no-progress', '--loglevel=error']);
run(process.execPath, [join(root, 'scripts/build.mjs')]);
