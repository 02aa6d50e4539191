import { formatCount } from '../../counted.js';
import { formatDuration } from '../../format.js';
import { measuredSeconds } from './timeLeft.js';

/** Where progress is shown: standard error, or a stand-in for it. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface ProgressBarOptions {
  /** What is going on, e.g. "translate". */
  readonly label: string;
  /** Units in all; without it neither bar nor time left is shown. */
  readonly total?: number;
  /** What is counted, e.g. "sentences"; "%" shows the share done instead of a count. */
  readonly unit: string;
  /** Units done before this process began (a resumed run): the rate is taken over the rest. Default 0. */
  readonly startAt?: number;
  readonly stream?: ProgressStream;
  /** Where the stream is no terminal: seconds between lines; Infinity for none. Default 10. */
  readonly lineEverySeconds?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/** Redrawing more often than this only costs time. */
const redrawEveryMs = 100;
const barColumns = 20;

/**
 * Shows how far a long task has come: on a terminal one line redrawn in place, elsewhere (a file, a pipe) a whole line now
 * and then. Results do not belong here but on standard output.
 */
export class ProgressBar {
  private readonly stream: ProgressStream;
  private readonly now: () => number;
  private readonly startedMs: number;
  private shownMs = -Infinity;
  private latest?: string;
  private lineOnScreen = false;

  constructor(private readonly options: ProgressBarOptions) {
    this.stream = options.stream ?? process.stderr;
    this.now = options.now ?? (() => performance.now());
    this.startedMs = this.now();
    if (!this.stream.isTTY) this.shownMs = this.startedMs;
  }

  /**
   * @param done units done, `startAt` included
   * @param details what else to show, e.g. "loss 4.31"
   * @param secondsLeft where the caller knows better than the rate so far; null while it does not know yet
   */
  update(done: number, details = '', secondsLeft?: number | null): void {
    const nowMs = this.now();
    this.latest = this.describe(done, details, nowMs, secondsLeft);
    const everyMs = this.stream.isTTY ? redrawEveryMs : (this.options.lineEverySeconds ?? 10) * 1000;
    if (nowMs - this.shownMs < everyMs) return;
    this.shownMs = nowMs;
    this.show(this.latest);
  }

  /** Writes a line that stays, above the bar. */
  log(line: string): void {
    this.clear();
    this.stream.write(`${line}\n`);
  }

  /** Leaves the last state standing as a line. To be called however the task ends. */
  finish(): void {
    if (this.latest === undefined) return;
    const line = this.latest;
    this.latest = undefined;
    this.clear();
    if (this.stream.isTTY || this.options.lineEverySeconds !== Infinity) this.stream.write(`${line}\n`);
  }

  private show(line: string): void {
    if (!this.stream.isTTY) {
      this.stream.write(`${line}\n`);
      return;
    }
    const columns = Math.max((this.stream.columns || 80) - 1, 1); // a full last column would wrap on some terminals
    this.stream.write(`\r${fit(line, columns)}\x1b[K`);
    this.lineOnScreen = true;
  }

  private clear(): void {
    if (this.lineOnScreen) this.stream.write('\r\x1b[K');
    this.lineOnScreen = false;
  }

  private describe(done: number, details: string, nowMs: number, secondsLeft: number | null | undefined): string {
    const { label, total, unit, startAt = 0 } = this.options;
    const seconds = (nowMs - this.startedMs) / 1000;
    const parts = [label];
    if (total === undefined) {
      parts.push(`${formatCount(done)} ${unit}`);
    } else {
      const filled = Math.floor((barColumns * Math.min(done, total)) / Math.max(total, 1));
      parts.push(
        `[${'#'.repeat(filled)}${'.'.repeat(barColumns - filled)}]`,
        unit === '%'
          ? `${Math.floor((100 * done) / Math.max(total, 1))} %`
          : `${formatCount(done)}/${formatCount(total)} ${unit}`,
      );
    }
    // before the details, which a narrow terminal cuts
    if (total === undefined || done >= total) parts.push(formatDuration(seconds));
    else if (typeof secondsLeft === 'number') parts.push(`${formatDuration(secondsLeft)} left`);
    else if (secondsLeft === undefined && done > startAt && seconds >= measuredSeconds)
      parts.push(`${formatDuration((seconds / (done - startAt)) * (total - done))} left`);
    if (details !== '') parts.push(details);
    return parts.join('  ');
  }
}

/** Whole fields of a line, which two spaces separate, as many as the columns hold; the last are the least important. */
function fit(line: string, columns: number): string {
  if (line.length <= columns) return line;
  const end = line.lastIndexOf('  ', columns);
  return end > 0 ? line.slice(0, end).trimEnd() : line.slice(0, columns);
}
