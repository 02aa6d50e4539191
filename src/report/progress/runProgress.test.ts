import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunScores } from '../../run/runScores.js';
import { showRun } from './runProgress.js';

/** The lines that a run's scores are shown as. */
function linesOf(nll: number, status: RunScores['status'] = 'finished'): string[] {
  const lines: string[] = [];
  const best = { update: 40, epoch: 2, loss: nll + 1, nll, perplexity: Math.exp(nll) };
  const scores = { status, backend: 'wasm', updates: 40, epochs: 2, trgTokens: 9, trainSeconds: 1, initSeconds: 0 };
  showRun({ isTTY: false, write: (text: string) => lines.push(...text.trim().split('\n')) > 0 })({
    event: 'scores',
    ...scores,
    best,
    unigramNll: 5.25,
  });
  return lines;
}

test('a run that came out no better than token frequencies says so, and what to do', () => {
  assert.deepEqual(linesOf(5.25), [
    'stuck     the best validation (nll 5.250) is no better than token frequencies (5.250): lower train.lr, train for longer, or start with a warmup or GradInit',
  ]);
  assert.deepEqual(linesOf(5.249), []);
  assert.deepEqual(linesOf(9, 'diverged'), []); // its error says more
});
