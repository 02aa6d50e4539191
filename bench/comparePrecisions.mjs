// Training throughput in bf16 compared with float32: alternating pairs in one run, the median of their ratios.
//   node bench/comparePrecisions.mjs --arch tiny --sentences 256 --length 16 --pairs 5
// Ratios are of wall time, and of processor time, which is the steadier measure where other programs run.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseOptions } from './options.mjs';

const { values } = parseOptions({
  options: {
    arch: { type: 'string', default: 'tiny' },
    sentences: { type: 'string', default: '256' },
    length: { type: 'string', default: '16' },
    pairs: { type: 'string', default: '5' },
    repeats: { type: 'string', default: '5' },
  },
});
const cli = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));

function measure(precision) {
  const args = [
    cli,
    'bench',
    'train',
    '--backend',
    'native',
    '--precision',
    precision,
    '--arch',
    values.arch,
    '--sentences',
    values.sentences,
    '--length',
    values.length,
    '--repeats',
    values.repeats,
    '--json',
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) {
    console.error(stderr);
    process.exit(1);
  }
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

const pairs = [];
for (let i = 0; i < Number(values.pairs); i++) {
  const [fp32, bf16] = [measure('fp32'), measure('bf16')];
  pairs.push({
    fp32: fp32.target_tokens_per_s,
    bf16: bf16.target_tokens_per_s,
    ratio: bf16.target_tokens_per_s / fp32.target_tokens_per_s,
    cpuRatio: fp32.cpu_s_per_step / bf16.cpu_s_per_step,
    memoryRatio: bf16.peak_memory_mb / fp32.peak_memory_mb,
  });
  console.log(JSON.stringify(pairs.at(-1)));
}
const median = (key) => pairs.map((pair) => pair[key]).sort((a, b) => a - b)[Math.floor(pairs.length / 2)];
console.log(
  JSON.stringify({
    arch: values.arch,
    sentences: Number(values.sentences),
    length: Number(values.length),
    pairs: pairs.length,
    ratio: +median('ratio').toFixed(3),
    cpuRatio: +median('cpuRatio').toFixed(3),
    memoryRatio: +median('memoryRatio').toFixed(3),
  }),
);
