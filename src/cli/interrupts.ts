import { constants } from 'node:os';

/** The signals that stop work. SIGHUP is sent when a terminal closes. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type StopSignal = (typeof stopSignals)[number];

/** The reason why work stopped: a signal from the user or the system. */
export class Interrupted extends Error {
  /** 128 plus the signal's number, as shells report it: 129 for SIGHUP, 130 for SIGINT, 143 for SIGTERM. */
  readonly exitCode: number;

  constructor(
    signalName: StopSignal,
    private readonly howToContinue: string | (() => string),
  ) {
    super('Interrupted.');
    this.exitCode = 128 + constants.signals[signalName];
  }

  /** The last line for the user; call it after the work has stopped, when it is known what was saved. */
  lastLine(): string {
    return `${this.message} ${typeof this.howToContinue === 'string' ? this.howToContinue : this.howToContinue()}`;
  }
}

/**
 * An abort signal that SIGINT, SIGTERM and SIGHUP raise. The first lets the work save what it has; a second one ends
 * the program at once.
 *
 * @param howToContinue the last line after the work has stopped; a function is called only then
 * @param quiet for processes whose leader says it
 * @param atOnce what to say at the first signal
 */
export function abortOnInterrupt(
  howToContinue: string | (() => string),
  {
    quiet = false,
    atOnce = 'Stopping after the current step (an update, an iteration or a batch); once more to stop at once.',
  } = {},
): AbortSignal {
  const controller = new AbortController();
  for (const name of stopSignals) {
    process.on(name, () => {
      const interrupted = new Interrupted(name, howToContinue);
      if (controller.signal.aborted) process.exit(interrupted.exitCode);
      if (!quiet) process.stderr.write(`\n${atOnce}\n`);
      controller.abort(interrupted);
    });
  }
  return controller.signal;
}

/**
 * For work that may end at any moment without harm: SIGINT, SIGTERM and SIGHUP end the program with a line on how to
 * continue.
 */
export function exitOnInterrupt(howToContinue: string): void {
  for (const name of stopSignals) {
    process.on(name, () => {
      const interrupted = new Interrupted(name, howToContinue);
      process.stderr.write(`\n${interrupted.lastLine()}\n`);
      process.exit(interrupted.exitCode);
    });
  }
}
