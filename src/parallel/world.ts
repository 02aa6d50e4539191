/** The processes that train one model together, as MPI's world has them. Every process makes the same calls in the same order. */
export interface World {
  /** This process's number, from 0. Process 0 leads: it alone writes, logs and validates. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /** The machine that this process is on. */
  readonly host: string;
  /** The root's bytes, in everybody's array, which has the same length. */
  broadcast(bytes: Uint8Array, root: number): Promise<void>;
  /** Everybody's bytes, in the order of ranks; each process may give another number of them. */
  allGather(own: Uint8Array): Promise<Uint8Array[]>;
  /**
   * To each process its part of `send`, and from each process its part into `receive`.
   * @param sendCounts elements for each rank, in order
   * @param receiveCounts elements from each rank, in order
   */
  exchange(
    send: Float32Array,
    sendCounts: readonly number[],
    receive: Float32Array,
    receiveCounts: readonly number[],
  ): Promise<void>;
  /** Waits for everybody and leaves the world. */
  finish(): Promise<void>;
}

/** The values of all processes, in the order of ranks. */
export async function allGatherJson<T>(world: World, own: T): Promise<T[]> {
  const all = await world.allGather(new TextEncoder().encode(JSON.stringify(own)));
  return all.map((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as T);
}

/** The leader's value; other processes give undefined. */
export async function broadcastJson<T>(world: World, own: T | undefined): Promise<T> {
  const bytes = own === undefined ? undefined : new TextEncoder().encode(JSON.stringify(own));
  const length = new Float64Array([bytes?.length ?? 0]);
  await world.broadcast(new Uint8Array(length.buffer), 0);
  const received = bytes ?? new Uint8Array(length[0]);
  await world.broadcast(received, 0);
  return JSON.parse(new TextDecoder().decode(received)) as T;
}
