import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('main.js', import.meta.url));

function bench(...args: string[]): Record<string, number | string> {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'bench', ...args, '--json'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Record<string, number | string>;
}

test('bench prints consistent rates', () => {
  const size = ['--backend', 'wasm', '--sentences', '3', '--length', '5', '--repeats', '1'];
  const train = bench('train', ...size);
  assert.equal(train.parameters, 2_579_456); // as the PyTorch peer counts
  assert.ok(Math.abs(Number(train.target_tokens_per_s) * Number(train.s_per_step) - 15) < 0.1);
  assert.ok(Math.abs(Number(train.gflops) - Number(train.share_of_matmul) * Number(train.matmul_gflops)) < 0.1);
  const translate = bench('translate', ...size, '--beam', '2');
  assert.ok(Math.abs(Number(translate.sentences_per_s) * Number(translate.s_per_step) - 3) < 0.1);
  assert.ok(Number(translate.peak_memory_mb) > 20);
});
