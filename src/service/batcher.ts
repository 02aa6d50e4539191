import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchLimits } from '../decode/batchesByLength.js';
import type { TranslatedSource, TranslatorOptions } from '../translator/translator.js';

/** Lines of one request, as ids. */
export interface BatchJob {
  readonly sources: readonly Int32Array[];
  readonly nbest: number;
  readonly attention: boolean;
  /** Removes the untranslated lines from the queue. */
  readonly signal?: AbortSignal;
}

/** A translated batch, for statistics. */
export interface BatchReport {
  readonly lines: number;
  /** Source tokens without padding. */
  readonly tokens: number;
  readonly seconds: number;
}

export interface BatcherOptions extends BatchLimits {
  /** How long the first line of a batch waits for others, ms. */
  readonly windowMs: number;
  readonly onBatch?: (report: BatchReport) => void;
}

interface Waiting {
  readonly job: BatchJob;
  readonly found: TranslatedSource[];
  /** Number of the next line that is not in a batch. */
  next: number;
  left: number;
  isOver: boolean;
  resolve: (found: TranslatedSource[]) => void;
  reject: (error: unknown) => void;
}

/**
 * Translates lines of several requests together. Requests take turns line by line, so that a long one does not hold up
 * the others; a batch is limited by tokens, padding included. One batch is translated at a time.
 */
export class Batcher {
  private readonly waiting: Waiting[] = [];
  private isRunning = false;

  /** @param translate lines to translations, in their order */
  constructor(
    private readonly translate: (
      sources: readonly Int32Array[],
      options: Pick<TranslatorOptions, 'nbest' | 'attention' | 'signal'>,
    ) => Promise<TranslatedSource[]>,
    private readonly options: BatcherOptions,
  ) {}

  /** @returns a translation for each line, in their order; rejected with the signal's reason if it is raised before */
  add(job: BatchJob): Promise<TranslatedSource[]> {
    if (job.sources.length === 0) return Promise.resolve([]);
    if (job.signal?.aborted) return Promise.reject(job.signal.reason as Error);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { job, found: [], next: 0, left: job.sources.length, isOver: false, resolve, reject };
      this.waiting.push(waiting);
      job.signal?.addEventListener('abort', () => this.end(waiting, () => reject(job.signal!.reason as Error)), {
        once: true,
      });
      if (!this.isRunning) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    await sleep(this.options.windowMs);
    while (this.waiting.length > 0) await this.translateBatch();
    this.isRunning = false;
  }

  private async translateBatch(): Promise<void> {
    const batch = this.nextBatch();
    const jobs = [...new Set(batch.map(({ of }) => of))];
    const sources = batch.map(({ of, line }) => of.job.sources[line]);
    const stop = new AbortController();
    const stopIfNobodyWaits = (): void => {
      if (jobs.every(({ isOver }) => isOver)) stop.abort(new Error('nobody waits for it'));
    };
    for (const { job } of jobs) job.signal?.addEventListener('abort', stopIfNobodyWaits, { once: true });
    const started = performance.now();
    try {
      const found = await this.translate(sources, {
        nbest: Math.max(...jobs.map(({ job }) => job.nbest)),
        attention: jobs.some(({ job }) => job.attention),
        signal: stop.signal,
      });
      this.options.onBatch?.({
        lines: sources.length,
        tokens: sources.reduce((sum, source) => sum + source.length, 0),
        seconds: (performance.now() - started) / 1000,
      });
      batch.forEach(({ of, line }, i) => {
        of.found[line] = found[i];
        if (--of.left === 0) this.end(of, () => of.resolve(of.found));
      });
    } catch (error) {
      for (const each of jobs) this.end(each, () => each.reject(error));
    }
    for (const { job } of jobs) job.signal?.removeEventListener('abort', stopIfNobodyWaits);
  }

  /** One line of each request in turn, as many as fit. */
  private nextBatch(): { of: Waiting; line: number }[] {
    const { maxTokens, maxSentences } = this.options;
    const batch: { of: Waiting; line: number }[] = [];
    let longest = 0;
    for (let isFull = false; !isFull;) {
      const unfinished = this.waiting.filter(({ next, job }) => next < job.sources.length);
      if (unfinished.length === 0) break;
      for (const of of unfinished) {
        const length = Math.max(longest, of.job.sources[of.next].length);
        isFull = batch.length > 0 && (batch.length === maxSentences || length * (batch.length + 1) > maxTokens);
        if (isFull) break;
        longest = length;
        batch.push({ of, line: of.next++ });
      }
    }
    // served requests move behind the others
    const served = new Set(batch.map(({ of }) => of));
    const order = [...this.waiting.filter((each) => !served.has(each)), ...served];
    order.forEach((each, i) => (this.waiting[i] = each));
    return batch;
  }

  private end(waiting: Waiting, settle: () => void): void {
    if (waiting.isOver) return;
    waiting.isOver = true;
    this.waiting.splice(this.waiting.indexOf(waiting), 1);
    settle();
  }
}
