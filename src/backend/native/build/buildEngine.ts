import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { packageFolder } from '../../../package.js';
import { writeFileAtomic } from '../../../storage/atomicFile.js';
import { makeFolder } from '../../../storage/makeFolder.js';
import { engineFile, engineFolders, nodeApi, type EnginePlace } from '../engineFolders.js';
import { addonHeaders, findToolchain, notBuilt, type Toolchain, type ToolchainOptions } from './toolchain.js';

export interface BuildResult {
  /** The engine. */
  readonly path: string;
  readonly toolchain: Toolchain;
  /** Files that were compiled; 0 if nothing had changed. */
  readonly compiled: number;
}

/** One source and one instruction set. */
interface Job {
  readonly source: string;
  readonly object: string;
  readonly flags: readonly string[];
}

/**
 * Compiles changed sources, with one compiler process per core, and links the engine. The engine file appears whole; a
 * running process keeps the engine it loaded.
 *
 * @param onCompile receives the name of each file before it is compiled, its number from 1, and how many there are
 * @throws ColdstartError code NATIVE_BUILD saying what to install or what failed; the compiler's own words are on
 * standard error
 */
export async function buildEngine(
  { packageFolder: root = packageFolder, ...options }: EnginePlace & ToolchainOptions,
  onCompile: (name: string, number: number, count: number) => void,
): Promise<BuildResult> {
  const toolchain = findToolchain(options);
  const [folder] = engineFolders({ packageFolder: root, env: options.env });
  makeFolder(folder);
  const native = join(root, 'native');
  const jobs = jobsOf(native, toolchain);
  const common = commonFlags(toolchain);
  const { compilerVersion } = toolchain;
  const commands = Object.fromEntries(jobs.map(({ object, flags }) => [object, [compilerVersion, ...common, ...flags]]));
  const before = forgetOtherCommands(folder, commands);
  const stale = jobs.filter(({ source, object }) => isStale(join(folder, object), join(native, source)));
  const waiting = [...stale];
  let failed: string | undefined;
  const compileNext = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined && failed === undefined; job = waiting.shift()) {
      const { source, object, flags } = job;
      onCompile(object.replace('.o', ''), stale.length - waiting.length, stale.length);
      const target = join(folder, object);
      const own = `${target}.${process.pid}`;
      const command = [...common, ...flags, '-MMD', '-MF', target.replace(/\.o$/, '.d'), '-MT', target];
      if (await runs(toolchain.compiler, [...command, '-c', join(native, source), '-o', own])) renameSync(own, target);
      else {
        rmSync(own, { force: true });
        failed ??= source;
      }
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, compileNext));
  if (failed !== undefined) throw notBuilt(`${failed} did not compile (see above).`);
  const path = join(folder, engineFile);
  const objects = jobs.map(({ object }) => join(folder, object));
  const system = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : [];
  const link = ['-shared', '-fopenmp', ...system, ...objects, ...toolchain.link, '-ldnnl'];
  const isLinked = existsSync(path) && JSON.stringify(before[engineFile]) === JSON.stringify(link);
  // by age: an earlier build may have compiled and then failed to link
  if (!isLinked || objects.some((object) => statSync(object).mtimeMs > statSync(path).mtimeMs)) {
    const own = `${path}.${process.pid}`;
    if (!(await runs(toolchain.compiler, [...link, '-o', own]))) {
      rmSync(own, { force: true });
      throw notBuilt('linking failed (see above).');
    }
    renameSync(own, path);
    writeFileAtomic(join(folder, recordName), JSON.stringify({ ...commands, [engineFile]: link }));
  }
  return { path, toolchain, compiled: stale.length };
}

function commonFlags({ isClang }: Toolchain): string[] {
  return [
    '-std=c++17',
    '-O3',
    '-fPIC',
    '-fopenmp',
    '-fvisibility=hidden',
    '-Wall',
    '-Wextra',
    '-Werror=return-type',
    '-Wno-psabi',
    isClang ? '-Wno-pass-failed' : '-Wno-maybe-uninitialized',
    // these two flags change no result: nothing reads errno, and floating-point traps are off
    '-fno-math-errno',
    '-fno-trapping-math',
  ];
}

/** The sets that native/kernels is compiled for, one namespace each; the engine picks one when it is loaded. */
function instructionSets(): Readonly<Record<string, readonly string[]>> {
  if (process.arch !== 'x64') return { baseline: [] };
  return {
    baseline: [],
    avx2: ['-march=x86-64-v3'],
    avx512: ['-march=x86-64-v4', '-mprefer-vector-width=512'],
  };
}

function jobsOf(native: string, { include, oneDnnVersion }: Toolchain): Job[] {
  const sources = (dir: string): string[] =>
    readdirSync(join(native, dir))
      .filter((name) => name.endsWith('.cpp'))
      .map((name) => join(dir, name));
  const object = (source: string, suffix = ''): string => source.replaceAll(/[\\/]/g, '-').replace('.cpp', `${suffix}.o`);
  const addon = [
    ...addonHeaders().map((folder) => `-I${folder}`),
    ...include,
    '-DNAPI_CPP_EXCEPTIONS',
    `-DNAPI_VERSION=${nodeApi}`,
    '-DNODE_GYP_MODULE_NAME=coldstart',
    // puts oneDNN's version into the command, so that another version compiles again
    `-DCOLDSTART_ONEDNN="${oneDnnVersion}"`,
  ];
  return [
    ...[...sources('.'), ...sources('onednn')].map((source) => ({ source, object: object(source), flags: addon })),
    ...Object.entries(instructionSets()).flatMap(([name, flags]) =>
      sources('kernels').map((source) => ({
        source,
        object: object(source, `-${name}`),
        flags: [...flags, `-DCOLDSTART_INSTRUCTION_SET=${name}`],
      })),
    ),
  ];
}

/** The commands that made the files of a folder, by the files' names. */
type Commands = Readonly<Record<string, unknown>>;
const recordName = 'commands.json';

/**
 * Removes the objects that were compiled by other commands, and records the commands before they run. @returns the
 * earlier commands
 */
function forgetOtherCommands(folder: string, commands: Commands): Commands {
  const path = join(folder, recordName);
  const before = readCommands(path);
  for (const [name, command] of Object.entries(commands))
    if (JSON.stringify(before[name]) !== JSON.stringify(command)) rmSync(join(folder, name), { force: true });
  writeFileAtomic(path, JSON.stringify({ ...before, ...commands }));
  return before;
}

/** The record of an earlier build; empty if the file is not whole. */
function readCommands(path: string): Commands {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) ?? {}) as Commands;
  } catch {
    return {};
  }
}

/**
 * Whether the object is older than its source or a header it includes, or was compiled from another folder's source.
 */
function isStale(object: string, source: string): boolean {
  const dependencies = object.replace(/\.o$/, '.d');
  if (!existsSync(object) || !existsSync(dependencies)) return true;
  const made = statSync(object).mtimeMs;
  const files = readFileSync(dependencies, 'utf8').replaceAll('\\\n', ' ').split(/\s+/).slice(1).filter(Boolean);
  return !files.includes(source) || files.some((file) => !existsSync(file) || statSync(file).mtimeMs > made);
}

/** Whether the program ended well; what it prints goes to standard error. */
function runs(program: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 2, 2] });
    child.on('error', () => resolve(false));
    child.on('close', (status) => resolve(status === 0));
  });
}
