import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAddonBuilt } from './addon.js';

/** Runs node where the addon may take this instruction set at most. */
function runWith(instructionSet: string, args: readonly string[]): { status: number | null; output: string } {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // or it would report to the runner of this test
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...env, COLDSTART_INSTRUCTION_SET: instructionSet } });
  return { status, output: stdout + stderr };
}

describe('training kernels compiled for fewer instructions than this processor has', { skip: isAddonBuilt() ? false : 'the native engine is not built' }, () => {
  for (const instructionSet of ['avx2', 'baseline']) {
    test(instructionSet, (t) => {
      const asked = `console.log((await import(${JSON.stringify(new URL('loadNative.js', import.meta.url).href)})).nativeBackend().addon.info().instructionSet)`;
      const taken = runWith(instructionSet, ['--input-type=module', '--eval', asked]).output.trim();
      if (taken !== instructionSet && taken === 'baseline') return t.skip('this processor has no AVX2');
      assert.equal(taken, instructionSet);
      const { status, output } = runWith(instructionSet, [fileURLToPath(new URL('fusedKernels.test.js', import.meta.url))]);
      assert.equal(status, 0, output);
      assert.match(output, /^# pass [1-9]\d*$/m);
    });
  }

  test('a set that does not exist is an error, not the fastest', () => {
    const load = `await (await import(${JSON.stringify(new URL('../select.js', import.meta.url).href)})).selectBackend('auto')`;
    const { status, output } = runWith('avx-2', ['--input-type=module', '--eval', load]);
    assert.notEqual(status, 0);
    assert.match(output, /Unknown instruction set "avx-2" in COLDSTART_INSTRUCTION_SET; expected avx512, avx2, baseline or nothing\. Did you mean avx2\?/);
  });
});
