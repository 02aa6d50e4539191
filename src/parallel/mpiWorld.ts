import { createRequire } from 'node:module';
import { ColdstartError } from '../errors.js';
import { builtMpi } from './mpiFiles.js';
import { installMpi } from './buildMpi.js';
import type { World } from './world.js';

/** What native/mpi/world.cpp exports. */
interface MpiAddon {
  readonly version: string;
  init(): Promise<{ rank: number; size: number; host: string; library: string }>;
  finalize(): Promise<void>;
  broadcast(bytes: Uint8Array, root: number): Promise<void>;
  allGather(own: Uint8Array, all: Uint8Array, counts: Int32Array): Promise<void>;
  exchange(send: Float32Array, sendCounts: Int32Array, receive: Float32Array, receiveCounts: Int32Array): Promise<void>;
}

/** The version of the interface above. */
const expectedVersion = '1';

/** MPI's world, of which this process is one. */
export interface MpiWorld extends World {
  /** "Open MPI v4.1.4" */
  readonly library: string;
}

/** How mpirun, srun and others tell a process how many there are, and which it is. */
const sizeVariables = ['OMPI_COMM_WORLD_SIZE', 'PMI_SIZE', 'PMIX_SIZE'];
const rankVariables = ['OMPI_COMM_WORLD_RANK', 'PMI_RANK', 'PMIX_RANK'];
const localSizeVariables = ['OMPI_COMM_WORLD_LOCAL_SIZE', 'MPI_LOCALNRANKS', 'SLURM_NTASKS_PER_NODE'];

const numberIn = (names: readonly string[], env: NodeJS.ProcessEnv): number | undefined => {
  const found = names.map((name) => env[name]).find((value) => value !== undefined && /^\d+$/.test(value));
  return found === undefined ? undefined : Number(found);
};

/**
 * What the launcher says before MPI is started; undefined if the program was not started as one of several processes.
 */
export function launched(
  env: NodeJS.ProcessEnv = process.env,
): { readonly rank: number; readonly size: number; readonly onThisHost: number } | undefined {
  const underSlurm = env['SLURM_STEP_NUM_TASKS'] !== undefined && env['PMIX_RANK'] !== undefined;
  const size = numberIn(sizeVariables, env) ?? (underSlurm ? numberIn(['SLURM_STEP_NUM_TASKS'], env) : undefined);
  if (size === undefined || size < 2) return undefined;
  return { size, rank: numberIn(rankVariables, env) ?? 0, onThisHost: numberIn(localSizeVariables, env) ?? 1 };
}

/**
 * Starts MPI in this process.
 * @throws ColdstartError code BACKEND_MISSING if the addon was not built, NATIVE_LOAD if it does not load,
 * NATIVE_VERSION if it was built from other sources
 */
export async function joinMpi(): Promise<MpiWorld> {
  const addon = loadMpi();
  const { rank, size, host, library } = await addon.init();
  return {
    rank,
    size,
    host,
    library,
    broadcast: (bytes, root) => addon.broadcast(bytes, root),
    async allGather(own) {
      const lengths = new Uint8Array(4 * size);
      await addon.allGather(new Uint8Array(Int32Array.of(own.length).buffer), lengths, new Int32Array(size).fill(4));
      const counts = new Int32Array(lengths.buffer);
      const all = new Uint8Array(counts.reduce((sum, count) => sum + count, 0));
      await addon.allGather(own, all, counts);
      let start = 0;
      return [...counts].map((count) => all.subarray(start, (start += count)));
    },
    exchange: (send, sendCounts, receive, receiveCounts) =>
      addon.exchange(send, Int32Array.from(sendCounts), receive, Int32Array.from(receiveCounts)),
    async finish() {
      // MPI_Finalize waits without sleeping, so everybody comes to it at the same time
      await addon.allGather(new Uint8Array(1), new Uint8Array(size), new Int32Array(size).fill(1));
      await addon.finalize();
    },
  };
}

function loadMpi(): MpiAddon {
  const path = builtMpi();
  if (path === undefined)
    throw new ColdstartError(
      'BACKEND_MISSING',
      `several processes were started, and the addon for MPI is not built. Install an MPI (${installMpi}) and run "npx coldstart build-native".`,
    );
  let addon: MpiAddon;
  try {
    addon = createRequire(import.meta.url)(path) as MpiAddon;
  } catch (cause) {
    throw new ColdstartError(
      'NATIVE_LOAD',
      `${path} does not load: ${(cause as Error).message}. Run "npx coldstart build-native" again.`,
      { cause },
    );
  }
  if (addon.version !== expectedVersion)
    throw new ColdstartError(
      'NATIVE_VERSION',
      `${path} was built from other sources (version ${addon.version}, expected ${expectedVersion}). Run "npx coldstart build-native".`,
    );
  return addon;
}
