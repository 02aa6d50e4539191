import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { isatty } from 'node:tty';

/**
 * Keeps the loss of an output from ending work. Call it once, before anything is written, in every process of
 * coldstart.
 *
 * Standard error shows progress and notes: when it cannot be written (its reader ended, the terminal closed, the disk
 * is full) it falls silent and the work continues. Standard output holds results: when its reader ends, the program
 * ends quietly as Unix filters do, with the status of SIGPIPE (141); any other failure is reported, with status 1. A
 * terminal that closed is no such failure: nobody is left to read, and work that outlives its terminal ends as if it
 * were open.
 */
export function handleOutputErrors(): void {
  outliveTerminal();
  silenceWhenBroken(process.stderr);
  if (process.stdout.isTTY) silenceWhenBroken(process.stdout);
  else
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(128 + constants.signals.SIGPIPE);
      process.stderr.write(`coldstart: standard output cannot be written: ${error.message.split(',')[0]}.\n`);
      process.exit(1);
    });
}

/**
 * Node.js gives terminals their settings back when it ends, and aborts (134) where a terminal is gone. Descriptors of
 * such a terminal lead to /dev/null by then.
 */
function outliveTerminal(): void {
  const ofTerminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  process.on('exit', () => {
    for (const descriptor of ofTerminals) {
      if (isatty(descriptor)) continue;
      closeSync(descriptor);
      openSync('/dev/null', 'r+'); // gets the lowest number that is free
    }
  });
}

/** After its first error a stream drops further output. */
function silenceWhenBroken(stream: NodeJS.WriteStream): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  let broken = false;
  stream.on('error', () => (broken = true));
  stream.write = (...args: unknown[]): boolean => {
    if (!broken) {
      try {
        return write(...args);
      } catch {
        broken = true; // files and devices are written at once, and some versions of Node.js throw here
      }
    }
    const done = args.at(-1);
    if (typeof done === 'function') process.nextTick(done);
    return true;
  };
}
