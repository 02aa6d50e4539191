import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { isAlias, isMap, isScalar, stringify, type YAMLMap } from 'yaml';
import { UsageError } from '../errors.js';
import { readTextFile } from '../storage/textFile.js';
import { isField, refusal, shown as shownValue, type Field, type Section } from '../field.js';
import { configPlace, extendedPlace, shippedHint, type ConfigPlace } from './configPlace.js';
import { schema, type Config } from './schema.js';
import { suggest } from '../suggest.js';
import { refuseWithoutEffect } from './withoutEffect.js';
import { namedRecipe, recipeLayer, type RecipeLayer } from './recipeLayer.js';
import { readYaml, type YamlText } from './yamlText.js';
import { readRecipe } from '../corpus/fetch/readRecipe.js';
import { isThere } from '../storage/isThere.js';

/** One setting as given in a text. */
export interface Setting {
  readonly key: string;
  readonly value: unknown;
  /** File and line, or the option of the command line, for messages. */
  readonly where: string;
  /** The number of the text that gave it: later texts win. */
  readonly source: number;
  /** Whether a recipe gave it. */
  readonly ofRecipe?: boolean;
}

/** A `key=value` text; with the option that gave it, for messages, if it was not --set. */
export type Change = string | { readonly option: string; readonly change: string };

/** Where the settings of a configuration were given. */
const placesOf = new WeakMap<Config, ReadonlyMap<string, string>>();

const fileOf = new WeakMap<Config, string>();

/** Configurations are small; anything larger is not a configuration. */
const maxConfigBytes = 2 ** 20;

/**
 * Reads a configuration file, what it `extends`, the recipe that it names, and changes given on the command line; later
 * ones win.
 *
 * @param path YAML file
 * @param changes e.g. "train.lr=0.001"; the value is read as YAML, paths are relative to the current folder
 * @throws UsageError naming file and line for unknown keys (with the nearest known one) and values that cannot be used
 */
export function loadConfig(path: string, changes: readonly Change[] = []): Config {
  const settings = readAll(path, changes);
  refuseWithoutEffect(settings);
  const config = resolveConfig(settings);
  fileOf.set(config, path);
  return config;
}

/** The file that a configuration was read from, as its reader called it; undefined if it was made otherwise. */
export function configFile(config: Config): string | undefined {
  return fileOf.get(config);
}

/** Where a setting was given: file and line, or the option of the command line; undefined for a default. */
export function settingPlace(config: Config, key: string): string | undefined {
  return placesOf.get(config)?.get(key);
}

/**
 * Reads the configuration that a run wrote. It may hold settings without effect: versions differ in which they refuse.
 *
 * @throws UsageError as `loadConfig`
 */
export function loadRunConfig(path: string): Config {
  return resolveConfig(readAll(path, []));
}

function readAll(path: string, changes: readonly Change[]): Setting[] {
  const sources: Setting[][] = [];
  readSettings(configPlace(resolve(path)), [], sources);
  for (const change of changes) sources.push(parseChange(change, sources.length));
  return sources.flat();
}

/** The configuration with some settings changed, e.g. an arm of an ablation. @param where their place, for messages */
export function changeConfig(config: Config, changes: Readonly<Record<string, unknown>>, where: string): Config {
  const places = placesOf.get(config);
  const settings = Object.entries(changes).map(([key, value]) => ({
    key,
    value: checkedValue(key, { value }, where, process.cwd()),
    where,
    source: 1,
  }));
  const base = flatten(schema).map(([key]) => ({
    key,
    value: valueAt(config, key),
    where: places?.get(key) ?? '',
    source: 0,
  }));
  const changed = resolveConfig([...base, ...settings]);
  const file = fileOf.get(config);
  if (file !== undefined) fileOf.set(changed, file);
  return changed;
}

/**
 * Runs a check of several settings together. If it refuses a setting with a message that begins with the key, the
 * error also names the file and the line.
 */
export function withPlaces<T>(config: Pick<Config, never>, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause;
    const place = placesOf.get(config as Config)?.get(/^[\w.]+/.exec(cause.message)?.[0] ?? '');
    if (!place) throw cause;
    throw new UsageError(`${place}: ${cause.message}`, { cause });
  }
}

/** A configuration with nothing set. */
export function defaultConfig(): Config {
  return resolveConfig([]);
}

/** YAML that gives the same configuration back. Settings without a value are left out. */
export function configToYaml(config: Config): string {
  return stringify(config, { lineWidth: 0, keepUndefined: false });
}

/** Keys whose values differ, as `key: a → b`. */
export function configDifferences(a: Config, b: Config): string[] {
  return flatten(schema)
    .filter(([key]) => JSON.stringify(valueAt(a, key)) !== JSON.stringify(valueAt(b, key)))
    .map(([key]) => `${key}: ${shown(valueAt(a, key))} → ${shown(valueAt(b, key))}`);
}

