import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../../../scripts/build-native.mjs', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'build-native-'));

/** Stands for g++: notes what it compiled or linked in `log`, and does what the environment says. */
const compiler = `#!/bin/sh
case " $* " in
  *' --version '*) echo "g++ (Test) \${GCC_VERSION:-12.2.0}"; exit ;;
  *' -E '*)
    source="$(cat)"
    case "$GCC_VERSION:$source" in ?*:*'__GNUC__ < 11'*) exit 1 ;; esac
    case "$source" in *DNNL_VERSION_MAJOR*) echo "oneDNN \${ONEDNN_VERSION:-2 6}" ;; esac
    exit ;;
  *' -shared '*) kind=link; objects=0 ;;
  *) kind=compile ;;
esac
echo $kind >> '${join(root, 'log')}'
[ $kind = link ] && [ -n "$LINK_FAILS" ] && exit 1
while [ $# -gt 0 ]; do
  case "$1" in
    -o) target="$2"; shift ;;
    -c) source="$2"; shift ;;
    *.o) objects=$((objects + 1)) ;;
  esac
  shift
done
if [ $kind = link ]; then printf '%s objects' $objects > "$target"; exit; fi
: > "$target"
printf '%s: \\\\\\n %s\\n' "$target" "$source" > "\${target%.o}.d"
`;

/** Builds in the folder; what was printed, and how often something was compiled and linked. */
function build(
  env: Record<string, string> = {},
  folder = 'project',
): { status: number | null; stderr: string; compiled: number; linked: number } {
  rmSync(join(root, 'log'), { force: true });
  const { status, stderr } = spawnSync(process.execPath, [join(root, folder, 'scripts/build-native.mjs')], {
    encoding: 'utf8',
    env: { ...process.env, CXX: join(root, 'g++'), ...env },
  });
  const log = existsSync(join(root, 'log')) ? readFileSync(join(root, 'log'), 'utf8').trim().split('\n') : [];
  return {
    status,
    stderr,
    compiled: log.filter((line) => line === 'compile').length,
    linked: log.filter((line) => line === 'link').length,
  };
}

const hasNodeHeaders = ['../include/node', '/usr/include/node', '/usr/local/include/node'].some((dir) =>
  existsSync(join(dir.startsWith('/') ? dir : join(dirname(process.execPath), dir), 'node_api.h')),
);

describe('npm run build:native', { skip: hasNodeHeaders ? false : "Node's headers are not installed" }, () => {
  const sources = ['native/addon.cpp', 'native/onednn/matMul.cpp', 'native/kernels/linear.cpp'];
  const addon = join(root, 'project/native/build/coldstart.node');
  const objects = process.arch === 'x64' ? 5 : 3;

  beforeEach(() => {
    rmSync(root, { recursive: true, force: true });
    for (const file of [...sources, 'node_modules/node-addon-api/napi.h']) {
      mkdirSync(dirname(join(root, 'project', file)), { recursive: true });
      writeFileSync(join(root, 'project', file), '');
    }
    cpSync(script, join(root, 'project/scripts/build-native.mjs'));
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
      assert.match(line, new RegExp(`^native engine: compiling \\S+ \\(file ${i + 1} of ${objects}\\)$`)),
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

  test('says which oneDNN and which compiler it needs', () => {
    const newer = build({ ONEDNN_VERSION: '3 1' });
    assert.deepEqual([newer.status, newer.compiled], [1, 0]);
    assert.match(newer.stderr, /was not built: found oneDNN 3\.1, needs 2\.x/);
    const older = build({ GCC_VERSION: '10.2.1' });
    assert.deepEqual([older.status, older.compiled], [1, 0]);
    assert.match(older.stderr, /was not built: it needs GCC 11 or later, and ".*" is g\+\+ \(Test\) 10\.2\.1/);
  });
});
