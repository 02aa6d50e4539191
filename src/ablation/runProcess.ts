import { fork, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ColdstartError } from '../errors.js';
import type { RunTask } from '../run/run.js';
import type { RunListener } from '../run/runEvents.js';

/** Messages to the process of a run, and from it. */
export type ToRun = { readonly task: Pick<RunTask, 'config' | 'runDir' | 'ignoreMemory'> } | 'stop';
export type FromRun =
  | { readonly event: Parameters<RunListener>[0] }
  | { readonly outcome: 'done' | 'stopped' | 'failed'; readonly message?: string; readonly stack?: string };

/**
 * Executes a run in a separate process, so that its memory is freed at its end and several can run side by side. A run
 * that is in the folder already resumes.
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
  // sending fails if the process has ended, and its "exit" says how
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
        // an interrupt at the terminal reaches every process, and ends one that does not listen for "stop" so far
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
 * Environment of a run among `parallel` - 1 others: its share of the cores. Threads that wait for each other in a loop
 * would take the cores from the other runs.
 */
export function limitThreads(parallel: number): { OMP_NUM_THREADS?: string } {
  return parallel > 1 ? { OMP_NUM_THREADS: String(Math.max(1, Math.floor(availableParallelism() / parallel))) } : {};
}
