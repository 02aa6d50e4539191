import { constants } from 'node:os';

/** The signals that stop work. SIGHUP comes when a terminal closes. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type StopSignal = (typeof stopSignals)[number];

/** Why work stopped: a signal of the user or the system. */
export class Interrupted extends Error {
  /** 128 plus the signal's number, as shells report it: 129 for SIGHUP, 130 for SIGINT, 143 for SIGTERM. */
  readonly exitCode: number;

  constructor(
    signalName: StopSignal,
    private readonly howToGoOn: string | (() => string),
  ) {
    super('Interrupted.');
    this.exitCode = 128 + constants.signals[signalName];
  }

  /** The last line that the user reads: to be called once the work has stopped, when it is known what was saved. */
  lastLine(): string {
    return `${this.message} ${typeof this.howToGoOn === 'string' ? this.howToGoOn : this.howToGoOn()}`;
  }
}

/**
 * An abort signal that SIGINT, SIGTERM and SIGHUP raise. The first lets the work save what it has; a second one ends the program
 * at once.
 *
 * @param howToGoOn what the last line says once the work has stopped; a function is called only then
 */
export function abortOnInterrupt(howToGoOn: string | (() => string)): AbortSignal {
  const controller = new AbortController();
  for (const name of stopSignals) {
    process.on(name, () => {
      const interrupted = new Interrupted(name, howToGoOn);
      if (controller.signal.aborted) process.exit(interrupted.exitCode);
      process.stderr.write('\nStopping; once more to stop at once.\n');
      controller.abort(interrupted);
    });
  }
  return controller.signal;
}

/** For work that may be ended at any moment without harm: SIGINT, SIGTERM and SIGHUP end the program with a word on how to go on. */
export function exitOnInterrupt(howToGoOn: string): void {
  for (const name of stopSignals) {
    process.on(name, () => {
      const interrupted = new Interrupted(name, howToGoOn);
      process.stderr.write(`\n${interrupted.lastLine()}\n`);
      process.exit(interrupted.exitCode);
    });
  }
}
