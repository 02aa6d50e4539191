/**
 * The processes that train one model together, as MPI's world has them. Every process makes the same calls in the same
 * order.
 */
export interface World {
  /** This process's number, from 0. Process 0 leads: it alone writes and logs. */
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

/** Numbers that JSON has no text for. */
const ownText = (value: number): boolean => !Number.isFinite(value) || Object.is(value, -0);

/** JSON that keeps every bit of a number, and NaN, infinities and -0 too. */
function toBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'number' && ownText(part) ? { number: Object.is(part, -0) ? '-0' : String(part) } : part,
    ),
  );
}

function fromBytes<T>(bytes: Uint8Array): T {
  const isNumber = (part: unknown): part is { number: string } =>
    typeof part === 'object' && part !== null && Object.keys(part).join() === 'number';
  return JSON.parse(new TextDecoder().decode(bytes), (_, part: unknown) =>
    isNumber(part) ? Number(part.number) : part,
  ) as T;
}

/** The values of all processes, in the order of ranks. */
export async function allGatherJson<T>(world: World, own: T): Promise<T[]> {
  return (await world.allGather(toBytes(own))).map((bytes) => fromBytes<T>(bytes));
}

/** The leader's value; other processes give undefined. */
export async function broadcastJson<T>(world: World, own: T | undefined): Promise<T> {
  const bytes = own === undefined ? undefined : toBytes(own);
  const length = new Float64Array([bytes?.length ?? 0]);
  await world.broadcast(new Uint8Array(length.buffer), 0);
  const received = bytes ?? new Uint8Array(length[0]);
  await world.broadcast(received, 0);
  return fromBytes<T>(received);
}
