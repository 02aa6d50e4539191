import { setTimeout as sleep } from 'node:timers/promises';
import { ColdstartError, UsageError } from '../errors.js';
import { hasEndedWork } from '../parallel/agree.js';
import type { World } from '../parallel/world.js';
import type { Processes } from '../run/processes.js';

/**
 * What fails on all processes is the leader's to report, whose end makes mpirun end the others; a follower ends by
 * itself after so long.
 */
const leaderReportsWithin = 120_000;
/** How long a process that has failed waits for the others, which have no more work. */
const othersComeWithin = 10_000;

/**
 * Does the work of a command in one of the processes that mpirun or srun started; alone if none did.
 * @param check throws what fails on all processes if it fails on one
 * @param work `processes` is undefined in a program that was started alone
 */
export async function amongProcesses(
  check: () => void,
  work: (processes: Processes | undefined) => Promise<void>,
): Promise<void> {
  const { launched, joinMpi } = await import('../parallel/mpiWorld.js');
  const launch = launched();
  if (launch === undefined) return work(undefined);
  let where = '';
  let world: World | undefined;
  try {
    check();
    world = await joinMpi();
    if (world.size !== launch.size)
      throw new UsageError(
        `the launcher started ${launch.size} processes, and MPI sees ${world.size}: the addon was built with another MPI than the launcher's. Build it with the launcher's (MPICXX=... npx coldstart build-native).`,
      );
    where = `process ${world.rank} on ${world.host}`;
    await work({ world, onThisHost: launch.onThisHost });
    await world.finish();
  } catch (error) {
    if (world && hasEndedWork(world)) {
      // all leave MPI before the leader fails, or the launcher would wait for the others and kill them
      await Promise.race([world.finish(), sleep(othersComeWithin, undefined, { ref: false })]);
      const isReported = error instanceof ColdstartError && error.code === 'PROCESSES_DIFFER';
      if (isReported && launch.rank > 0) return;
    }
    if (launch.rank === 0) throw error;
    if (where === '') {
      for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => process.exit(1));
      await sleep(leaderReportsWithin);
    }
    throw error instanceof ColdstartError && where !== ''
      ? new ColdstartError(error.code, `${where}: ${error.message}`, { cause: error })
      : error;
  }
}
