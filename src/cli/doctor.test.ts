import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installMpi } from '../parallel/buildMpi.js';
import { mpiLine } from './doctor.js';

test('doctor says whether several processes can train one model, and what to do if not', () => {
  const [compiler, addon] = ['/usr/bin/mpicxx', '/coldstart/native/build/coldstart-mpi.node'];
  assert.equal(
    mpiLine({ compiler, addon }, installMpi),
    'mpirun: the addon for MPI is built; several processes can train one model.',
  );
  assert.equal(
    mpiLine({ compiler, addon: null }, installMpi),
    'mpirun: MPI is installed; run "coldstart build-native" to build the addon for it.',
  );
  assert.equal(
    mpiLine({ compiler: null, addon: null }, installMpi),
    'mpirun: one process only. To train with several: Debian and Ubuntu: apt-get install libopenmpi-dev openmpi-bin, then "coldstart build-native".',
  );
});
