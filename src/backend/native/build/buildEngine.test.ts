import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { version } from '../../../package.js';
import { builtEngine, engineFolders } from '../engineFolders.js';

const root = mkdtempSync(join(tmpdir(), 'build-native-'));
const builder = JSON.stringify(new URL('./buildEngine.js', import.meta.url).href);

/** Replaces g++: records in `log` what it compiled or linked, and does what the environment says. */
const compiler = `#!/bin/sh
case " $* " in
  *' --version '*) echo "g++ (Test) \${GCC_VERSION:-12.2.0} $GCC_NAME"; exit ;;
  *' -E '*)
    source="$(cat)"
    case "$source" in
      *'__clang_major__ < 14'*) [ "$CLANG_VERSION" -ge 14 ] || exit 1 ;;
      *'ifndef __clang__'*) [ -n "$CLANG_VERSION" ] || exit 1 ;;
      *'__GNUC__ < 11'*) [ -z "$GCC_VERSION" ] || exit 1 ;;
      *omp.h*) [ -z "$NO_OPENMP" ] || exit 1 ;;
      *DNNL_VERSION_MAJOR*) echo "oneDNN \${ONEDNN_VERSION:-2 6} threads \${ONEDNN_THREADS:-2}" ;;
      *dnnl.hpp*) case "$NO_ONEDNN: $*" in ?*:*) exit 1 ;; esac ;;
    esac
    exit ;;
  *' -shared '*) kind=link; objects=0 ;;
  *) kind=compile ;;
esac
echo $kind >> '${join(root, 'log')}'
printf '%s\\n' "$@" > '${join(root, 'lastArguments')}'
[ $kind = link ] && [ -n "$LINK_FAILS" ] && exit 1
while [ $# -gt 0 ]; do
  case "$1" in
    -o) target="$2"; shift ;;
    -c) source="$2"; shift ;;
    -MF) dependencies="$2"; shift ;;
    -MT) name="$2"; shift ;;
    *.o) objects=$((objects + 1)) ;;
  esac
  shift
done
if [ $kind = link ]; then printf '%s objects' $objects > "$target"; exit; fi
: > "$target"
printf '%s: \\\\\\n %s\\n' "$name" "$source" > "$dependencies"
`;

/** Builds in the folder. @returns the output, and the numbers of compilations and links */
function build(
  env: Record<string, string> = {},
  folder = 'project',
): { status: number | null; stderr: string; compiled: number; linked: number } {
  rmSync(join(root, 'log'), { force: true });
  const program = `
    const { buildEngine } = await import(${builder});
    const name = (file, number, count) => console.error(\`compiling \${file} \${number} of \${count}\`);
    await buildEngine({ packageFolder: ${JSON.stringify(join(root, folder))} }, name).catch((error) => {
      console.error(error.message);
      process.exit(error.code === 'NATIVE_BUILD' ? 1 : 3);
    });`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { ...process.env, ONEDNN_ROOT: '', CXX: join(root, 'g++'), ...env },
  });
  const log = existsSync(join(root, 'log')) ? readFileSync(join(root, 'log'), 'utf8').trim().split('\n') : [];
  return {
    status,
    stderr,
    compiled: log.filter((line) => line === 'compile').length,
    linked: log.filter((line) => line === 'link').length,
  };
}

