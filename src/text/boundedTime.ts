import vm from 'node:vm';
import { DataError } from '../errors.js';

const secondsAllowed = 30;
const script = new vm.Script('work()');
const context = vm.createContext({ work: () => {} }) as { work: () => void };

/** The current work under the clock, for the message; null if no clock runs. */
let current: { what: string; text: string } | null = null;

/**
 * Does work that a regular expression from a user or from an untrusted file may make endless: after 30 seconds of
 * computing it is interrupted, also within a match. Starting the clock takes about 0.1 ms; a call within `work` starts
 * no new clock and only names the next text (see `mapWithinTime`).
 *
 * @param what the owner of the patterns, for the message
 * @param text the text that they are matched with
 * @param seconds the time limit
 * @throws DataError if it takes longer
 */
export function withinTime<T>(what: string, text: string, work: () => T, seconds = secondsAllowed): T {
  if (current !== null) {
    current.what = what;
    current.text = text;
    return work();
  }
  for (let limit = seconds; ; limit *= 2) {
    current = { what, text };
    const { user } = process.cpuUsage();
    try {
      let result: T;
      context.work = () => {
        result = work();
      };
      script.runInContext(context, { timeout: limit * 1000 });
      return result!;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw cause;
      if (process.cpuUsage(undefined).user - user < (seconds * 1e6) / 2) continue; // the machine slept, or did other things: once more, with more time
      throw new DataError(
        `${current.what} took more than ${seconds} seconds on the text ${JSON.stringify(current.text.slice(0, 80))}. A pattern in which one repetition holds another, such as (a+)+, can take for ever: write it without.`,
        { cause },
      );
    } finally {
      current = null;
    }
  }
}

const linesPerClock = 64;

/** A function's result for each line, with the same interruption; one clock for several lines. */
export function mapWithinTime<T>(what: string, lines: readonly string[], change: (line: string) => T): T[] {
  const results: T[] = [];
  for (let first = 0; first < lines.length; first += linesPerClock) {
    const some = lines.slice(first, first + linesPerClock);
    for (const result of withinTime(what, some[0], () =>
      some.map((line) => withinTime(what, line, () => change(line))),
    ))
      results.push(result);
  }
  return results;
}
