import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAddonBuilt } from './addon.js';

/** Runs node with this as the largest instruction set that the addon may use. */
function runWith(instructionSet: string, args: readonly string[]): { status: number | null; output: string } {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // otherwise it would report to the runner of this test
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...env, COLDSTART_INSTRUCTION_SET: instructionSet },
  });
  return { status, output: stdout + stderr };
}

/** Code in vectors of the set's own width, and a few of the plain loops; not all of either, to save time. */
const suites = [
  ['fusedKernels.test.js'],
  ['../ops/decodingOps.test.js'],
  ['../ops/crossEntropyHessian.test.js'],
  ['linearBlocks.test.js', '--test-name-pattern=^600 x 33|^769 x 19|bf16, compared with float32: 600 x 33'],
  ['nativeKernels.test.js', '--test-name-pattern=elementary functions|^exp is|^sum over|^transpose'],
];

describe(
  'kernels compiled for fewer instructions than this processor has',
  { skip: isAddonBuilt() ? false : 'the native engine is not built' },
  () => {
    for (const instructionSet of ['avx2', 'baseline']) {
      test(instructionSet, (t) => {
        const asked = `console.log((await import(${JSON.stringify(new URL('loadNative.js', import.meta.url).href)})).nativeBackend().addon.info().instructionSet)`;
        const taken = runWith(instructionSet, ['--input-type=module', '--eval', asked]).output.trim();
        if (taken !== instructionSet && taken === 'baseline') return t.skip('this processor has no AVX2');
        assert.equal(taken, instructionSet);
        for (const [file, ...options] of suites) {
          const { status, output } = runWith(instructionSet, [
            '--test-reporter=tap',
            ...options,
            fileURLToPath(new URL(file, import.meta.url)),
          ]);
          assert.equal(status, 0, `${file}: ${output}`);
          assert.match(output, /^# pass [1-9]\d*$/m, file);
        }
      });
    }

    test('an unknown set is an error, and the fastest is not taken instead', () => {
      const load = `await (await import(${JSON.stringify(new URL('../select.js', import.meta.url).href)})).selectBackend('auto')`;
      const { status, output } = runWith('avx-2', ['--input-type=module', '--eval', load]);
      assert.notEqual(status, 0);
      assert.match(
        output,
        /Unknown instruction set "avx-2" in COLDSTART_INSTRUCTION_SET; expected avx512, avx2, baseline or nothing\. Did you mean avx2\?/,
      );
    });
  },
);