/** The value of a setting; undefined also for an unknown name. */
export function settingOf(config: Config, key: string): unknown {
  const entry = lookUp(schema, key);
  return entry !== undefined && isField(entry) ? valueAt(config, key) : undefined;
}

/** Every setting with its full key, in the schema's order. */
export function flatten(section: Section, prefix = ''): [string, Field<unknown>][] {
  return Object.entries(section).flatMap(([key, entry]): [string, Field<unknown>][] =>
    isField(entry) ? [[prefix + key, entry]] : flatten(entry as Section, `${prefix}${key}.`),
  );
}

function shown(value: unknown): string {
  return value === undefined ? 'not set' : shownValue(value);
}

function resolveConfig(settings: readonly Setting[]): Config {
  const given = new Map(settings.map(({ key, value }) => [key, value]));
  const build = (section: Section, prefix: string): unknown =>
    Object.fromEntries(
      Object.entries(section).map(([key, entry]) => {
        const full = prefix + key;
        if (!isField(entry)) return [key, build(entry as Section, `${full}.`)];
        return [key, given.has(full) ? given.get(full) : entry.default];
      }),
    );
  const config = build(schema, '') as Config;
  placesOf.set(config, new Map(settings.filter(({ where }) => where !== '').map(({ key, where }) => [key, where])));
  return config;
}

/** Adds the settings of a file and of those it extends to the sources, those extended first. */
function readSettings(place: ConfigPlace, from: readonly string[], sources: Setting[][]): void {
  const { file: path, folder } = place;
  if (from.includes(path))
    throw new UsageError(`configurations extend each other in a circle: ${[...from, path].join(' → ')}.`);
  if (!isThere(path))
    throw new UsageError(
      `there is no configuration ${path}${from.length > 0 ? `, which ${from[from.length - 1]} extends` : ''}.${shippedHint(path)}`,
    );
  if (statSync(path).isDirectory())
    throw new UsageError(
      `${path} is a folder, expected a configuration file${from.length > 0 ? ` (${from[from.length - 1]} extends it)` : ''}.`,
    );
  const yaml = readYaml(readTextFile(path, 'configuration', maxConfigBytes), path);
  const root = yaml.contents;
  if (root === null) return;
  if (!isMap(root)) throw new UsageError(`${path} holds ${yaml.written(root)}, expected "key: value" lines.`);
  const directive = (name: string) => root.items.find(({ key }) => isScalar(key) && key.value === name);
  const base = directive('extends');
  if (base !== undefined) {
    const other = yaml.valueOf(base.value, `${yaml.place(base.key)}: extends`);
    if (typeof other !== 'string')
      throw new UsageError(
        `${yaml.place(base.key)}: extends is ${yaml.written(base.value)}, expected the path of another configuration.`,
      );
    readSettings(extendedPlace(place, other), [...from, path], sources);
  }
  const recipe = directive('recipe');
  if (recipe !== undefined) {
    const where = `${yaml.place(recipe.key)}: recipe`;
    const { layer, text } = namedRecipe(yaml.valueOf(recipe.value, where), where, folder);
    const source = sources.length;
    dropRecipes(sources);
    const given = Object.entries(text).map(([key, value]) => ({ key, value, where, source }));
    sources.push([...given, ...recipeSettings(layer, source)].map((setting) => ({ ...setting, ofRecipe: true })));
  }
  const settings: Setting[] = [];
  const entries = root.items.filter((item) => item !== base && item !== recipe);
  collect(entries, schema, '', { yaml, folder: folder, source: sources.length }, settings, new Map());
  if (recipe === undefined && settings.some(({ key }) => key.startsWith('corpus.train.'))) dropRecipes(sources);
  sources.push(settings);
}

/** Drops an extended configuration's recipe: it describes that configuration's text, not the text named now. */
function dropRecipes(sources: Setting[][]): void {
  sources.forEach((settings, i) => (sources[i] = settings.filter(({ ofRecipe }) => !ofRecipe)));
}

/** @throws UsageError naming file and line for settings of a recipe that cannot be used */
export function checkRecipe(nameOrPath: string): void {
  for (const pair of readRecipe(nameOrPath).pairs)
    refuseWithoutEffect(recipeSettings(recipeLayer(nameOrPath, pair), 0));
}

function recipeSettings({ yaml, folder, sections }: RecipeLayer, source: number): Setting[] {
  const settings: Setting[] = [];
  for (const entries of sections)
    collect(entries, schema.corpus, 'corpus.', { yaml, folder, source }, settings, new Map());
  return settings;
}

interface Source {
  readonly yaml: YamlText;
  readonly folder: string;
  readonly source: number;
}

