import type { DeviceEvents } from './deviceEvents.js';

/**
 * What Dawn passes to setImmediate: it handles the events that are due, and asks for another turn while some are
 * missing.
 */
type Tick = () => void;

/** Polls in a row before each further one waits, so that a software device has the cores. */
const polls = 64;
const pauseMilliseconds = 0.1;

/**
 * The turns in which Dawn looks whether the device has finished something.
 *
 * Dawn's Node wrapper asks for a turn with the global setImmediate, so a program that runs on never sees an event.
 * While Dawn is called through `during`, its request comes here instead: usually it gets its turn of the event loop,
 * and `waitFor` gives it turns at once.
 */
export class DawnEvents implements DeviceEvents {
  private tick: Tick | undefined;
  private inARow = 0;
  private readonly pause = new Int32Array(new SharedArrayBuffer(4));

  /** Runs something that calls Dawn and may start asynchronous work. */
  during<T>(call: () => T): T {
    const original = globalThis.setImmediate;
    globalThis.setImmediate = ((tick: Tick) => {
      this.tick = tick;
      original(() => {
        if (this.tick === tick) this.takeTurn();
      });
    }) as unknown as typeof setImmediate;
    try {
      return call();
    } finally {
      globalThis.setImmediate = original;
    }
  }

  /** Blocks until the condition holds, or nothing more can happen. */
  waitFor(isDone: () => boolean): void {
    while (!isDone() && this.tick !== undefined) this.takeTurn();
    this.inARow = 0;
  }

  /** Does not keep the program alive. */
  afterTurn(callback: () => void): void {
    setImmediate(callback).unref();
  }

  private takeTurn(): void {
    const { tick } = this;
    this.tick = undefined;
    if (++this.inARow > polls) Atomics.wait(this.pause, 0, 0, pauseMilliseconds);
    if (tick !== undefined) this.during(tick);
    if (this.tick === undefined) this.inARow = 0;
  }
}
