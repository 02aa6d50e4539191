import { ColdstartError, DataError, UsageError, type ErrorCode } from '../errors.js';
import { allGatherJson, type World } from './world.js';

/** What a process has when its share of the work is over. */
interface Outcome<T> {
  readonly results: readonly T[];
  readonly stopped: boolean;
  readonly failure?: { readonly item: number; readonly code: ErrorCode; readonly message: string };
}

/**
 * Work on items that do not depend on each other, shared out among processes: all call this, and all get every result.
 * An item is computed by one process exactly as a single process computes it. The processes take turns, since
 * neighbours are often of similar size.
 *
 * @param world undefined: this process does all the work
 * @param count of items
 * @param compute the result of an item, plain JSON; once the signal is aborted it may reject
 * @param signal asks all processes to stop; looked at before and after each item
 * @returns results in the order of items; undefined if any process was asked to stop
 * @throws on all processes: the ColdstartError of the first item that failed, which is the one that a single process
 * would throw
 */
export async function shareOut<T>(
  world: World | undefined,
  count: number,
  compute: (item: number) => Promise<T> | T,
  signal?: AbortSignal,
): Promise<readonly T[] | undefined> {
  if (world === undefined) return alone(count, compute, signal);
  const results: T[] = [];
  const itemsPerRound = world.size * itemsBetweenQuestions;
  for (let first = 0; first < count; first += itemsPerRound) {
    const end = Math.min(count, first + itemsPerRound);
    const all = await allGatherJson(world, await ownShare(world, first, end, compute, signal));
    if (all.some(({ stopped }) => stopped)) return undefined;
    const failures = all.flatMap(({ failure }) => failure ?? []).sort((a, b) => a.item - b.item);
    if (failures.length > 0) throw failed(failures[0]);
    for (let item = first; item < end; item++)
      results.push(all[item % world.size].results[Math.floor((item - first) / world.size)]);
  }
  return results;
}

/** Items that a process computes before all ask each other whether to stop: few, so that a signal is answered soon. */
const itemsBetweenQuestions = 4;

/** The error of another process, of the class that it had there. */
function failed({ code, message }: { readonly code: ErrorCode; readonly message: string }): ColdstartError {
  if (code === 'USAGE') return new UsageError(message);
  return code === 'DATA' ? new DataError(message) : new ColdstartError(code, message);
}

async function alone<T>(
  count: number,
  compute: (item: number) => Promise<T> | T,
  signal: AbortSignal | undefined,
): Promise<readonly T[] | undefined> {
  const results: T[] = [];
  for (let item = 0; item < count; item++) {
    if (signal?.aborted) return undefined;
    results.push(await compute(item));
  }
  return results;
}

async function ownShare<T>(
  { rank, size }: World,
  first: number,
  end: number,
  compute: (item: number) => Promise<T> | T,
  signal: AbortSignal | undefined,
): Promise<Outcome<T>> {
  const results: T[] = [];
  const isAborted = (): boolean => signal?.aborted === true;
  for (let item = first + rank; item < end && !isAborted(); item += size) {
    try {
      results.push(await compute(item));
    } catch (error) {
      if (isAborted()) break;
      if (!(error instanceof ColdstartError)) throw error;
      const { code, message } = error;
      return { results, stopped: false, failure: { item, code, message } };
    }
  }
  return { results, stopped: isAborted() };
}
