import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { ColdstartError } from '../../../errors.js';

/** A compiler and a oneDNN that the engine can be built with. */
export interface Toolchain {
  readonly compiler: string;
  /** "g++ (Debian 12.2.0-14) 12.2.0" */
  readonly compilerVersion: string;
  readonly isClang: boolean;
  /** "3.2" */
  readonly oneDnnVersion: string;
  /** Flags that find the headers of oneDNN. */
  readonly include: readonly string[];
  /** Flags that find its library, when linking and when the engine is loaded. */
  readonly link: readonly string[];
}

export interface ToolchainOptions {
  /** Default: CXX, or the first of g++ and clang++ that is installed. */
  readonly compiler?: string;
  /**
   * Folder with include/ and lib/. Default: ONEDNN_ROOT, or where the compiler looks, or the active conda environment.
   */
  readonly oneDnn?: string;
  readonly env?: NodeJS.ProcessEnv;
}

const install = 'Debian and Ubuntu: apt-get install g++ libdnnl-dev';

/** Returns the ColdstartError, code NATIVE_BUILD, for this reason; does not throw it. */
export function notBuilt(reason: string): ColdstartError {
  return new ColdstartError('NATIVE_BUILD', `the native engine was not built: ${reason}`);
}

/** @throws ColdstartError code NATIVE_BUILD: what is missing or too old, what was found, and what to install */
export function findToolchain({ compiler, oneDnn, env = process.env }: ToolchainOptions = {}): Toolchain {
  const { named, versionLine } = findCompiler(compiler ?? (env['CXX'] || undefined));
  const isClang = preprocess(named, '#ifndef __clang__\n#error\n#endif\n') !== undefined;
  if (isClang) checkClang(named, versionLine);
  else if (preprocess(named, '#if __GNUC__ < 11\n#error\n#endif\n') === undefined)
    throw notBuilt(
      `it needs GCC 11 or clang 14, or later ones, and "${named}" is ${versionLine}. Install a newer one, or name another: CXX=g++-12.`,
    );
  const root = oneDnn ?? (env['ONEDNN_ROOT'] || undefined);
  const folder = root === undefined ? unnamedOneDnn(named, env) : resolve(root);
  const include = folder === undefined ? [] : [`-I${join(folder, 'include')}`];
  return {
    compiler: named,
    compilerVersion: versionLine,
    isClang,
    oneDnnVersion: checkOneDnn(named, include, root),
    include,
    link: folder === undefined ? [] : libraryFlags(folder),
  };
}

/** The folders of node-addon-api's headers and of Node-API's own, wherever npm put these packages. */
export function addonHeaders(): string[] {
  const require = createRequire(import.meta.url);
  const headers = ['node-addon-api', 'node-api-headers'].map((name) => {
    try {
      return resolve((require(name) as { include_dir: string }).include_dir);
    } catch (cause) {
      throw notBuilt(`the package ${name} is not installed (${(cause as Error).message.split('\n')[0]}). Run "npm install".`);
    }
  });
  return headers;
}

function findCompiler(wanted: string | undefined): { named: string; versionLine: string } {
  for (const named of wanted === undefined ? ['g++', 'clang++'] : [wanted]) {
    const { status, stdout } = spawnSync(named, ['--version'], { encoding: 'utf8' });
    if (status === 0) return { named, versionLine: stdout.split('\n')[0] };
  }
  throw notBuilt(
    wanted === undefined
      ? `neither g++ nor clang++ was found. Install one (${install}).`
      : `the compiler "${wanted}" does not run. Install it, or name another with --compiler or in CXX.`,
  );
}

function checkClang(compiler: string, versionLine: string): void {
  if (preprocess(compiler, '#if __clang_major__ < 14\n#error\n#endif\n') === undefined)
    throw notBuilt(`it needs clang 14 or later, and "${compiler}" is ${versionLine}. Install a newer one, or use g++.`);
  if (preprocess(compiler, '#include <omp.h>\n', ['-fopenmp']) === undefined)
    throw notBuilt(
      `"${compiler}" has no OpenMP: omp.h was not found. Install LLVM's (Debian and Ubuntu: apt-get install libomp-dev), or use g++.`,
    );
}

