/** The first steps are slow or missing, so a time left is shown only after this many seconds of measuring. */
export const measuredSeconds = 3;

interface Task {
  readonly kind: string;
  /** Shares of its work: done in total, and done before this process. */
  done: number;
  before: number;
  startedMs?: number;
  /** Milliseconds it has taken here. */
  tookMs: number;
  ended: boolean;
}

/**
 * The time left of several tasks that run in parallel: each remaining task takes the time of finished work of its kind
 * (of all kinds, as long as there is none), divided by the number that run at once. Work done before this process does
 * not count.
 */
export class TimeLeft {
  private readonly tasks: Map<string, Task>;

  constructor(
    tasks: readonly { readonly name: string; readonly kind: string }[],
    private readonly parallel: number,
  ) {
    this.tasks = new Map(tasks.map(({ name, kind }) => [name, { kind, done: 0, before: 0, tookMs: 0, ended: false }]));
  }

  /** @param share of its work, from 0 to 1, done before */
  start(name: string, share: number, nowMs: number): void {
    Object.assign(this.tasks.get(name)!, { before: share, done: share, startedMs: nowMs });
  }

  advance(name: string, share: number, nowMs: number): void {
    const task = this.tasks.get(name)!;
    task.startedMs ??= nowMs;
    task.done = share;
    task.tookMs = nowMs - task.startedMs;
  }

  /** A task that was not started here was done before. */
  end(name: string, nowMs: number): void {
    const task = this.tasks.get(name)!;
    if (task.startedMs === undefined) task.before = 1;
    else task.tookMs = nowMs - task.startedMs;
    Object.assign(task, { done: 1, ended: true });
  }

  /** Undefined until something has been done here, and for its first seconds. */
  seconds(): number | undefined {
    const all = [...this.tasks.values()];
    const overall = msPerTask(all);
    if (overall === undefined || all.every(({ tookMs }) => tookMs < 1000 * measuredSeconds)) return undefined;
    const left = all
      .filter(({ ended }) => !ended)
      .map(
        (task) =>
          (1 - task.done) * (msPerTask(all.filter(({ kind, ended }) => ended && kind === task.kind)) ?? overall),
      );
    // a task runs in one process
    return Math.max(0, ...left, left.reduce((sum, ms) => sum + ms, 0) / this.parallel) / 1000;
  }
}

function msPerTask(tasks: readonly Task[]): number | undefined {
  const work = tasks.reduce((sum, { done, before }) => sum + done - before, 0);
  return work > 0 ? tasks.reduce((sum, { tookMs }) => sum + tookMs, 0) / work : undefined;
}
