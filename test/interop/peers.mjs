// Installs the programs that read exports: npm's into a folder, PyPI's into a virtual environment. No install script of
// a package runs.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { browserPath } from './browserPath.mjs';

export const npmPackages = ['@huggingface/transformers@4'];
export const pythonPackages = ['onnx', 'ctranslate2', 'tokenizers', 'transformers', 'torch'];

/** The last line of what a command that failed had to say. */
function failure({ status, error, stderr = '', stdout = '' }) {
  if (error) return error.message;
  return status === 0 ? undefined : ((stderr || stdout).trim().split('\n').at(-1) ?? `exit status ${status}`);
}

/**
 * Makes what is missing in a folder; what is there already is kept.
 * @returns the folder of npm's packages, the Python program, what is there by name, and why the rest is not
 */
export function installPeers(folder, { npm = join(folder, 'npm'), python } = {}) {
  const present = new Set();
  const missing = {};
  const note = (name, reason) => {
    if (reason === undefined) present.add(name);
    else missing[name] = reason;
  };

  const isThere = (spec) => existsSync(join(npm, 'node_modules', spec.replace(/(?<=.)@[^/@]*$/, '')));
  if (!npmPackages.every(isThere)) {
    mkdirSync(npm, { recursive: true });
    if (!existsSync(join(npm, 'package.json'))) writeFileSync(join(npm, 'package.json'), '{ "private": true }\n');
    const result = spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...npmPackages], {
      cwd: npm,
      encoding: 'utf8',
    });
    for (const spec of npmPackages)
      note(spec.replace(/(?<=.)@[^/@]*$/, ''), isThere(spec) ? undefined : failure(result));
  } else for (const spec of npmPackages) note(spec.replace(/(?<=.)@[^/@]*$/, ''), undefined);

  const program = python ?? join(folder, 'python', 'bin', 'python');
  if (!existsSync(program)) {
    const result = spawnSync('python3', ['-m', 'venv', join(folder, 'python')], { encoding: 'utf8' });
    if (!existsSync(program)) for (const name of pythonPackages) note(name, failure(result) ?? 'there is no python3');
  }
  if (existsSync(program))
    for (const name of pythonPackages) {
      const has = () => spawnSync(program, ['-c', `import ${name}`], { encoding: 'utf8' }).status === 0;
      if (has()) note(name, undefined);
      else {
        const result = spawnSync(program, ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', name], {
          encoding: 'utf8',
        });
        note(name, has() ? undefined : (failure(result) ?? 'it was installed and cannot be imported'));
      }
    }
  note('chromium', browserPath === undefined ? 'no Chromium here (Debian: apt-get install chromium)' : undefined);
  return { npm, python: program, present, missing };
}
