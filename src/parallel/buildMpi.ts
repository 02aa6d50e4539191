import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { addonHeaders } from '../backend/native/build/toolchain.js';
import { engineFolders, nodeApi, type EnginePlace } from '../backend/native/engineFolders.js';
import { ColdstartError } from '../errors.js';
import { packageFolder } from '../package.js';
import { makeFolder } from '../storage/makeFolder.js';
import { mpiFile } from './mpiFiles.js';

/** MPI's own C++ compiler. MPICXX names another one. */
export const mpiCompiler = (env: NodeJS.ProcessEnv = process.env): string => env['MPICXX'] || 'mpicxx';

/** What to install. */
export const installMpi = 'Debian and Ubuntu: apt-get install libopenmpi-dev openmpi-bin';

/** The first line that MPI's compiler says of itself; undefined if there is no MPI to build with. */
export function findMpi(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const { status, stdout } = spawnSync(mpiCompiler(env), ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n')[0] : undefined;
}

/**
 * Compiles native/mpi unless the addon is newer than its source. The addon appears whole.
 *
 * @returns its path and whether it was compiled
 * @throws ColdstartError code NATIVE_BUILD if there is no MPI, or it did not compile; the compiler's own words are on standard error
 */
export function buildMpi({ packageFolder: root = packageFolder, env = process.env }: EnginePlace = {}): {
  path: string;
  compiled: boolean;
} {
  const compiler = mpiCompiler(env);
  if (findMpi(env) === undefined)
    throw new ColdstartError(
      'NATIVE_BUILD',
      `the addon for MPI was not built: "${compiler}" does not run. Install an MPI (${installMpi}), or name its C++ compiler in MPICXX.`,
    );
  const [folder] = engineFolders({ packageFolder: root, env });
  makeFolder(folder);
  const source = join(root, 'native/mpi/world.cpp');
  const path = join(folder, mpiFile);
  if (existsSync(path) && statSync(path).mtimeMs > statSync(source).mtimeMs) return { path, compiled: false };
  const own = `${path}.${process.pid}`;
  const flags = [
    '-std=c++17',
    '-O2',
    '-fPIC',
    '-shared',
    '-fvisibility=hidden',
    '-Wall',
    '-Wextra',
    '-DNAPI_CPP_EXCEPTIONS',
  ];
  const names = [`-DNAPI_VERSION=${nodeApi}`, '-DNODE_GYP_MODULE_NAME=coldstart_mpi'];
  const headers = addonHeaders().map((one) => `-I${one}`);
  const system = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : [];
  const { status } = spawnSync(compiler, [...flags, ...system, ...names, ...headers, source, '-o', own], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) {
    rmSync(own, { force: true });
    throw new ColdstartError('NATIVE_BUILD', `the addon for MPI was not built: ${source} did not compile (see above).`);
  }
  renameSync(own, path);
  return { path, compiled: true };
}
