import { counted, formatCount } from '../../counted.js';
import { formatDuration } from '../../format.js';
import { displayWidth, fitFields, withoutControls, wrapLine } from '../text/displayWidth.js';
import { measuredSeconds } from './timeLeft.js';

/** Where progress is shown: standard error, or a stand-in for it. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface ProgressBarOptions {
  /** The current work, e.g. "translate". */
  readonly label: string;
  /** Units in all; without it neither bar nor time left is shown. */
  readonly total?: number;
  /** The unit in the plural, e.g. "sentences"; "%" shows the share done instead of a count. */
  readonly unit: string;
  /** Units done before this process began (a resumed run): the rate is taken over the rest. Default 0. */
  readonly startAt?: number;
  readonly stream?: ProgressStream;
  /** Seconds between lines if the stream is not a terminal; Infinity for none. Default 10. */
  readonly lineEverySeconds?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/** Redrawing more often than this only costs time. */
const redrawEveryMs = 100;

/**
 * Standard error. It counts as a terminal only where lines can be redrawn in place: not with TERM=dumb, and not in
 * continuous integration, whose logs keep every redrawing.
 */
export function progressOutput(env: NodeJS.ProcessEnv = process.env): ProgressStream {
  const keepsRedrawings = env.TERM === 'dumb' || !['', '0', 'false'].includes(env.CI ?? '');
  return keepsRedrawings ? { isTTY: false, write: (text) => process.stderr.write(text) } : process.stderr;
}

/**
 * Shows the progress of a long task: on a terminal one line redrawn in place, elsewhere (a file, a pipe) a whole line
 * at intervals. Results belong on standard output instead.
 */
export class ProgressBar {
  private readonly stream: ProgressStream;
  private readonly now: () => number;
  private readonly startedMs: number;
  private shownMs = -Infinity;
  /** Fields of the last state, the most important first. */
  private latest?: readonly string[];
  private done = 0;
  /** Columns of the line on the screen, 0 without one, and of the screen when it was drawn. */
  private drawn = { width: 0, columns: 0 };

  constructor(private readonly options: ProgressBarOptions) {
    this.stream = options.stream ?? progressOutput();
    this.now = options.now ?? (() => performance.now());
    this.startedMs = this.now();
    if (!this.stream.isTTY) this.shownMs = this.startedMs;
  }

  /**
   * @param done units done, `startAt` included
   * @param details further fields, two spaces between them, the most important first, e.g. "loss 4.31  lr 1e-3"
   * @param secondsLeft the caller's estimate, in place of the rate so far; null while it has none
   */
  update(done: number, details = '', secondsLeft?: number | null): void {
    const nowMs = this.now();
    this.done = done;
    this.latest = this.describe(done, details, nowMs, secondsLeft);
    const everyMs = this.stream.isTTY ? redrawEveryMs : (this.options.lineEverySeconds ?? 10) * 1000;
    if (nowMs - this.shownMs < everyMs) return;
    this.shownMs = nowMs;
    this.show(this.latest);
  }

  /** Writes a permanent line above the bar. */
  log(line: string): void {
    this.clear();
    const lines = line
      .split('\n')
      .map(withoutControls)
      .flatMap((text) => (this.stream.isTTY ? wrapLine(text, this.columns()) : [text]));
    this.stream.write(lines.map((each) => `${each}\n`).join(''));
  }

  /** Leaves the last state as a line. Call it at every end of the task, also after an error. */
  finish(): void {
    if (this.latest === undefined) return;
    const fields = this.latest;
    this.latest = undefined;
    this.clear();
    if (this.stream.isTTY || this.options.lineEverySeconds !== Infinity) this.stream.write(`${this.line(fields)}\n`);
  }

  private show(fields: readonly string[]): void {
    const line = this.line(fields);
    if (!this.stream.isTTY) {
      this.stream.write(`${line}\n`);
      return;
    }
    this.stream.write(`${this.backToStart()}${line}\x1b[K`);
    this.drawn = { width: displayWidth(line), columns: this.columns() };
  }

  private clear(): void {
    if (this.drawn.width > 0) this.stream.write(`${this.backToStart()}\x1b[K`);
    this.drawn = { width: 0, columns: 0 };
  }

  /** Moves to the start of the line on the screen; a terminal that became narrower has broken it into several. */
  private backToStart(): string {
    const { width, columns } = this.drawn;
    const rowsAbove = this.columns() < columns ? Math.ceil(width / (this.columns() + 1)) - 1 : 0;
    return rowsAbove > 0 ? `\x1b[${rowsAbove}A\r\x1b[J` : '\r';
  }

  /** Columns to use: a full last column would wrap on some terminals. */
  private columns(): number {
    return Math.max((this.stream.columns || 80) - 1, 1);
  }

  private line(fields: readonly string[]): string {
    if (!this.stream.isTTY) return [fields[0], ...this.bar(20), ...fields.slice(1)].join('  ');
    const columns = this.columns();
    return fitFields(
      [fields[0], ...this.bar(columns >= 99 ? 20 : columns >= 49 ? 10 : 0), ...fields.slice(1)],
      columns,
    );
  }

  /** A bar of this many columns; empty without a total. */
  private bar(columns: number): string[] {
    const { total } = this.options;
    if (total === undefined || columns === 0) return [];
    const filled = Math.floor((columns * Math.min(this.done, total)) / Math.max(total, 1));
    return [`[${'#'.repeat(filled)}${'.'.repeat(columns - filled)}]`];
  }

  private describe(done: number, details: string, nowMs: number, secondsLeft: number | null | undefined): string[] {
    const { label, total, unit, startAt = 0 } = this.options;
    const seconds = (nowMs - this.startedMs) / 1000;
    const fields = [label];
    if (total === undefined) fields.push(counted(done, unit.replace(/s$/, ''), unit));
    else if (unit === '%') fields.push(`${Math.floor((100 * done) / Math.max(total, 1))} %`);
    else fields.push(`${formatCount(done)}/${formatCount(total)} ${unit}`);
    // before the details, which a narrow terminal drops
    if (total === undefined || done >= total) fields.push(formatDuration(seconds));
    else if (typeof secondsLeft === 'number') fields.push(`${formatDuration(secondsLeft)} left`);
    else if (secondsLeft === undefined && done > startAt && seconds >= measuredSeconds)
      fields.push(`${formatDuration((seconds / (done - startAt)) * (total - done))} left`);
    return [...fields, ...details.split('  ').filter((field) => field !== '')].map(withoutControls);
  }
}
