import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import {
  isAlias,
  isMap,
  isScalar,
  LineCounter,
  parse,
  parseDocument,
  stringify,
  type Document,
  type YAMLMap,
} from 'yaml';
import { UsageError } from '../errors.js';
import { readTextFile } from '../storage/textFile.js';
import { isField, type Field, type Section } from '../field.js';
import { schema, type Config } from './schema.js';
import { suggest } from '../suggest.js';

/** One setting that differs from its default: where it came from, for messages. */
interface Setting {
  readonly key: string;
  readonly value: unknown;
}

/** Configurations are small; anything larger is not one. */
const maxConfigBytes = 2 ** 20;

/**
 * Reads a configuration file, what it `extends`, and changes given on the command line; later ones win.
 *
 * @param path YAML file
 * @param changes `key=value` texts, e.g. "train.lr=0.001"; the value is read as YAML, paths are relative to the current folder
 * @throws UsageError naming file and line for unknown keys (with the nearest known one) and values that cannot be used
 */
export function loadConfig(path: string, changes: readonly string[] = []): Config {
  const settings = [...readSettings(resolve(path), []), ...changes.map(parseChange)];
  return resolveConfig(settings);
}

/** The configuration with some settings changed, e.g. an arm of an ablation. @param where what to call them in messages */
export function changeConfig(config: Config, changes: Readonly<Record<string, unknown>>, where: string): Config {
  const settings = Object.entries(changes).map(([key, value]) => ({
    key,
    value: checkedValue(key, value, where, process.cwd()),
  }));
  return resolveConfig([...flatten(schema).map(([key]) => ({ key, value: valueAt(config, key) })), ...settings]);
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

/** The value of a setting; undefined also if there is none of that name. */
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
  return value === undefined ? 'not set' : JSON.stringify(value);
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
  return build(schema, '') as Config;
}

function readSettings(path: string, from: readonly string[]): Setting[] {
  if (from.includes(path))
    throw new UsageError(`configurations extend each other in a circle: ${[...from, path].join(' → ')}.`);
  if (!existsSync(path))
    throw new UsageError(
      `there is no configuration ${path}${from.length > 0 ? `, which ${from[from.length - 1]} extends` : ''}.`,
    );
  if (statSync(path).isDirectory())
    throw new UsageError(
      `${path} is a folder, expected a configuration file${from.length > 0 ? ` (${from[from.length - 1]} extends it)` : ''}.`,
    );
  const lines = new LineCounter();
  const document = parseDocument(readTextFile(path, 'configuration', maxConfigBytes), {
    lineCounter: lines,
    uniqueKeys: true,
  });
  if (document.errors.length > 0)
    throw new UsageError(`${path} is not valid YAML: ${document.errors[0].message.split('\n')[0]}`);
  if (document.contents === null) return [];
  if (!isMap(document.contents))
    throw new UsageError(`${path} holds ${document.contents.toString().slice(0, 40)}, expected "key: value" lines.`);

  const settings: Setting[] = [];
  const root = document.contents;
  const base = root.get('extends', true);
  if (base !== undefined) {
    if (!isScalar(base) || typeof base.value !== 'string')
      throw new UsageError(`${path}: "extends" must be the path of another configuration.`);
    settings.push(...readSettings(resolve(dirname(path), base.value), [...from, path]));
    root.delete('extends');
  }
  collect(root, schema, '', { path, document, lines }, settings);
  return settings;
}

interface Source {
  readonly path: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

function collect(map: YAMLMap, section: Section, prefix: string, source: Source, settings: Setting[]): void {
  for (const { key: keyNode, value: node } of map.items) {
    const key = String(isScalar(keyNode) ? keyNode.value : keyNode);
    const offset = (keyNode as { range?: [number, number, number] | null }).range?.[0] ?? 0;
    const where = `${source.path}:${source.lines.linePos(offset).line}`;
    const target = isAlias(node) ? node.resolve(source.document) : node;
    // a dotted key at any level means the same as nesting
    const entry = lookUp(section, key);
    if (entry === undefined) throw unknownKey(prefix + key, where);
    if (isField(entry)) {
      const value = (target as { toJS?: (document: Document) => unknown } | null)?.toJS?.(source.document) ?? null;
      settings.push({ key: prefix + key, value: checkedValue(prefix + key, value, where, dirname(source.path)) });
    } else if (isMap(target)) {
      collect(target, entry, `${prefix}${key}.`, source, settings);
    } else if (target !== null && !(isScalar(target) && target.value === null)) {
      throw new UsageError(
        `${where}: ${prefix}${key} is a group of settings (${Object.keys(entry).slice(0, 4).join(', ')}, ...), found a single value.`,
      );
    }
  }
}

function parseChange(change: string): Setting {
  const equals = change.indexOf('=');
  if (equals < 1) throw new UsageError(`--set ${change}: expected key=value, e.g. --set train.lr=0.001.`);
  const key = change.slice(0, equals);
  let value: unknown;
  try {
    value = parse(change.slice(equals + 1));
  } catch (cause) {
    throw new UsageError(`--set ${change}: the value is not valid YAML.`, { cause });
  }
  return { key, value: checkedValue(key, value, '--set', process.cwd()) };
}

function checkedValue(key: string, value: unknown, where: string, folder: string): unknown {
  const entry = lookUp(schema, key);
  if (entry === undefined) throw unknownKey(key, where);
  if (!isField(entry))
    throw new UsageError(
      `${where}: ${key} is a group of settings (${Object.keys(entry).slice(0, 4).join(', ')}, ...); name one of them.`,
    );
  if (value === undefined || (value === null && entry.default === undefined)) return undefined;
  // YAML 1.2 reads 5e-4 as a number but -- on command lines -- quotes may have made it a text
  const parsed = entry.parse(value);
  if (parsed === undefined)
    throw new UsageError(
      `${where}: ${key} is ${JSON.stringify(value)}, expected ${entry.accepts}${entry.unit ? ` (${entry.unit})` : ''}.`,
    );
  if (entry.mapSettings)
    return entry.mapSettings(parsed, (inner, setting, within) =>
      checkedValue(inner, setting, `${where}: ${key}.${within}`, folder),
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
    `${where}: unknown setting ${key}${guess ? `; did you mean ${guess}?` : '. See docs/config.md for all settings.'}`,
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
