// Everything that is to be measured on a machine with a graphics card, in one run of about ten minutes: what the card
// is, the backend's tests on it, training and decoding for three architectures next to PyTorch on the same card, the
// programs of an update, and a short ablation.
//   node bench/gpu.mjs --python VENV/bin/python --out gpu.json
// Each step has a limit of time, and the file is written after each: what was measured is kept. Without PyTorch or a
// card it says so and continues; on a software GPU the numbers say nothing about a card. Needs a built checkout with its
// development dependencies (npm ci, npm run build).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseOptions } from './options.mjs';

const { values } = parseOptions({
  options: {
    python: { type: 'string', default: 'python3' },
    out: { type: 'string', default: 'gpu.json' },
    backend: { type: 'string', default: 'webgpu' },
    only: { type: 'string' }, // steps whose name holds this
    arch: { type: 'string', multiple: true, default: ['tiny', 'iwslt', 'base'] },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'dist/src/cli/main.js');
const peer = join(root, 'bench/peer/pytorch_transformer.py');
const scratch = mkdtempSync(join(tmpdir(), 'coldstart-gpu-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** Sentences and tokens of each side: tiny as on Multi30k; the larger ones 2,000 tokens, and as many as fill a card. */
const shapes = {
  tiny: [[256, 16]],
  iwslt: [
    [80, 25],
    [640, 25],
  ],
  base: [
    [80, 25],
    [640, 25],
  ],
};

/**
 * Vulkan finds drivers by descriptions in its folders. Containers often have NVIDIA's driver without its description,
 * or no loader: both are added here, for the processes that this script starts.
 */
function vulkanEnvironment() {
  const environment = { ...process.env };
  const known = spawnSync('ldconfig', ['-p'], { encoding: 'utf8' }).stdout ?? '';
  const described = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'].some(
    (folder) => existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.json')),
  );
  if (!described && !environment.VK_DRIVER_FILES && known.includes('libGLX_nvidia.so.0')) {
    environment.VK_DRIVER_FILES = join(scratch, 'nvidia_icd.json');
    writeFileSync(
      environment.VK_DRIVER_FILES,
      JSON.stringify({
        file_format_version: '1.0.1',
        ICD: { library_path: 'libGLX_nvidia.so.0', api_version: '1.3.277' },
      }),
    );
  }
  const unpacked = join(root, 'software-gpu/root/usr/lib');
  if (!known.includes('libvulkan.so.1') && existsSync(unpacked)) {
    const folder = readdirSync(unpacked).find((name) => existsSync(join(unpacked, name, 'libvulkan.so.1')));
    if (folder)
      environment.LD_LIBRARY_PATH = [environment.LD_LIBRARY_PATH, join(unpacked, folder)].filter(Boolean).join(':');
  }
  return environment;
}

const environment = vulkanEnvironment();
const results = { date: new Date().toISOString(), node: process.version, processor: cpus()[0]?.model, steps: {} };

/** Runs a command for at most `seconds`. @returns what `read` makes of its output, or why there is nothing */
function step(name, seconds, command, args, read = (text) => text.trim(), cwd = root) {
  if (values.only !== undefined && !name.includes(values.only)) return undefined;
  const started = performance.now();
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: environment,
    encoding: 'utf8',
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: 2 ** 28,
  });
  const took = Math.round((performance.now() - started) / 100) / 10;
  const failure =
    error?.code === 'ETIMEDOUT'
      ? `took more than ${seconds} s`
      : (error?.message ?? (signal ? `ended by ${signal}` : `exit status ${status}: ${stderr.trim().slice(-600)}`));
  let found = status === 0 ? { found: read(stdout) } : { failed: failure };
  if (status !== 0 && name === 'tests') found = { ...found, output: stdout.trim().split('\n').slice(-30).join('\n') };
  results.steps[name] = { ...found, seconds: took };
  writeFileSync(`${values.out}.part`, `${JSON.stringify(results, null, 2)}\n`);
  renameSync(`${values.out}.part`, values.out);
  console.log(`${name} (${took} s): ${JSON.stringify(results.steps[name].found ?? results.steps[name].failed)}`);
  return results.steps[name].found;
}

const lastJson = (text) => JSON.parse(text.trim().split('\n').at(-1));
const coldstart = (...args) => [process.execPath, [cli, ...args]];

step('card', 20, 'nvidia-smi', ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader']);
const [node, doctor] = coldstart('doctor');
const checks =
  step('doctor', 60, node, doctor) ?? spawnSync(node, doctor, { env: environment, encoding: 'utf8' }).stdout;
const hasMatrixUnits = /matrix units/.test(checks);
const torch = step('pytorch', 60, values.python, [
  '-c',
  'import torch; print(torch.__version__, torch.cuda.is_available())',
]);
const hasTorch = torch?.endsWith('True') ?? false;
const backend = ['--backend', values.backend];

for (const arch of values.arch) {
  for (const [sentences, length] of shapes[arch]) {
    const shape = ['--arch', arch, '--sentences', String(sentences), '--length', String(length)];
    const name = `train ${arch} ${sentences}x${length}`;
    const own = step(
      name,
      90,
      ...coldstart('bench', 'train', ...shape, ...backend, '--repeats', '5', '--json'),
      lastJson,
    );
    for (const kind of hasMatrixUnits ? ['f16', 'f16 without matrix units'] : ['f16']) {
      if (kind !== 'f16') environment.COLDSTART_MATRIX_UNITS = 'off';
      const ownF16 = step(
        `${kind} ${name}`,
        90,
        ...coldstart('bench', 'train', ...shape, ...backend, '--precision', 'f16', '--repeats', '5', '--json'),
        lastJson,
      );
      delete environment.COLDSTART_MATRIX_UNITS;
      if (own && ownF16)
        console.log(`  ${kind} / float32: ${(ownF16.target_tokens_per_s / own.target_tokens_per_s).toFixed(3)}`);
    }
    if (!hasTorch) continue;
    for (const precision of ['fp32', 'tf32', 'bf16']) {
      const args = [peer, ...shape, '--device', 'cuda', '--precision', precision, '--steps', '20', '--warmup', '5'];
      const theirs = step(`pytorch ${precision} ${name}`, 60, values.python, args, lastJson);
      if (own && theirs)
        console.log(
          `  coldstart / PyTorch ${precision}: ${(own.target_tokens_per_s / theirs.target_tokens_per_s).toFixed(3)}`,
        );
    }
  }
}
for (const arch of values.arch.filter((name) => name !== 'base'))
  step(`translate ${arch}`, 60, ...coldstart('bench', 'translate', '--arch', arch, ...backend, '--json'), lastJson);
// the tests choose the device that Dawn chooses
environment.COLDSTART_SOFTWARE_GPU = '1';
if (hasMatrixUnits) environment.COLDSTART_SOFTWARE_MATRIX_UNITS = '1';
const tests = readdirSync(join(root, 'dist/src/backend'), { recursive: true })
  .filter((name) => /(webgpu[\\/].*|ops[\\/].*)\.test\.js$/.test(name))
  .map((name) => join(root, 'dist/src/backend', name));
step('tests', 180, process.execPath, ['--test', ...tests], (text) => text.trim().split('\n').slice(-8).join('; '));
const arms = ['--set', 'ablation.arms=[warmup, no-warmup, cold]', '--set', 'ablation.seeds=[1]'];
step('quickstart', 240, ...coldstart('quickstart', '--set', `backend=${values.backend}`, ...arms), undefined, scratch);
console.log(`All numbers: ${values.out}`);
