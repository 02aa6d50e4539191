// Builds the native engine, native/build/coldstart.node, with g++ (11 or later) and oneDNN (2.x): `npm run build:native`.
// Only files that changed are compiled again. Exits with 1 and says what to install if something is missing.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const native = join(root, 'native');
const build = join(native, 'build');
const compiler = process.env.CXX || 'g++';

function giveUp(message) {
  console.error(`The native engine was not built: ${message}`);
  process.exit(1);
}

/** Node's own headers: beside the running binary, or where Debian puts them. */
function nodeHeaders() {
  const candidates = [
    join(dirname(process.execPath), '../include/node'),
    '/usr/include/node',
    '/usr/local/include/node',
  ];
  const found = candidates.find((dir) => existsSync(join(dir, 'node_api.h')));
  if (found === undefined)
    giveUp(`node_api.h was not found in ${candidates.join(', ')}. Install Node's headers (Debian: libnode-dev).`);
  return found;
}

/** What the compiler makes of a source before it compiles it; undefined if it refuses the source or a flag. */
function preprocess(source, flags = []) {
  const { status, stdout } = spawnSync(compiler, [...flags, '-x', 'c++', '-E', '-P', '-'], {
    input: source,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return status === 0 ? stdout : undefined;
}

/** The sets that kernels/ is compiled for, one namespace each; the addon picks one when it loads. */
const instructionSets = { baseline: [] };
if (process.arch === 'x64') {
  instructionSets.avx2 = ['-march=x86-64-v3'];
  instructionSets.avx512 = ['-march=x86-64-v4', '-mprefer-vector-width=512'];
}

const version = spawnSync(compiler, ['--version'], { encoding: 'utf8' });
if (version.status !== 0) giveUp(`"${compiler}" does not run. Install g++ (Debian: apt-get install g++).`);
// vectors of GCC's own, and -march by level
const isNewGcc = Object.values(instructionSets).every(
  (flags) => preprocess('#if defined(__clang__) || __GNUC__ < 11\n#error\n#endif\n', flags) !== undefined,
);
if (!isNewGcc)
  giveUp(
    `it needs GCC 11 or later, and "${compiler}" is ${version.stdout.split('\n')[0]}. Install a newer g++, or name one in CXX (CXX=g++-12).`,
  );
if (preprocess('#include <dnnl.hpp>\n') === undefined)
  giveUp("oneDNN's headers were not found. Install them (Debian: apt-get install libdnnl-dev).");
const [, major, minor] =
  /oneDNN (\d+) (\d+)/.exec(
    preprocess('#include <dnnl_version.h>\noneDNN DNNL_VERSION_MAJOR DNNL_VERSION_MINOR\n') ?? '',
  ) ?? [];
if (major !== '2')
  giveUp(
    `found oneDNN ${major === undefined ? 'of an unknown version' : `${major}.${minor}`}, needs 2.x (Debian 12 has 2.6).`,
  );
const napi = join(root, 'node_modules/node-addon-api');
if (!existsSync(join(napi, 'napi.h'))) giveUp('node-addon-api is missing from node_modules. Run "npm ci".');

const common = [
  '-std=c++17',
  '-O3',
  '-fPIC',
  '-fopenmp',
  '-fvisibility=hidden',
  '-Wall',
  '-Wextra',
  '-Werror=return-type',
  '-Wno-maybe-uninitialized',
  '-Wno-psabi',
  // neither changes a result: nobody reads errno, and floating-point traps are off
  '-fno-math-errno',
  '-fno-trapping-math',
];
const addonFlags = [
  `-I${nodeHeaders()}`,
  `-I${napi}`,
  '-DNAPI_CPP_EXCEPTIONS',
  '-DNAPI_VERSION=8',
  '-DNODE_GYP_MODULE_NAME=coldstart',
];

const sources = (dir) =>
  readdirSync(join(native, dir))
    .filter((name) => name.endsWith('.cpp'))
    .map((name) => join(dir, name));
const jobs = [];
for (const source of [...sources('.'), ...sources('onednn')])
  jobs.push({ source, object: source.replaceAll('/', '-').replace('.cpp', '.o'), flags: addonFlags });
for (const [name, flags] of Object.entries(instructionSets)) {
  for (const source of sources('kernels')) {
    jobs.push({
      source,
      object: source.replaceAll('/', '-').replace('.cpp', `-${name}.o`),
      flags: [...flags, `-DCOLDSTART_INSTRUCTION_SET=${name}`],
    });
  }
}

/** Whether the object is older than its source, a header it includes, or this script, or was compiled from another folder's source. */
function isStale(object, source) {
  const dependencies = object.replace(/\.o$/, '.d');
  if (!existsSync(object) || !existsSync(dependencies)) return true;
  const made = statSync(object).mtimeMs;
  const files = readFileSync(dependencies, 'utf8').replaceAll('\\\n', ' ').split(/\s+/).slice(1).filter(Boolean);
  return (
    !files.includes(source) ||
    [...files, fileURLToPath(import.meta.url)].some((file) => !existsSync(file) || statSync(file).mtimeMs > made)
  );
}

function compile({ source, object, flags }, place) {
  const target = join(build, object);
  const path = join(native, source);
  console.error(`native engine: compiling ${object.replace('.o', '')} (${place})`);
  const args = [...common, ...flags, '-MMD', '-c', path, '-o', target];
  return new Promise((resolve) => {
    spawn(compiler, args, { stdio: 'inherit' }).on('close', (status) => {
      if (status !== 0) {
        rmSync(target, { force: true });
        giveUp(`${source} did not compile (see above).`);
      }
      resolve();
    });
  });
}

mkdirSync(build, { recursive: true });
const waiting = jobs.filter(({ source, object }) => isStale(join(build, object), join(native, source)));
const numStale = waiting.length;
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift())
      await compile(job, `file ${numStale - waiting.length} of ${numStale}`);
  }),
);

const addon = join(build, 'coldstart.node');
const objects = jobs.map(({ object }) => join(build, object));
// by age: an earlier run may have compiled and then failed to link
if (!existsSync(addon) || objects.some((object) => statSync(object).mtimeMs > statSync(addon).mtimeMs)) {
  // linked beside its place and then renamed: a running process keeps the old one
  const fresh = `${addon}.${process.pid}`;
  const link = spawnSync(compiler, ['-shared', '-fopenmp', '-o', fresh, ...objects, '-ldnnl'], { stdio: 'inherit' });
  if (link.status !== 0) giveUp('linking failed (see above).');
  renameSync(fresh, addon);
}
