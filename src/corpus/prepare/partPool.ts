import { Worker } from 'node:worker_threads';
import { ColdstartError, DataError, UsageError, type ErrorCode } from '../../errors.js';
import { fileIdentity, type FileIdentity } from '../../storage/checksum.js';
import { join } from 'node:path';
import { TaskRunner, type PartTaskName } from './partTasks.js';

/** The result of a job: its files, and what the task reports. */
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

/** Does one job and records its files. */
export async function doPart(runner: TaskRunner, { task, settings, job, folder }: PartRequest): Promise<PartResult> {
  const { files, report } = await runner.run(task, settings, job, folder);
  const outputs: Record<string, FileIdentity> = {};
  for (const name of files) outputs[name] = await fileIdentity(join(folder, name));
  return { outputs, report };
}

/** A job, and its place among all jobs of its stage. */
export interface NumberedJob {
  readonly index: number;
  readonly job: object;
}

/** Threads that work on parts. With one worker, or one job, the calling thread does the work. */
export class PartPool {
  private readonly here = new TaskRunner();
  /** Started when a job needs them. */
  private readonly threads: PartThread[] = [];

  constructor(readonly numWorkers: number) {}

  /**
   * Does the jobs in order as threads become free, so memory holds one job per thread.
   *
   * @param onDone called for each finished job
   * @throws what the first failing job threw, or the iterator of jobs, once the running jobs have ended
   */
  async run(
    request: Omit<PartRequest, 'job'>,
    jobs: AsyncGenerator<NumberedJob>,
    onDone: (job: NumberedJob, result: PartResult) => void,
  ): Promise<void> {
    try {
      const [first, second] = this.numWorkers === 1 ? [] : [await next(jobs), await next(jobs)];
      if (second === undefined) {
        for (let job = first ?? (await next(jobs)); job !== undefined; job = await next(jobs))
          onDone(job, await doPart(this.here, { ...request, job: job.job }));
        return;
      }
      const waiting = [first!, second];
      let failure: { error: unknown } | null = null;
      const lane = async (_: unknown, number: number): Promise<void> => {
        try {
          for (let job = waiting.shift() ?? (await next(jobs)); job !== undefined; job = await next(jobs)) {
            if (failure !== null) return;
            const thread = (this.threads[number] ??= new PartThread());
            onDone(job, await thread.ask({ ...request, job: job.job }));
          }
        } catch (error) {
          failure ??= { error };
        }
      };
      await Promise.all(Array.from({ length: this.numWorkers }, lane));
      if (failure !== null) throw (failure as { error: unknown }).error;
    } finally {
      await jobs.return(undefined);
    }
  }

  async close(): Promise<void> {
    await this.here.close();
    await Promise.all(this.threads.map((thread) => thread?.close()));
  }
}

async function next(jobs: AsyncGenerator<NumberedJob>): Promise<NumberedJob | undefined> {
  const { value, done } = await jobs.next();
  return done ? undefined : (value as NumberedJob);
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

/** Messages between threads lose an error's class; this restores the classes that decide the exit status. */
function rebuildError({ kind, code, message }: { kind: string; code?: ErrorCode; message: string }): Error {
  if (kind === 'DataError') return new DataError(message);
  if (kind === 'UsageError') return new UsageError(message);
  return code === undefined ? new Error(message) : new ColdstartError(code, message);
}
