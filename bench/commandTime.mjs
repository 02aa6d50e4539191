// What commands cost, for the benches: processor seconds (user and system), which do not depend on what else runs, and
// memory.
import { spawnSync } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';

/** Printed by a Node.js process as it ends: most memory held, and processor seconds of all its threads. */
const reportUsage =
  'data:text/javascript,process.on("exit",()=>{const u=process.resourceUsage();console.error(`USAGE ${u.maxRSS} ${(u.userCPUTime+u.systemCPUTime)/1e6}`)})';

/**
 * Runs a Node.js program.
 * @param input file to read as standard input
 * @returns processor and wall seconds, the peak of resident memory, and what it printed
 */
export function runNode(args, { input } = {}) {
  const stdin = input === undefined ? 'ignore' : openSync(input, 'r');
  const started = performance.now();
  const run = spawnSync(process.execPath, ['--import', reportUsage, ...args], {
    stdio: [stdin, 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (stdin !== 'ignore') closeSync(stdin);
  if (run.status !== 0) throw new Error(`${args.join(' ')}: ${run.stderr}`);
  const reports = [...run.stderr.matchAll(/USAGE (\d+) ([\d.]+)/g)]; // a worker thread may report too, as it ends
  return {
    cpuSeconds: Math.max(...reports.map(([, , seconds]) => Number(seconds))),
    wallSeconds: (performance.now() - started) / 1000,
    peakMiB: Math.max(...reports.map(([, kib]) => Number(kib))) / 1024,
    stdout: run.stdout,
  };
}

/** Processor seconds of any command, start included, that reads the file and writes to the other. */
export function cpuSecondsOf(command, input = '/dev/null', output = '/dev/null') {
  const quote = (word) => `'${word.replaceAll("'", "'\\''")}'`;
  const { stderr, status } = spawnSync(
    'bash',
    ['-c', `TIMEFORMAT='%U %S'; time ${command.map(quote).join(' ')} < ${quote(input)} > ${quote(output)}`],
    { encoding: 'utf8', maxBuffer: 2 ** 28, env: { ...process.env, OMP_NUM_THREADS: '1' } },
  );
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
  const [user, system] = stderr.trim().split('\n').at(-1).split(' ').map(Number);
  return user + system;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
