import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ColdstartError, type ErrorCode } from '../errors.js';
import type { BatchReport } from './batcher.js';
import { RequestError } from './requestError.js';
import type { FromWorker, LineResult, ToWorker, WorkerJob, WorkerReady, WorkerSetup } from './workerMessages.js';

/**
 * The delay before restarting a process that ended, ms; it doubles each time the process ends again before it is ready.
 */
const firstRestartMs = 250;
const longestRestartMs = 30_000;

export interface WorkerListener {
  readonly onBatch?: (report: BatchReport) => void;
  /** The process ended unexpectedly. @param how "SIGKILL" or "status 1" */
  readonly onEnd?: (how: string) => void;
}

/** The translating process, seen from the process that answers requests. It is restarted whenever it ends. */
export class WorkerProcess {
  private child: ChildProcess | undefined;
  private found: WorkerReady | undefined;
  private readonly waiting = new Map<
    number,
    { resolve: (lines: readonly LineResult[]) => void; reject: (error: Error) => void }
  >();
  private nextId = 0;
  private restartMs = firstRestartMs;
  private restart: NodeJS.Timeout | undefined;
  private isStopped = false;

  private constructor(
    private readonly setup: WorkerSetup,
    private readonly listener: WorkerListener,
  ) {}

  /** Starts the process and waits until its models are open. @throws ColdstartError if they cannot be opened */
  static async start(
    setup: WorkerSetup,
    listener: WorkerListener = {},
  ): Promise<{ worker: WorkerProcess; ready: WorkerReady }> {
    const worker = new WorkerProcess(setup, listener);
    const ready = await worker.launch();
    return { worker, ready };
  }

  /** Whether it can translate now. */
  get isReady(): boolean {
    return this.found !== undefined && !this.isStopped;
  }

  /** Process id, for tests and messages. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /**
   * @returns for each line, in their order
   * @throws RequestError 503 if the process ends meanwhile or is not ready, and what it says; the signal's reason if it
   * is raised
   */
  translate(job: WorkerJob, signal: AbortSignal): Promise<readonly LineResult[]> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (!this.isReady) return Promise.reject(notReady());
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        this.send({ id, cancel: true });
        settle(() => reject(signal.reason as Error));
      };
      const settle = (how: () => void): void => {
        if (!this.waiting.delete(id)) return;
        signal.removeEventListener('abort', cancel);
        how();
      };
      this.waiting.set(id, {
        resolve: (lines) => settle(() => resolve(lines)),
        reject: (error) => settle(() => reject(error)),
      });
      signal.addEventListener('abort', cancel, { once: true });
      this.send({ id, job });
    });
  }

  /** Ends the process. */
  stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.restart);
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      child.once('exit', () => resolve());
      if (child.connected) child.disconnect();
      else child.kill('SIGKILL');
    });
  }

  private launch(): Promise<WorkerReady> {
    const child = fork(fileURLToPath(new URL('./worker.js', import.meta.url)), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...(this.setup.threads !== undefined && { OMP_NUM_THREADS: String(this.setup.threads) }) },
    });
    this.child = child;
    const killed = (): void => void child.kill('SIGKILL');
    process.once('exit', killed);
    this.send({ setup: this.setup });
    return new Promise((resolve, reject) => {
      child.on('message', (message: FromWorker) => {
        if ('ready' in message) {
          this.found = message.ready;
          this.restartMs = firstRestartMs;
          resolve(message.ready);
        } else if ('failed' in message) reject(failureOf(message.failed));
        else if ('batch' in message) this.listener.onBatch?.(message.batch);
        else if ('error' in message)
          this.waiting.get(message.id)?.reject(new RequestError(message.error.status, message.error.message));
        else this.waiting.get(message.id)?.resolve(message.lines);
      });
      let hasEnded = false;
      const ended = (how: string): void => {
        if (hasEnded) return;
        hasEnded = true;
        process.off('exit', killed);
        const wasOpened = this.found !== undefined;
        this.found = undefined;
        reject(new ColdstartError('SERVICE', `the process that translates ended with ${how} before it was ready.`));
        for (const { reject: refuse } of [...this.waiting.values()])
          refuse(
            new RequestError(503, `the process that translates ended (${how}); ask again`, { 'retry-after': '1' }),
          );
        if (this.isStopped || !(wasOpened || this.restartMs > firstRestartMs)) return; // a process that never opened is reported by `start`
        this.listener.onEnd?.(how);
        this.restart = setTimeout(() => void this.launch().catch(() => {}), this.restartMs);
        this.restartMs = Math.min(longestRestartMs, 2 * this.restartMs);
      };
      // a process that could not be started has no exit
      child.on('error', (error) => {
        if (child.pid === undefined) ended(error.message);
      });
      child.on('exit', (code, signalName) => ended(signalName ?? `status ${code}`));
    });
  }

  private send(message: ToWorker): void {
    // sending fails if the process has ended, and its "exit" answers waiting requests
    if (this.child?.connected) this.child.send(message, () => {});
  }
}

const notReady = (): RequestError =>
  new RequestError(503, 'the model is being opened again; ask again in a few seconds', { 'retry-after': '5' });

function failureOf({ code, message }: { code?: string; message: string }): Error {
  return code === undefined
    ? new Error(message)
    : new ColdstartError(code as ErrorCode, message, { exitCode: code === 'USAGE' ? 2 : 1 });
}
