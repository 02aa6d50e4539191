// The upper limit of a float32 training step's speed on this machine, as a multiple of PyTorch's: a step that does only
// the multiply-adds of its matrix products, at the peak rate of the registers. Peak and peer alternate; medians.
//   node bench/arithmeticLimit.mjs --arch tiny --pairs 5
// Needs g++, and a Python with torch (bench/comparePyTorch.mjs).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseOptions } from './options.mjs';
import { benchmarkModel } from '../dist/src/benchmark/benchmarks.js';
import { trainingFlops } from '../dist/src/model/trainingFlops.js';
import { median } from './commandTime.mjs';
import { mallocSettings } from './peerSettings.mjs';

const { values } = parseOptions({
  options: {
    peer: {
      type: 'string',
      default: fileURLToPath(new URL('peer/pytorch_transformer.py', import.meta.url)),
    },
    python: { type: 'string', default: '/usr/bin/python3' },
    arch: { type: 'string', default: 'tiny' },
    sentences: { type: 'string' },
    length: { type: 'string' },
    pairs: { type: 'string', default: '5' },
  },
});
const [sentences, length] = values.arch === 'tiny' ? [256, 16] : [80, 25];
const shape = {
  numSentences: Number(values.sentences ?? sentences),
  srcLength: Number(values.length ?? length),
  trgLength: Number(values.length ?? length),
};
const flopsPerToken = trainingFlops(benchmarkModel(values.arch), shape) / (shape.numSentences * shape.trgLength);

const folder = mkdtempSync(join(tmpdir(), 'coldstart-peak-'));
try {
  const program = join(folder, 'peakRate');
  execFileSync(process.env.CXX || 'g++', [
    '-O3',
    '-march=native',
    '-ffp-contract=fast',
    '-fopenmp',
    '-o',
    program,
    fileURLToPath(new URL('peakRate.cpp', import.meta.url)),
  ]);
  const rows = [];
  for (let i = 0; i < Number(values.pairs); i++) {
    const peak = Number(execFileSync(program, { encoding: 'utf8' }));
    const printed = execFileSync(
      values.python,
      [
        values.peer,
        '--arch',
        values.arch,
        '--sentences',
        String(shape.numSentences),
        '--length',
        String(shape.trgLength),
        '--steps',
        '3',
      ],
      { encoding: 'utf8', env: { ...process.env, ...mallocSettings } },
    );
    const peer = JSON.parse(printed.trim().split('\n').at(-1)).target_tokens_per_s;
    rows.push({
      peakGflops: peak,
      peer,
      mostTokensPerSecond: (peak * 1e9) / flopsPerToken,
      mostRatio: (peak * 1e9) / flopsPerToken / peer,
    });
    console.log(JSON.stringify(rows.at(-1)));
  }
  const of = (key, digits) => +median(rows.map((row) => row[key])).toFixed(digits);
  console.log(
    JSON.stringify({
      arch: values.arch,
      gflopPerStep: +((flopsPerToken * shape.numSentences * shape.trgLength) / 1e9).toFixed(1),
      peakGflops: of('peakGflops', 1),
      peer: of('peer', 0),
      mostTokensPerSecond: of('mostTokensPerSecond', 0),
      mostRatio: of('mostRatio', 2),
    }),
  );
} finally {
  rmSync(folder, { recursive: true });
}
