// How training scales over machines: compute and exchange measured, and a model of a step's time up to 256 machines.
//   node bench/scaling.mjs work                                  processor time of a batch, of the optimiser, and of copies, by model
//   mpirun -n 4 ... node bench/scaling.mjs sums [--arch tiny]    seconds to sum the gradients of an update over the processes
//   node bench/scaling.mjs hosts [--count 4]                     the same in network namespaces joined by links of 1 and 10 Gbit/s, as root
//   node bench/scaling.mjs table WORK.json                       the model, from what "work" printed
// "hosts" takes bench/link.cpp compiled in LINK (g++ -O2 -std=c++17 bench/link.cpp -o link; LINK=./link), since not
// every kernel has netem. Without LINK the kernel shapes the links (tbf), and their delay must be 0.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseOptions } from './options.mjs';
import { selectBackend } from '../dist/src/backend/select.js';
import { disposeParams } from '../dist/src/backend/autodiff/valueAndGradients.js';
import { benchmarkModel } from '../dist/src/benchmark/benchmarks.js';
import { numParameters, parameterShapes } from '../dist/src/model/parameters.js';
import { joinMpi } from '../dist/src/parallel/mpiWorld.js';
import { nodesOfProcesses, sumOverProcesses } from '../dist/src/parallel/sharedTensors.js';
import { allGatherJson } from '../dist/src/parallel/world.js';
import { trainingStep } from './trainingStep.mjs';

const { values, positionals } = parseOptions({
  allowPositionals: true,
  options: {
    arch: {
      type: 'string',
      multiple: true,
      default: ['tiny', 'iwslt', 'base'],
    },
    count: { type: 'string', default: '2' },
    repeats: { type: 'string', default: '5' },
    link: {
      type: 'string',
      multiple: true,
      default: ['1,1e-4', '1,1e-3', '10,1e-4', '10,1e-3'],
    },
    task: { type: 'string', default: 'sums' },
    cores: { type: 'string', default: '2' },
  },
});
const self = fileURLToPath(import.meta.url);
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
/** What sharedTensors.ts exchanges at a time, in elements. */
const atOnce = 2 ** 22;
/** Open MPI's own time for a message over TCP. */
const perMessage = 2e-5;
/** Of every batch, as training has it by default. */
const tokens = 4096;
/** Gbit/s of each machine, and seconds one way. */
const links = values.link.map((text) => {
  const [gigabits, delay] = text.split(',').map(Number);
  return { gigabits, delay };
});
const like = (arch) =>
  new Map(
    [...parameterShapes(benchmarkModel(arch))].map(([name, shape]) => [
      name,
      { shape, size: shape.reduce((a, b) => a * b, 1) },
    ]),
  );

const work = {
  work: measureWork,
  sums: measureSums,
  overlap: measureOverlap,
  hosts: measureHosts,
  table: printTable,
}[positionals[0]];
if (work === undefined) throw new Error('what to do: work, sums, overlap, hosts or table');
await work();

/** Processor seconds, which other programs disturb less than the clock; give OMP_NUM_THREADS=1. */
async function processorSeconds(run) {
  const seconds = [];
  for (let i = 0; i < Number(values.repeats); i++) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    seconds.push(1e-6 * (user + system));
  }
  return median(seconds);
}

async function measureWork() {
  await selectBackend('native');
  const found = {};
  for (const arch of values.arch) {
    const sentences = arch === 'tiny' ? 64 : 8; // fixed costs are the difference to twice as many
    const { step } = trainingStep({ arch, sentences, length: 16 });
    await step();
    const one = await processorSeconds(step);
    const { step: twice } = trainingStep({
      arch,
      sentences: 2 * sentences,
      length: 16,
    });
    await twice();
    const two = await processorSeconds(twice);
    const perToken = (two - one) / (16 * sentences);
    // one process that exchanges with itself: what remains of the sum are its copies
    const world = {
      rank: 0,
      size: 1,
      host: '',
      exchange: async (send, _, receive) => receive.set(send),
      allGather: async (own) => [own],
    };
    const count = numParameters(benchmarkModel(arch));
    const values0 = new Float32Array(count).fill(1);
    const copies = [];
    for (let i = 0; i < Number(values.repeats); i++) {
      const before = process.cpuUsage();
      disposeParams(await sumOverProcesses(world, 1, [values0], like(arch)));
      const { user, system } = process.cpuUsage(before);
      copies.push(1e-6 * (user + system));
    }
    found[arch] = {
      parameters: count,
      batch: perToken * tokens,
      optimizer: one - perToken * 16 * sentences,
      copies: median(copies),
    };
  }
  console.log(JSON.stringify(found));
}

