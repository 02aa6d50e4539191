import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { packageFolder } from '../package.js';

/** A configuration's file, and the folder to which its paths are relative. */
export interface ConfigPlace {
  readonly file: string;
  readonly folder: string;
}

const shippedFolder = join(packageFolder, 'configs');

/**
 * Where a configuration is read and where its paths lead. Paths are relative to its own folder, with two exceptions
 * that keep the output of runs out of node_modules:
 * - a missing `configs/NAME.yaml` is the one shipped with coldstart, read as if it were there;
 * - a file of a package in node_modules is read as if the package were the current folder.
 *
 * @param path absolute
 */
export function configPlace(path: string): ConfigPlace {
  if (existsSync(path)) return { file: path, folder: dirname(asIfInstalledHere(path)) };
  const name = basename(path);
  const isShipped = basename(dirname(path)) === 'configs' && existsSync(join(shippedFolder, name));
  return { file: isShipped ? join(shippedFolder, name) : path, folder: dirname(path) };
}

/** The place of a configuration that another one extends. @param named the path in `extends` */
export function extendedPlace(from: ConfigPlace, named: string): ConfigPlace {
  const file = resolve(dirname(from.file), named);
  const isNeighbour = dirname(file) === dirname(from.file) && existsSync(file);
  return isNeighbour ? { file, folder: from.folder } : configPlace(file);
}

/** A hint for a path without a file: the shipped configuration of that name, or else all that are shipped. */
export function shippedHint(path: string): string {
  const name = `${basename(path).replace(/\.ya?ml$/, '')}.yaml`;
  const shipped = existsSync(shippedFolder) ? readdirSync(shippedFolder).filter((file) => file.endsWith('.yaml')) : [];
  if (shipped.includes(name)) return ` coldstart brings one of that name: configs/${name}.`;
  return shipped.length > 0 ? ` Check the path, or take one that coldstart brings: configs/${shipped.join(', ')}.` : '';
}

function asIfInstalledHere(path: string): string {
  const inPackage = /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+[\\/](.+)$/.exec(path)?.[1];
  return inPackage === undefined ? path : resolve(inPackage);
}
