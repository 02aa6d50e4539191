import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { packageFolder, version } from '../../package.js';

/** The compiled engine, in one of `engineFolders`. */
export const engineFile = 'coldstart.node';

export interface EnginePlace {
  /** The package with the engine's sources in native/. Default: coldstart's own. */
  readonly packageFolder?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * The folders where the engine may be. It is built in the first folder, and loaded from the first that has it.
 *
 * The package's own folder comes first if it can be written. The other one is the user's cache, by version, system,
 * processor and version of Node-API: an engine serves every Node that has this Node-API.
 */
export function engineFolders({ packageFolder: root = packageFolder, env = process.env }: EnginePlace = {}): string[] {
  const own = join(root, 'native/build');
  const name = `${version}-${process.platform}-${process.arch}-napi${nodeApi}`;
  const cached = join(cacheFolder(env), 'coldstart/native', name);
  return isWritable(existsSync(own) ? own : join(root, 'native')) ? [own, cached] : [cached, own];
}

/** The Node-API that the engine is compiled for. */
export const nodeApi = 8;

/** The engine that is loaded; undefined if none was built. */
export function builtEngine(place: EnginePlace = {}): string | undefined {
  return engineFolders(place)
    .map((folder) => join(folder, engineFile))
    .find((path) => existsSync(path));
}

function cacheFolder({ XDG_CACHE_HOME: named }: NodeJS.ProcessEnv): string {
  if (named) return named;
  return join(homedir(), process.platform === 'darwin' ? 'Library/Caches' : '.cache');
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
