import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

/*
 * Preloaded into the processes of a job under mpirun: kills one of them right after the leader has written a certain
 * thing. From the environment: KILL_FOLDER for the processes' numbers, KILL_RANK, and KILL_AT, a pattern of what is
 * written ("append TEXT", "write TEXT", "open PATH", "rename PATH"); empty: at the start. The file "killed" in the
 * folder says that it was done.
 */
const { KILL_FOLDER: folder = '', KILL_RANK: rank = '0', KILL_AT: at = '', OMPI_COMM_WORLD_RANK: own } = process.env;

function kill(): void {
  fs.writeFileSync(join(folder, 'killed'), '');
  process.kill(Number(fs.readFileSync(join(folder, `pid-${rank}`), 'utf8')), 'SIGKILL');
}

/** The first characters of what is written. */
const textOf = (data: unknown): string =>
  typeof data === 'string' ? data.slice(0, 100) : Buffer.from(data as Uint8Array).toString('latin1', 0, 100);

fs.writeFileSync(join(folder, `pid-${own}`), String(process.pid));
if (at === '' && own === rank) kill();
if (at !== '' && own === '0') {
  const watch = <A extends unknown[], R>(original: (...args: A) => R, described: (...args: A) => string) =>
    ((...args: A): R => {
      const result = original(...args);
      if (new RegExp(at).test(described(...args))) kill();
      return result;
    }) as never;
  fs.appendFileSync = watch(fs.appendFileSync, (_, data) => `append ${textOf(data)}`);
  fs.writeSync = watch(fs.writeSync as (...args: unknown[]) => number, (_, data) => `write ${textOf(data)}`);
  fs.openSync = watch(fs.openSync, (path) => `open ${String(path)}`);
  fs.renameSync = watch(fs.renameSync, (_, path) => `rename ${String(path)}`);
  syncBuiltinESMExports();
}