/** Adds the settings of a map. @param seen where each key was given first: nested and dotted keys mean the same */
function collect(
  entries: YAMLMap['items'],
  section: Section,
  prefix: string,
  source: Source,
  settings: Setting[],
  seen: Map<string, string>,
): void {
  const { yaml } = source;
  for (const { key: keyNode, value: node } of entries) {
    const key = String(isScalar(keyNode) ? keyNode.value : keyNode);
    const full = prefix + key;
    const where = yaml.place(keyNode);
    const target = isAlias(node) ? node.resolve(yaml.document) : node;
    // a dotted key at any level means the same as nesting
    const entry = lookUp(section, key);
    if (entry === undefined) throw unknownKey(full, where);
    if (isField(entry)) {
      const first = seen.get(full);
      if (first !== undefined)
        throw new UsageError(`${where}: ${full} is set twice, first in ${first}. Remove one of the two.`);
      seen.set(full, where);
      const value = yaml.valueOf(node, `${where}: ${full}`);
      const written = yaml.written(target);
      settings.push({
        key: full,
        value: checkedValue(full, { value, written }, where, source.folder),
        where,
        source: source.source,
      });
    } else if (isMap(target)) {
      collect(target.items, entry, `${full}.`, source, settings, seen);
    } else if (target !== null && !(isScalar(target) && target.value === null)) {
      throw new UsageError(
        `${where}: ${full} is ${yaml.written(target)}, but it is a group of settings (${Object.keys(entry).slice(0, 4).join(', ')}, ...). Name one of them.`,
      );
    }
  }
}

/** The key of a `key=value` text. */
export function settingKey(change: Change): string {
  const text = textOfChange(change);
  return text.slice(0, text.indexOf('='));
}

const textOfChange = (change: Change): string => (typeof change === 'string' ? change : change.change);

function parseChange(given: Change, source: number): Setting[] {
  const where = typeof given === 'string' ? '--set' : given.option;
  const change = textOfChange(given);
  const equals = change.indexOf('=');
  if (equals < 1) throw new UsageError(`--set ${change}: expected key=value, e.g. --set train.lr=0.001.`);
  const key = settingKey(change);
  const yaml = readYaml(change.slice(equals + 1), `--set ${key}`);
  const value = yaml.valueOf(yaml.contents, `--set ${key}`);
  const written = change.slice(equals + 1).trim();
  return [{ key, value: checkedValue(key, { value, written }, where, process.cwd()), where, source }];
}

/** A value, and its text in the file. */
interface Given {
  readonly value: unknown;
  readonly written?: string;
}

function checkedValue(key: string, { value, written }: Given, where: string, folder: string): unknown {
  const entry = lookUp(schema, key);
  if (entry === undefined) throw unknownKey(key, where);
  if (!isField(entry))
    throw new UsageError(
      `${where}: ${key} is a group of settings (${Object.keys(entry).slice(0, 4).join(', ')}, ...); name one of them.`,
    );
  if (value === undefined || (value === null && entry.default === undefined)) return undefined;
  const asWritten = value === null ? 'empty (null)' : typeof value === 'string' ? undefined : written;
  const refused = refusal(entry, value, key, asWritten);
  if (refused !== undefined) throw new UsageError(`${where}: ${refused}`);
  const parsed = entry.parse(value);
  if (entry.mapSettings)
    return entry.mapSettings(parsed, (inner, setting, within) =>
      checkedValue(inner, { value: setting }, `${where}: ${key}.${within}`, folder),
    );
  return entry.isPath ? resolve(folder, parsed as string) : parsed;
}

function unknownKey(key: string, where: string): UsageError {
  const known = flatten(schema).map(([name]) => name);
  const groups = [
    ...new Set(known.flatMap((name) => (name.includes('.') ? [name.slice(0, name.lastIndexOf('.'))] : []))),
  ];
  const last = key.slice(key.lastIndexOf('.') + 1);
  const sameName = known.filter((name) => name.endsWith(`.${last}`)).join(' or ');
  const guess = suggest(key, [...known, ...groups]) ?? (sameName || undefined);
  return new UsageError(
    `${where}: unknown setting ${key}${guess ? `; did you mean ${guess}?` : '. See docs/reference/config.md for all settings.'}`,
  );
}

function lookUp(section: Section, key: string): Field<unknown> | Section | undefined {
  let entry: Field<unknown> | Section | undefined = section;
  for (const part of key.split('.')) {
    if (entry === undefined || isField(entry) || !Object.hasOwn(entry, part)) return undefined;
    entry = (entry as Section)[part] as Field<unknown> | Section;
  }
  return entry;
}

function valueAt(config: Config, key: string): unknown {
  return key.split('.').reduce<unknown>((value, part) => (value as Record<string, unknown>)[part], config);
}