/** Under mpirun: an update with one batch for each process. */
async function measureSums() {
  await selectBackend('native');
  const world = await joinMpi();
  for (const arch of values.arch) {
    const own = nodesOfProcesses(world, world.size)[world.rank].map(() =>
      new Float32Array(numParameters(benchmarkModel(arch))).fill(1),
    );
    const seconds = [];
    for (let i = 0; i <= Number(values.repeats); i++) {
      await allGatherJson(world, 0);
      const started = performance.now();
      disposeParams(await sumOverProcesses(world, world.size, own, like(arch)));
      if (i > 0) seconds.push((performance.now() - started) / 1000);
    }
    if (world.rank === 0)
      console.log(
        JSON.stringify({
          arch,
          processes: world.size,
          seconds: median(seconds),
          all: seconds,
        }),
      );
  }
  await world.finish();
}

/** Under mpirun: an exchange alone, training alone, and both at once. */
async function measureOverlap() {
  await selectBackend('native');
  const world = await joinMpi();
  const part = Math.floor(atOnce / world.size);
  const counts = new Array(world.size).fill(part);
  const [send, received] = [new Float32Array(part * world.size), new Float32Array(part * world.size)];
  const { step } = trainingStep({ arch: 'tiny', sentences: 32, length: 16 });
  const compute = async () => {
    for (let i = 0; i < 4; i++) await step();
  };
  await compute();
  const timed = async (run) => {
    await allGatherJson(world, 0);
    const started = performance.now();
    await run();
    return (performance.now() - started) / 1000;
  };
  const rounds = [];
  for (let i = 0; i < Number(values.repeats); i++)
    rounds.push([
      await timed(() => world.exchange(send, counts, received, counts)),
      await timed(compute),
      await timed(async () => {
        const exchanged = world.exchange(send, counts, received, counts);
        await compute();
        await exchanged;
      }),
    ]);
  const [exchange, training, both] = [0, 1, 2].map((what) => median(rounds.map((round) => round[what])));
  if (world.rank === 0)
    console.log(
      JSON.stringify({
        exchange,
        training,
        both,
        hidden: (exchange + training - both) / Math.min(exchange, training),
      }),
    );
  await world.finish();
}

function call(command, ...args) {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}
function ip(...args) {
  call('ip', ...args);
}

/** A device link0 in every namespace, whose packets bench/link.cpp carries. @returns what removes them */
async function linkByProgram(names, { gigabits, delay }) {
  const link = spawn(process.env.LINK, [String(gigabits * 1e9), String(delay), ...names]);
  await new Promise((resolve) => link.stdout.once('data', resolve));
  return async () => {
    link.kill();
    await new Promise((resolve) => link.once('close', resolve));
  };
}

/** A device link0 in every namespace, on one bridge; the kernel keeps each to its rate. @returns what removes them */
async function linkByKernel(names, { gigabits, delay }) {
  if (delay > 0)
    throw new Error('the kernel has no delays here: give --link GBIT,0, or a compiled bench/link.cpp in LINK');
  ip('link', 'add', 'coldstart0', 'type', 'bridge');
  ip('link', 'set', 'coldstart0', 'mtu', '65000', 'up');
  for (const name of names) {
    ip('link', 'add', name, 'mtu', '65000', 'type', 'veth', 'peer', 'name', 'link0', 'netns', name);
    ip('link', 'set', name, 'master', 'coldstart0', 'up');
    // a burst of a millisecond, and at least a packet
    const burst = Math.max(70_000, Math.round(1.25e5 * gigabits));
    const shape = ['tbf', 'rate', `${gigabits}gbit`, 'burst', String(burst), 'latency', '50ms'];
    call('tc', '-n', name, 'qdisc', 'add', 'dev', 'link0', 'root', ...shape);
  }
  return async () => {
    for (const name of [...names, 'coldstart0']) ip('link', 'del', name);
  };
}

