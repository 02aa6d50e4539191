import { appendFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileVersionEvent, histogramOf, histogramsEvent, restartEvent, scalarsEvent } from './event.js';
import { tfRecord } from './record.js';
import { writeFailure } from '../../storage/writeFailure.js';

/**
 * A TensorBoard event file in a run's folder. Each start of a run writes a new file; after resuming from a
 * checkpoint the file says so first, and readers ignore later values in earlier files.
 */
export class EventFile {
  readonly path: string;

  /**
   * @param folder of the run
   * @param resumedAt the update from which the run resumes; 0 for a new run
   */
  constructor(folder: string, resumedAt: number) {
    // readers take files in the order of their names
    this.path = join(
      folder,
      `events.out.tfevents.${String(Date.now()).padStart(15, '0')}.${hostname()}.${process.pid}`,
    );
    this.append(fileVersionEvent(now()));
    if (resumedAt > 0) this.append(restartEvent({ wallTime: now(), step: resumedAt + 1 }));
  }

  scalars(step: number, scalars: Readonly<Record<string, number>>): void {
    this.append(scalarsEvent({ wallTime: now(), step }, scalars));
  }

  /** @param tensors values by tag */
  histograms(step: number, tensors: ReadonlyMap<string, ArrayLike<number>>): void {
    this.append(
      histogramsEvent(
        { wallTime: now(), step },
        new Map(Array.from(tensors, ([tag, values]) => [tag, histogramOf(values)])),
      ),
    );
  }

  private append(event: Uint8Array): void {
    try {
      appendFileSync(this.path, tfRecord(event));
    } catch (cause) {
      throw writeFailure(this.path, cause);
    }
  }
}

/** Seconds since 1970. */
const now = (): number => Date.now() / 1000;