/** The folder of oneDNN if the user named none; undefined: the compiler's default places. */
function unnamedOneDnn(compiler: string, env: NodeJS.ProcessEnv): string | undefined {
  const conda = env['CONDA_PREFIX'];
  const isInConda = conda !== undefined && existsSync(join(conda, 'include/dnnl.hpp'));
  return isInConda && preprocess(compiler, '#include <dnnl.hpp>\n') === undefined ? conda : undefined;
}

/** @returns its version, e.g. "2.6" */
function checkOneDnn(compiler: string, include: readonly string[], root: string | undefined): string {
  const where = root === undefined ? '' : ` in ${join(root, 'include')}`;
  // the compiler would continue to search the system's folders
  const isNamedEmpty = root !== undefined && !existsSync(join(root, 'include/dnnl.hpp'));
  if (isNamedEmpty || preprocess(compiler, '#include <dnnl.hpp>\n', include) === undefined)
    throw notBuilt(
      `oneDNN's headers were not found${where}. Install them (${install}), or name the folder that has include/dnnl.hpp with --onednn or in ONEDNN_ROOT.`,
    );
  const text = preprocess(
    compiler,
    '#include <dnnl_version.h>\n#include <dnnl_config.h>\n' +
      'oneDNN DNNL_VERSION_MAJOR DNNL_VERSION_MINOR threads DNNL_CPU_THREADING_RUNTIME\n',
    include,
  );
  const [, major, minor, runtime] = /oneDNN (\d+) (\d+) threads (\d+)/.exec(text ?? '') ?? [];
  const found = major === undefined ? 'of an unknown version' : `${major}.${minor}`;
  if (major !== '2' && major !== '3')
    throw notBuilt(`it needs oneDNN 2 or 3, and the one found${where} is ${found}. Name another folder with --onednn.`);
  if (runtime !== openMp)
    throw notBuilt(
      `it needs a oneDNN whose threads are OpenMP's, as the engine's are, and the one found${where} (${found}) was built for ${runtimes[runtime] ?? 'others'}. ` +
        `Take Debian's or Ubuntu's libdnnl-dev, or PyPI's onednn-devel-cpu-gomp.`,
    );
  return found;
}

/** DNNL_CPU_THREADING_RUNTIME in oneDNN's dnnl_config.h. */
const openMp = '2';
const runtimes: Readonly<Record<string, string>> = { '1': 'one thread', '4': 'TBB', '8': 'a thread pool' };

/** Distributions put libraries into lib, lib64 or a folder named after the processor in lib. */
function libraryFlags(folder: string): string[] {
  const lib = join(folder, 'lib');
  const inside = existsSync(lib) ? readdirSync(lib, { withFileTypes: true }).filter((entry) => entry.isDirectory()) : [];
  const candidates = [lib, join(folder, 'lib64'), ...inside.map(({ name }) => join(lib, name))];
  const found = candidates.find((dir) => existsSync(dir) && readdirSync(dir).some((name) => /^libdnnl\.(so|dylib)$/.test(name)));
  if (found === undefined)
    throw notBuilt(`${folder} has oneDNN's headers, but its library (libdnnl.so) was not found in ${candidates.slice(0, 2).join(' or ')}.`);
  return [`-L${found}`, `-Wl,-rpath,${found}`];
}

/** The preprocessed source; undefined if the compiler refuses the source or a flag. */
function preprocess(compiler: string, source: string, flags: readonly string[] = []): string | undefined {
  const { status, stdout } = spawnSync(compiler, [...flags, '-x', 'c++', '-E', '-P', '-'], {
    input: source,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return status === 0 ? stdout : undefined;
}
