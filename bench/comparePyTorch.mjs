// Training throughput compared with PyTorch's: alternating pairs in one run, the median of their ratios.
//   node bench/comparePyTorch.mjs --arch tiny --backend wasm --pairs 5
// Without --sentences and --length: 256 x 16 tokens for tiny, 80 x 25 for the larger ones. The peer needs a Python with
// torch (Debian: python3-torch, libopenblas0; a newer one from PyPI is faster: --python VENV/bin/python); it is started
// with the malloc settings that are fastest for it.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseOptions } from './options.mjs';
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
    backend: { type: 'string', default: 'auto' },
    precision: { type: 'string', default: 'fp32' }, // or bf16, on both sides
    pairs: { type: 'string', default: '5' },
  },
});
const [sentences, length] = values.arch === 'tiny' ? [256, 16] : [80, 25];
values.sentences ??= String(sentences);
values.length ??= String(length);
const shape = [
  '--arch',
  values.arch,
  '--sentences',
  values.sentences,
  '--length',
  values.length,
  '--precision',
  values.precision,
];

function run(command, args, environment) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  });
  if (status !== 0) {
    console.error(`${command} ${args.join(' ')} failed:\n${stderr}`);
    process.exit(1);
  }
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

const cli = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const pairs = [];
for (let i = 0; i < Number(values.pairs); i++) {
  const ours = run(
    process.execPath,
    [cli, 'bench', 'train', ...shape, '--backend', values.backend, '--repeats', '7', '--json'],
    {},
  );
  const peer = run(values.python, [values.peer, ...shape, '--steps', '5'], mallocSettings);
  pairs.push({
    backend: ours.backend,
    pytorch: peer.version,
    ours: ours.target_tokens_per_s,
    peer: peer.target_tokens_per_s,
    ratio: ours.target_tokens_per_s / peer.target_tokens_per_s,
    memoryRatio: ours.peak_memory_mb / peer.peak_memory_mb,
    shareOfMatmul: ours.share_of_matmul,
  });
  console.log(JSON.stringify(pairs.at(-1)));
}
const median = (key) => pairs.map((pair) => pair[key]).sort((a, b) => a - b)[Math.floor(pairs.length / 2)];
console.log(
  JSON.stringify({
    pytorch: pairs[0].pytorch,
    arch: values.arch,
    precision: values.precision,
    sentences: Number(values.sentences),
    length: Number(values.length),
    pairs: pairs.length,
    ratio: +median('ratio').toFixed(3),
    memoryRatio: +median('memoryRatio').toFixed(3),
    shareOfMatmul: +median('shareOfMatmul').toFixed(3),
  }),
);
