import { fork, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ColdstartError } from '../errors.js';
import type { RunTask } from '../run/run.js';
import type { RunListener } from '../run/runEvents.js';

/** What the process of a run is told, and what it tells. */
export type ToRun = { readonly task: Pick<RunTask, 'config' | 'runDir' | 'ignoreMemory'> } | 'stop';
export type FromRun =
  | { readonly event: Parameters<RunListener>[0] }
  | { readonly outcome: 'done' | 'stopped' | 'failed'; readonly message?: string; readonly stack?: string };

/**
 * Runs in a process of its own, so that its memory goes with it and several can run side by side. A run that is in the
 * folder already is gone on with.
 *
 * @param options.parallel processes running at the same time; they share the cores
 * @returns `done` (also for a run that diverged, which scores.json records) or `stopped`
 * @throws ColdstartError code RUN_FAILED saying why
 */
export async function runInProcess(
  { config, runDir, ignoreMemory }: Pick<RunTask, 'config' | 'runDir' | 'ignoreMemory'>,
  {
    parallel,
    signal,
    onEvent,
  }: { readonly parallel: number; readonly signal?: AbortSignal; readonly onEvent?: RunListener },
): Promise<'done' | 'stopped'> {
  const child: ChildProcess = fork(fileURLToPath(new URL('./runWorker.js', import.meta.url)), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...limitThreads(parallel) },
  });
  // what cannot be sent finds a process that ended, and its "exit" says how
  const send = (message: ToRun): void => void (child.connected && child.send(message, () => {}));
  const stop = (): void => send('stop');
  signal?.addEventListener('abort', stop);
  const killed = (): void => void child.kill('SIGKILL');
  process.once('exit', killed);
  try {
    return await new Promise((resolve, reject) => {
      let outcome: Extract<FromRun, { outcome: string }> | undefined;
      child.on('message', (message: FromRun) => {
        if ('event' in message) onEvent?.(message.event);
        else outcome = message;
      });
      child.on('error', reject);
      child.on('exit', (code, signalName) => {
        if (outcome?.outcome === 'done' || outcome?.outcome === 'stopped') resolve(outcome.outcome);
        // an interrupt at the terminal reaches every process, and ends one that has not yet got so far as to wait for "stop"
        else if (outcome === undefined && signal?.aborted && ['SIGINT', 'SIGTERM', 'SIGHUP'].includes(signalName ?? ''))
          resolve('stopped');
        else
          reject(
            new ColdstartError(
              'RUN_FAILED',
              outcome?.message ?? `its process ended with ${signalName ?? `status ${code}`}`,
              { cause: outcome?.stack },
            ),
          );
      });
      send({ task: { config, runDir, ignoreMemory } });
    });
  } finally {
    signal?.removeEventListener('abort', stop);
    process.off('exit', killed);
  }
}

/**
 * Environment of a run beside `parallel` - 1 others: its share of the cores. Threads that wait for one another in a loop would take
 * the cores from the other runs.
 */
export function limitThreads(parallel: number): { OMP_NUM_THREADS?: string } {
  return parallel > 1 ? { OMP_NUM_THREADS: String(Math.max(1, Math.floor(availableParallelism() / parallel))) } : {};
}
