import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { engineFolders, type EnginePlace } from '../backend/native/engineFolders.js';

/** The compiled addon for MPI, next to the engine. */
export const mpiFile = 'coldstart-mpi.node';

/** The addon that is loaded; undefined if none was built. */
export function builtMpi(place: EnginePlace = {}): string | undefined {
  return engineFolders(place)
    .map((folder) => join(folder, mpiFile))
    .find((path) => existsSync(path));
}