describe('coldstart build-native', () => {
  const sources = ['native/addon.cpp', 'native/onednn/matMul.cpp', 'native/kernels/linear.cpp'];
  const addon = join(root, 'project/native/build/coldstart.node');
  const objects = process.arch === 'x64' ? 5 : 3;

  beforeEach(() => {
    rmSync(root, { recursive: true, force: true });
    for (const file of sources) {
      mkdirSync(dirname(join(root, 'project', file)), { recursive: true });
      writeFileSync(join(root, 'project', file), '');
    }
    writeFileSync(join(root, 'g++'), compiler);
    chmodSync(join(root, 'g++'), 0o755);
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  test('compiles what changed, and links after that', () => {
    const { stderr, ...first } = build();
    assert.deepEqual(first, { status: 0, compiled: objects, linked: 1 });
    const lines = stderr.trimEnd().split('\n');
    assert.equal(lines.length, objects);
    lines.forEach((line, i) =>
      assert.match(line, new RegExp(`^compiling \\S+ ${i + 1} of ${objects}$`)),
    );
    assert.equal(readFileSync(addon, 'utf8'), `${objects} objects`);
    assert.deepEqual(build(), { status: 0, stderr: '', compiled: 0, linked: 0 });
    const later = new Date(Date.now() + 10_000);
    utimesSync(join(root, 'project/native/addon.cpp'), later, later);
    const { compiled, linked } = build();
    assert.deepEqual([compiled, linked], [1, 1]);
  });

  test('links again after a link that failed', () => {
    build();
    writeFileSync(join(root, 'project/native/build/addon.d'), '');
    const failed = build({ LINK_FAILS: '1' });
    assert.deepEqual([failed.status, failed.compiled, failed.linked], [1, 1, 1]);
    assert.match(failed.stderr, /was not built: linking failed/);
    const again = build();
    assert.deepEqual([again.status, again.compiled, again.linked], [0, 0, 1]);
    assert.equal(build().linked, 0);
  });

  test('compiles again what was compiled in another folder', () => {
    build();
    cpSync(join(root, 'project'), join(root, 'copy'), { recursive: true, preserveTimestamps: true });
    assert.equal(build({}, 'copy').compiled, objects);
  });

  test('compiles again what was compiled with another compiler or another oneDNN', () => {
    build();
    assert.deepEqual([build().compiled, build().linked], [0, 0]);
    assert.equal(build({ GCC_NAME: 'another' }).compiled, objects);
    const ofOneDnn = 2; // the kernels do not use oneDNN
    assert.equal(build({ GCC_NAME: 'another', ONEDNN_VERSION: '3 2' }).compiled, ofOneDnn);
    const named = { GCC_NAME: 'another', ONEDNN_VERSION: '3 2', ONEDNN_ROOT: oneDnnFolder('lib') };
    assert.deepEqual([build(named).compiled, build(named).compiled], [ofOneDnn, 0]);
  });

  test('takes the oneDNN of a named folder, wherever the library is in that folder', () => {
    for (const lib of ['lib', 'lib64', 'lib/x86_64-linux-gnu']) {
      const named = oneDnnFolder(lib);
      assert.equal(build({ ONEDNN_ROOT: named }).status, 0);
      const flags = readFileSync(join(root, 'lastArguments'), 'utf8').split('\n');
      assert.ok(flags.includes(`-L${join(named, lib)}`) && flags.includes(`-Wl,-rpath,${join(named, lib)}`), `${flags}`);
    }
    const empty = oneDnnFolder('elsewhere');
    assert.match(build({ ONEDNN_ROOT: empty }).stderr, /has oneDNN's headers, but its library \(libdnnl\.so\) was not found in/);
    const conda = oneDnnFolder('lib');
    assert.equal(build({ CONDA_PREFIX: conda }).status, 0, 'the system has its own');
    assert.doesNotMatch(readFileSync(join(root, 'lastArguments'), 'utf8'), /rpath/);
  });

  test('a compiler that ends without a result leaves no files', () => {
    writeFileSync(join(root, 'g++'), compiler.replace('while [', '[ $kind = compile ] && exit 1\nwhile ['));
    const { status, stderr } = build();
    assert.equal(status, 1);
    assert.match(stderr, /the native engine was not built: \S+\.cpp did not compile \(see above\)\./);
    assert.deepEqual(readdirSync(dirname(addon)), ['commands.json']);
  });

  const refusals: [string, Record<string, string>, RegExp][] = [
    ['oneDNN 4', { ONEDNN_VERSION: '4 0' }, /it needs oneDNN 2 or 3, and the one found is 4\.0\./],
    ['TBB', { ONEDNN_VERSION: '3 13', ONEDNN_THREADS: '4' }, /whose threads are OpenMP's.* \(3\.13\) was built for TBB\./],
    ['no oneDNN', { NO_ONEDNN: '1' }, /oneDNN's headers were not found\. Install them \(Debian and Ubuntu: apt-get install g\+\+ libdnnl-dev\), or name/],
    ['no oneDNN where it was named, but the system has one', { ONEDNN_ROOT: '/none' }, /oneDNN's headers were not found in \/none\/include\. Install/],
    ['GCC 10', { GCC_VERSION: '10.2.1' }, /it needs GCC 11 or clang 14, or later ones, and ".*" is g\+\+ \(Test\) 10\.2\.1/],
    ['clang 13', { CLANG_VERSION: '13' }, /it needs clang 14 or later, and/],
    ['clang without OpenMP', { CLANG_VERSION: '15', NO_OPENMP: '1' }, /has no OpenMP: omp\.h was not found\. .*libomp-dev/],
    ['no compiler', { CXX: '/none/g++' }, /the compiler "\/none\/g\+\+" does not run\. Install it, or name another with --compiler or in CXX\./],
  ];
  for (const [name, env, message] of refusals) {
    test(`says what it needs: ${name}`, () => {
      const { status, compiled, stderr } = build(env);
      assert.match(stderr, message);
      assert.match(stderr, /^the native engine was not built: /);
      assert.deepEqual([status, compiled], [1, 0]);
    });
  }

  test('builds into the package if it can be written, else into the user\'s cache by version, system and processor', () => {
    const env = { XDG_CACHE_HOME: join(root, 'cache') };
    const name = `${version}-${process.platform}-${process.arch}-napi8`;
    const [own, cached] = [join(root, 'project/native/build'), join(root, 'cache/coldstart/native', name)];
    assert.deepEqual(engineFolders({ packageFolder: join(root, 'project'), env }), [own, cached]);
    const readOnly = { packageFolder: '/proc/self', env };
    assert.deepEqual(engineFolders(readOnly), [cached, '/proc/self/native/build']);
    assert.equal(builtEngine(readOnly), undefined);
    mkdirSync(cached, { recursive: true });
    writeFileSync(join(cached, 'coldstart.node'), '');
    assert.equal(builtEngine(readOnly), join(cached, 'coldstart.node'));
    assert.equal(builtEngine({ packageFolder: join(root, 'project'), env }), join(cached, 'coldstart.node'));
    build();
    assert.equal(builtEngine({ packageFolder: join(root, 'project'), env }), addon);
    assert.equal(engineFolders({ packageFolder: '/proc/self', env: {} })[0], join(homedir(), process.platform === 'darwin' ? 'Library/Caches' : '.cache', 'coldstart/native', name));
  });
});

/** A folder such as a distribution or a wheel unpacks oneDNN into. */
function oneDnnFolder(lib: string): string {
  const folder = mkdtempSync(join(root, 'onednn-'));
  mkdirSync(join(folder, 'include'));
  writeFileSync(join(folder, 'include/dnnl.hpp'), '');
  mkdirSync(join(folder, lib), { recursive: true });
  writeFileSync(join(folder, lib, 'libdnnl.so'), '');
  return folder;
}
