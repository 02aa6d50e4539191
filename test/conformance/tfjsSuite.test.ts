import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isAddonBuilt } from '../../src/backend/native/addon.js';

/** Tests of tfjs-core that this backend does not pass, each with the reason. */
const exclusions: readonly { name: string; reason: string }[] = [];

const program = fileURLToPath(new URL('./runTfjsSuite.js', import.meta.url));

test(
  "tfjs-core's own test suite passes on the native backend",
  { skip: isAddonBuilt() ? false : 'the native engine is not built' },
  (t) => {
    const run = spawnSync(process.execPath, [program], { encoding: 'utf8', timeout: 300_000, maxBuffer: 2 ** 28 });
    const last = run.stdout.trim().split('\n').pop() ?? '';
    assert.ok(last.startsWith('{'), `the suite did not finish (status ${run.status}): ${run.stderr.slice(-2000)}`);
    const { passed, skipped, failures } = JSON.parse(last) as {
      passed: number;
      skipped: number;
      failures: { name: string; message: string }[];
    };
    t.diagnostic(
      `tfjs-core's suite on native: ${passed} passed, ${failures.length} failed, of which ${exclusions.length} are known, ${skipped} are switched off by tfjs itself`,
    );
    const unexpected = failures.filter((failure) => !exclusions.some(({ name }) => name === failure.name));
    assert.deepEqual(unexpected, []);
    for (const { name } of exclusions)
      assert.ok(
        failures.some((failure) => failure.name === name),
        `"${name}" passes now: take it off the list of exclusions`,
      );
    assert.ok(passed > 4000, `only ${passed} tests ran`);
  },
);
