// Load test of `coldstart serve` on loopback.
//
//   node bench/serve.mjs RUN LINES [SECONDS]
//
// RUN a run, LINES a file of sentences to translate, SECONDS per concurrency (default 10). Each client sends one line
// per request and waits for the answer. Then SIGTERM under load: every request has to be answered or refused.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const [run, linesFile, secondsText = '10'] = process.argv.slice(2);
if (linesFile === undefined) {
  console.error('usage: node bench/serve.mjs RUN LINES [SECONDS]');
  process.exit(2);
}
const lines = readFileSync(linesFile, 'utf8')
  .split('\n')
  .filter((line) => line.trim() !== '');
const program = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));

async function start() {
  const child = spawn(process.execPath, [program, 'serve', '--run', run, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (part) => (errors += part));
  const [line] = await Promise.race([
    once(child.stdout.setEncoding('utf8'), 'data'),
    once(child, 'exit').then(() => [errors]),
  ]);
  const found = /^(http:\S+) translates (\S+) to (\S+) with .* \((\w+)\)/.exec(line);
  if (!found) throw new Error(line);
  return { child, url: found[1], source: found[2], target: found[3], backend: found[4], errors: () => errors };
}

/** One request; `status` undefined if the connection broke. */
function translate({ url, source, target }, q, agent) {
  return new Promise((resolve) => {
    const sent = request(
      new URL('/translate', url),
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (response) => {
        response.resume();
        response.on('end', () => resolve({ status: response.complete ? response.statusCode : undefined }));
        response.on('error', () => resolve({}));
      },
    );
    sent.on('error', () => resolve({}));
    sent.end(JSON.stringify({ q, source, target }));
  });
}

async function load(service, concurrency, seconds) {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const times = [];
  let failed = 0;
  let next = 0;
  const started = performance.now();
  const end = started + 1000 * seconds;
  const client = async () => {
    while (performance.now() < end) {
      const sent = performance.now();
      const { status } = await translate(service, lines[next++ % lines.length], agent);
      if (status === 200) times.push(performance.now() - sent);
      else failed++;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  const duration = (performance.now() - started) / 1000;
  agent.destroy();
  times.sort((a, b) => a - b);
  const quantile = (share) => times[Math.min(times.length - 1, Math.floor(share * times.length))];
  return {
    concurrency,
    rate: times.length / duration,
    p50: quantile(0.5),
    p99: quantile(0.99),
    requests: times.length,
    failed,
  };
}

async function stopUnderLoad(service, concurrency) {
  const agent = new Agent({ keepAlive: true });
  const counts = { answered: 0, refused: 0, broken: 0 };
  setTimeout(() => service.child.kill('SIGTERM'), 2000);
  let next = 0;
  const client = async () => {
    for (;;) {
      const { status } = await translate(service, lines[next++ % lines.length], agent);
      counts[status === 200 ? 'answered' : status === 503 ? 'refused' : 'broken']++;
      if (status !== 200) return;
    }
  };
  const exited = once(service.child, 'exit');
  await Promise.all(Array.from({ length: concurrency }, client));
  const [code] = await exited;
  agent.destroy();
  return { ...counts, code, last: service.errors().trim().split('\n').at(-1) };
}

const service = await start();
console.log(`${cpus().length} x ${cpus()[0].model.trim()}, Node ${process.version}, backend ${service.backend}`);
await load(service, 4, 2); // the first batches compile
console.log('clients  requests/s  p50 ms  p99 ms  requests  failed');
for (const concurrency of [1, 4, 16, 64]) {
  const { rate, p50, p99, requests, failed } = await load(service, concurrency, Number(secondsText));
  console.log(
    [
      String(concurrency).padStart(7),
      rate.toFixed(1).padStart(11),
      p50.toFixed(0).padStart(7),
      p99.toFixed(0).padStart(7),
      String(requests).padStart(9),
      String(failed).padStart(7),
    ].join(' '),
  );
}
const { answered, refused, broken, code, last } = await stopUnderLoad(service, 16);
console.log(
  `SIGTERM with 16 clients: ${answered} answered, ${refused} refused with 503, ${broken} broken connections; exit status ${code}. ${last}`,
);
