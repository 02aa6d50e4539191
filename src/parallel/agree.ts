import { ColdstartError } from '../errors.js';
import { allGatherJson, type World } from './world.js';

/** Ends work here because another process was asked to stop; this one's signal is not aborted yet. */
export class StoppedByOther extends Error {
  constructor() {
    super('another process was asked to stop');
  }
}

const finished = new WeakSet<World>();

/**
 * Says that the processes have no more work together: each of them comes to `world.finish` next, whatever it does alone
 * before.
 */
export function endWork(world: World): void {
  finished.add(world);
}

/** Whether `endWork` was called here. */
export function hasEndedWork(world: World): boolean {
  return finished.has(world);
}

/**
 * Throws on all processes if any was asked to stop: its signal's reason where it is aborted, StoppedByOther elsewhere.
 */
export async function throwIfAnyStops(world: World, signal: AbortSignal | undefined): Promise<void> {
  if (await anyStops(world, signal)) throwStopped(signal);
}

/** The signal's reason where it is aborted, StoppedByOther elsewhere. */
export function throwStopped(signal: AbortSignal | undefined): never {
  signal?.throwIfAborted();
  throw new StoppedByOther();
}

/** Whether any process was asked to stop; all get the same answer. */
async function anyStops(world: World, signal: AbortSignal | undefined): Promise<boolean> {
  return (await allGatherJson(world, signal?.aborted === true)).some((stops) => stops);
}

/**
 * @param own the same text on all processes, or a digest
 * @param what it is of, for the message
 * @throws ColdstartError code PROCESSES_DIFFER, on all processes, naming the first one that has something else than the
 * leader
 */
export async function requireSame(world: World, own: string, what: string): Promise<void> {
  const all = await allGatherJson(world, { own, host: world.host });
  const other = all.findIndex((one) => one.own !== all[0].own);
  if (other < 0) return;
  endWork(world);
  throw new ColdstartError(
    'PROCESSES_DIFFER',
    `process ${other} on ${all[other].host} has other ${what} than process 0 on ${all[0].host}: one of the two computes something else, or its memory is faulty. Run "coldstart doctor" on both, and resume from the last checkpoint.`,
  );
}
