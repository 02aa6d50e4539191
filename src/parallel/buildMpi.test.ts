import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { buildMpi } from './buildMpi.js';

const root = mkdtempSync(join(tmpdir(), 'coldstart-build-mpi-'));
after(() => rmSync(root, { recursive: true }));

/** Replaces mpicxx: "-show" prints what it calls, and what it compiles says which MPI it is of. */
function compilerOf(mpi: string): string {
  const path = join(root, mpi);
  const script = `#!/bin/sh
case "$1" in
  --version) echo 'g++ 12.2.0'; exit ;;
  -show) echo 'g++ -I/opt/${mpi}/include'; exit ;;
esac
while [ $# -gt 1 ]; do shift; done
echo ${mpi} > "$1"
`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return path;
}

test('the addon is compiled again for another MPI and for other sources, and only then', () => {
  const source = join(root, 'native/mpi/world.cpp');
  mkdirSync(join(root, 'native/mpi'), { recursive: true });
  writeFileSync(source, '');
  const past = new Date(Date.now() - 60_000);
  utimesSync(source, past, past);
  const build = (mpi: string): [boolean, string] => {
    const { compiled, path } = buildMpi({ packageFolder: root, env: { ...process.env, MPICXX: compilerOf(mpi) } });
    return [compiled, readFileSync(path, 'utf8').trim()];
  };
  assert.deepEqual(build('openmpi'), [true, 'openmpi']);
  assert.deepEqual(build('openmpi'), [false, 'openmpi']);
  assert.deepEqual(build('mpich'), [true, 'mpich']);
  assert.deepEqual(build('mpich'), [false, 'mpich']);
  const future = new Date(Date.now() + 60_000);
  utimesSync(source, future, future);
  assert.deepEqual(build('mpich'), [true, 'mpich']);
});