/** Namespaces are machines with separate names and networks; mpirun reaches them through an agent instead of ssh. */
async function measureHosts() {
  const count = Number(values.count);
  const folder = mkdtempSync(join(tmpdir(), 'scaling-'));
  const names = Array.from({ length: count }, (_, i) => `coldstart${i + 1}`);
  const inHost = join(folder, 'in-host');
  const agent = join(folder, 'agent');
  writeFileSync(
    inHost,
    `#!/bin/sh\nhost=$1; shift\nexec ip netns exec $host unshare --uts sh -c "hostname $host; $*"\n`,
  );
  writeFileSync(agent, `#!/bin/sh\nhost=coldstart\${1##*.}; shift\nexec ${inHost} $host "$*"\n`);
  for (const script of [inHost, agent]) chmodSync(script, 0o755);
  try {
    names.forEach((name) => ip('netns', 'add', name));
    for (const { gigabits, delay } of links) {
      const removeLink = await (process.env.LINK ? linkByProgram : linkByKernel)(names, { gigabits, delay });
      names.forEach((name, i) => {
        ip('-n', name, 'addr', 'add', `10.77.0.${i + 1}/24`, 'dev', 'link0');
        ip('-n', name, 'link', 'set', 'link0', 'mtu', '65000', 'up');
        ip('-n', name, 'link', 'set', 'lo', 'up');
      });
      const mca = {
        plm_rsh_agent: agent,
        btl: 'tcp,self',
        btl_tcp_if_include: '10.77.0.0/24',
        oob_tcp_if_include: '10.77.0.0/24',
      };
      const command = [
        'mpirun --allow-run-as-root --bind-to none',
        ...Object.entries(mca).map(([key, value]) => `--mca ${key} ${value}`),
        `--host ${names.map((_, i) => `10.77.0.${i + 1}:1`).join(',')}`,
        `${process.execPath} ${self} ${values.task} --repeats ${values.repeats}`,
        ...values.arch.map((arch) => `--arch ${arch}`),
      ].join(' ');
      const { stdout, stderr, status } = spawnSync(inHost, [names[0], command], { encoding: 'utf8' });
      if (status !== 0) console.error(stderr);
      for (const line of stdout.split('\n').filter((text) => text.startsWith('{'))) {
        const measured = JSON.parse(line);
        if (values.task !== 'sums') {
          console.log(JSON.stringify({ gigabits, delay, ...measured }));
          continue;
        }
        const computed = exchangeSeconds(numParameters(benchmarkModel(measured.arch)), count, { gigabits, delay });
        console.log(JSON.stringify({ gigabits, delay, ...measured, computed }));
      }
      await removeLink();
    }
  } finally {
    names.forEach((name) => spawnSync('ip', ['netns', 'del', name]));
    rmSync(folder, { recursive: true });
  }
}

/**
 * Seconds on the wire to sum an update's gradients, one node for each process. In each round every process sends each
 * other one its part of the elements, then its part of the sum: all but its own share of the elements, twice. Open MPI
 * sends all parts at once, and announces large ones first, and TCP's windows have to grow: a round was measured to wait
 * 12 to 14 delays.
 */
function exchangeSeconds(parameters, processes, { gigabits, delay }) {
  const rounds = Math.ceil(parameters / atOnce);
  const bytes = (2 * 4 * parameters * (processes - 1)) / processes;
  return (8 * bytes) / (gigabits * 1e9) + rounds * (14 * delay + 2 * (processes - 1) * perMessage);
}

/** Times as fast as one machine, for an update of `batches`: each machine keeps its part of the optimiser's state. */
function speedUpOf({ parameters, batch, optimizer, copies }, batches, machines, link) {
  const cores = Number(values.cores);
  const alone = (batches * batch + optimizer) / cores;
  const compute = (Math.ceil(batches / machines) * batch + optimizer / machines) / cores;
  return alone / (compute + copies + exchangeSeconds(parameters, machines, link));
}

function printTable() {
  const measured = JSON.parse(readFileSync(positionals[1], 'utf8'));
  const sizes = [2, 4, 8, 16, 32, 64, 128, 256];
  for (const [title, batches] of [
    ['One batch for each process', (processes) => processes],
    ['32 batches for all processes together', () => 32],
  ]) {
    console.log(`\n${title}, of ${tokens} tokens: speed-up (share of N)\n`);
    console.log(`| model | link | ${sizes.join(' | ')} |\n| --- | --- |${' --- |'.repeat(sizes.length)}`);
    for (const [arch, costs] of Object.entries(measured))
      for (const link of links) {
        const cells = sizes.map((n) => {
          const all = batches(n);
          if (all < n) return '';
          const speedUp = speedUpOf(costs, all, n, link);
          return `${speedUp.toFixed(1)} (${Math.round((100 * speedUp) / n)} %)`;
        });
        console.log(`| ${arch} | ${link.gigabits} Gbit/s, ${1e3 * link.delay} ms | ${cells.join(' | ')} |`);
      }
  }
  const pays = 1.5;
  console.log(
    `\nThe most machines that are ${pays} times as fast as half of them, for updates of 32 and 128 batches\n`,
  );
  console.log('| model | link | 32 | 128 |\n| --- | --- | --- | --- |');
  for (const [arch, costs] of Object.entries(measured))
    for (const link of links) {
      const most = [32, 128].map((batches) =>
        Math.max(1, ...sizes.filter((n) => n <= batches && ratio(costs, batches, n, link) >= pays)),
      );
      console.log(`| ${arch} | ${link.gigabits} Gbit/s, ${1e3 * link.delay} ms | ${most.join(' | ')} |`);
    }
}

/** How much faster machines are than half of them. */
function ratio(costs, batches, machines, link) {
  const half = machines === 2 ? 1 : speedUpOf(costs, batches, machines / 2, link);
  return speedUpOf(costs, batches, machines, link) / half;
}
