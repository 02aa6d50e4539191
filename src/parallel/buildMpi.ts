import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { addonHeaders } from '../backend/native/build/toolchain.js';
import { engineFolders, nodeApi, type EnginePlace } from '../backend/native/engineFolders.js';
import { ColdstartError } from '../errors.js';
import { packageFolder } from '../package.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import { makeFolder } from '../storage/makeFolder.js';
import { mpiFile } from './mpiFiles.js';

/** MPI's own C++ compiler. MPICXX names another one. */
const mpiCompiler = (env: NodeJS.ProcessEnv = process.env): string => env['MPICXX'] || 'mpicxx';

/** What to install. */
export const installMpi = 'Debian and Ubuntu: apt-get install libopenmpi-dev openmpi-bin';

/** The first line that MPI's compiler says of itself; undefined if there is no MPI to build with. */
export function findMpi(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const { status, stdout } = spawnSync(mpiCompiler(env), ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n')[0] : undefined;
}

/** Next to the addon: the command that built it, with the MPI of its compiler. */
const recordFile = 'coldstart-mpi.json';

/** The compiler and libraries that MPI's compiler calls; they differ between MPIs. */
const underlyingCommand = (compiler: string): string =>
  spawnSync(compiler, ['-show'], { encoding: 'utf8' }).stdout?.trim() ?? '';

/**
 * Compiles native/mpi unless the addon is newer than its source and was built by the same command with the same MPI.
 * The addon appears whole.
 *
 * @returns its path and whether it was compiled
 * @throws ColdstartError code NATIVE_BUILD if there is no MPI, or it did not compile; the compiler's own words are on
 * standard error
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
  const command = [...flags, ...system, ...names, ...headers, source];
  const recordPath = join(folder, recordFile);
  const record = JSON.stringify([compiler, underlyingCommand(compiler), findMpi(env), ...command]);
  const isBuilt = existsSync(path) && statSync(path).mtimeMs > statSync(source).mtimeMs;
  if (isBuilt && existsSync(recordPath) && readFileSync(recordPath, 'utf8') === record)
    return { path, compiled: false };
  rmSync(recordPath, { force: true });
  const { status } = spawnSync(compiler, [...command, '-o', own], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) {
    rmSync(own, { force: true });
    throw new ColdstartError('NATIVE_BUILD', `the addon for MPI was not built: ${source} did not compile (see above).`);
  }
  renameSync(own, path);
  writeFileAtomic(recordPath, record);
  return { path, compiled: true };
}
