import { Worker } from 'node:worker_threads';
import { ColdstartError, DataError, UsageError, type ErrorCode } from '../../errors.js';
import { fileIdentity, type FileIdentity } from '../../storage/checksum.js';
import { join } from 'node:path';
import { TaskRunner, type PartTaskName } from './partTasks.js';

/** What a job left: its files, and what the task reports. */
export interface PartResult {
  readonly outputs: Readonly<Record<string, FileIdentity>>;
  readonly report: unknown;
}

export interface PartRequest {
  readonly task: PartTaskName;
  readonly settings: object;
  readonly job: object;
  readonly folder: string;
}

export type PartReply =
  | { readonly result: PartResult }
  | { readonly error: { readonly kind: string; readonly code?: ErrorCode; readonly message: string } };

/** Does one job and takes down what it wrote. */
export async function doPart(runner: TaskRunner, { task, settings, job, folder }: PartRequest): Promise<PartResult> {
  const { files, report } = await runner.run(task, settings, job, folder);
  const outputs: Record<string, FileIdentity> = {};
  for (const name of files) outputs[name] = await fileIdentity(join(folder, name));
  return { outputs, report };
}

/** Threads that work on parts. With one worker, or one job, all happens in the calling thread. */
export class PartPool {
  private readonly here = new TaskRunner();
  private readonly threads: PartThread[] = [];

  constructor(readonly numWorkers: number) {}

  /**
   * Does the jobs, in their order as threads come free.
   *
   * @param onDone called for each finished job with its place in the list
   * @throws what the first failing job threw, once the jobs under way have ended
   */
  async run(
    request: Omit<PartRequest, 'job'>,
    jobs: readonly object[],
    onDone: (index: number, result: PartResult) => void,
  ): Promise<void> {
    if (this.numWorkers === 1 || jobs.length <= 1) {
      for (let index = 0; index < jobs.length; index++)
        onDone(index, await doPart(this.here, { ...request, job: jobs[index] }));
      return;
    }
    while (this.threads.length < Math.min(this.numWorkers, jobs.length)) this.threads.push(new PartThread());
    let next = 0;
    let failure: { error: unknown } | null = null;
    await Promise.all(
      this.threads.map(async (thread) => {
        while (next < jobs.length && failure === null) {
          const index = next++;
          try {
            onDone(index, await thread.ask({ ...request, job: jobs[index] }));
          } catch (error) {
            failure ??= { error };
          }
        }
      }),
    );
    if (failure !== null) throw (failure as { error: unknown }).error;
  }

  async close(): Promise<void> {
    await this.here.close();
    await Promise.all(this.threads.map((thread) => thread.close()));
  }
}

/** A thread that does one job at a time. */
class PartThread {
  private readonly worker = new Worker(new URL('./partWorker.js', import.meta.url));
  private settle: { resolve: (result: PartResult) => void; reject: (error: Error) => void } | null = null;

  constructor() {
    this.worker.on('message', (reply: PartReply) =>
      'error' in reply ? this.settle?.reject(rebuildError(reply.error)) : this.settle?.resolve(reply.result),
    );
    this.worker.on('error', (error) => this.settle?.reject(error));
    this.worker.on('exit', () =>
      this.settle?.reject(
        new ColdstartError(
          'WORKER_ENDED',
          'a worker thread has ended before its work was done. Is there enough memory? Fewer threads: --workers 1.',
        ),
      ),
    );
  }

  ask(request: PartRequest): Promise<PartResult> {
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      this.worker.postMessage(request);
    });
  }

  async close(): Promise<void> {
    this.settle = null;
    await this.worker.terminate();
  }
}

/** Classes do not travel between threads; those that decide about the exit status are put back. */
function rebuildError({ kind, code, message }: { kind: string; code?: ErrorCode; message: string }): Error {
  if (kind === 'DataError') return new DataError(message);
  if (kind === 'UsageError') return new UsageError(message);
  return code === undefined ? new Error(message) : new ColdstartError(code, message);
}
