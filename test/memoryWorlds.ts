import type { World } from '../src/parallel/world.js';

/** The worlds of several processes that are only promises in one: for tests of what they do together. */
export function memoryWorlds(size: number): World[] {
  const rounds: {
    arrived: number;
    values: unknown[];
    done: Promise<unknown[]>;
    finish: (values: unknown[]) => void;
  }[] = [];
  const at = new Array<number>(size).fill(0);
  /** Everybody's value, once all have come to the same call. */
  const meet = <T>(rank: number, value: T): Promise<T[]> => {
    const number = at[rank]++;
    if (rounds[number] === undefined) {
      let finish!: (values: unknown[]) => void;
      const done = new Promise<unknown[]>((resolve) => (finish = resolve));
      rounds[number] = { arrived: 0, values: [], done, finish };
    }
    const round = rounds[number];
    round.values[rank] = value;
    if (++round.arrived === size) round.finish(round.values);
    return round.done as Promise<T[]>;
  };
  const partOf = (all: Float32Array, counts: readonly number[], rank: number): Float32Array => {
    const start = counts.slice(0, rank).reduce((sum, count) => sum + count, 0);
    return all.slice(start, start + counts[rank]);
  };
  return Array.from({ length: size }, (_, rank): World => ({
    rank,
    size,
    host: 'memory',
    async broadcast(bytes, root) {
      bytes.set((await meet(rank, bytes.slice()))[root]);
    },
    allGather: (own) => meet(rank, own.slice()),
    async exchange(send, sendCounts, receive, receiveCounts) {
      const all = await meet(rank, { send: send.slice(), sendCounts });
      let start = 0;
      all.forEach((other, from) => {
        const part = partOf(other.send, other.sendCounts, rank);
        if (part.length !== receiveCounts[from])
          throw new Error(`${from} sent ${part.length} to ${rank}, which expected ${receiveCounts[from]}`);
        receive.set(part, start);
        start += part.length;
      });
    },
    async finish() {
      await meet(rank, undefined);
    },
  }));
}
