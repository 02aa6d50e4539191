import { constants } from 'node:os';

/** Why work stopped: a signal of the user or the system. */
export class Interrupted extends Error {
  /** 128 plus the signal's number, as shells report it: 130 for SIGINT, 143 for SIGTERM. */
  readonly exitCode: number;

  constructor(readonly signalName: 'SIGINT' | 'SIGTERM') {
    super(`interrupted by ${signalName}`);
    this.exitCode = 128 + constants.signals[signalName];
  }
}

/**
 * An abort signal that SIGINT and SIGTERM raise. The first lets the work save what it has; a second one ends the program
 * at once.
 */
export function abortOnInterrupt(onFirst: () => void = () => {}): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      const interrupted = new Interrupted(name);
      if (controller.signal.aborted) process.exit(interrupted.exitCode);
      onFirst();
      controller.abort(interrupted);
    });
  }
  return controller.signal;
}
