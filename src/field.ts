import { UsageError } from './errors.js';

/** One configuration value: its type and bounds, its default, and its line of help. */
export interface Field<T> {
  readonly isField: true;
  /** What is accepted, in words, for messages and the reference. */
  readonly accepts: string;
  /**
   * More than `accepts` says, where this value breaks a bound that most values are far from; undefined: `accepts` says
   * it.
   */
  readonly expects?: (value: unknown) => string | undefined;
  /** undefined: not set unless the user does. */
  readonly default: T;
  /** A library call has to set it, although it has no default. */
  readonly isRequired?: true;
  readonly unit?: string;
  readonly help: string;
  /** What a choice offers. */
  readonly values?: readonly string[];
  /** Paths are relative to the folder of the file that names them. */
  readonly isPath: boolean;
  /** The value if it is acceptable, else undefined. */
  readonly parse: (value: unknown) => T | undefined;
  /** The value holds settings by key: `mapSettings` applies a change to each, e.g. checks it and resolves its paths. */
  mapSettings?(value: T, change: (key: string, value: unknown, within: string) => unknown): T;
}

interface NumberLimits {
  readonly min?: number;
  /** Less than any allowed value. */
  readonly above?: number;
  readonly max?: number;
  /** More than any allowed value. */
  readonly below?: number;
  readonly unit?: string;
}

/** Bound on integers without a bound of their field: more updates, tokens or lines than any run has. */
const largestInteger = 1_000_000_000;

/** The bounds in words: " from 0 to 1", " of at least 0 and below 1"; empty without bounds. */
function range({ min, above, max, below }: NumberLimits): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  const from = above !== undefined ? `above ${above}` : min !== undefined ? `of at least ${min}` : undefined;
  const to = below !== undefined ? `below ${below}` : max !== undefined ? `at most ${max}` : undefined;
  const both = [from, to].filter((bound) => bound !== undefined).join(' and ');
  return both === '' ? '' : ` ${both}`;
}

function numeric(
  whole: boolean,
  initial: number | undefined,
  help: string,
  limits: NumberLimits,
): Field<number | undefined> {
  const bounds = whole ? { max: largestInteger, ...limits } : limits;
  const { min = -Infinity, above = -Infinity, max = Infinity, below = Infinity, unit } = bounds;
  const kind = whole ? 'an integer' : 'a number';
  return {
    isField: true,
    accepts: `${kind}${range(bounds)}`,
    expects: (value) =>
      !whole && typeof value === 'number' && !Number.isNaN(value) && !Number.isFinite(value)
        ? `a finite number${range(bounds)}`
        : undefined,
    default: initial,
    unit,
    help,
    isPath: false,
    parse: (value) =>
      typeof value === 'number' &&
      (whole ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
      value >= min &&
      value > above &&
      value <= max &&
      value < below
        ? value
        : undefined,
  };
}

export const integer = (initial: number, help: string, limits: NumberLimits = {}) =>
  numeric(true, initial, help, limits) as Field<number>;
export const real = (initial: number, help: string, limits: NumberLimits = {}) =>
  numeric(false, initial, help, limits) as Field<number>;
export const optionalInteger = (help: string, limits: NumberLimits = {}) => numeric(true, undefined, help, limits);
export const optionalReal = (help: string, limits: NumberLimits = {}) => numeric(false, undefined, help, limits);

/** For a library call that has to set what a configuration may leave out. */
export const required = <T>(field: Field<T>): Field<NonNullable<T>> => ({
  ...(field as Field<NonNullable<T>>),
  isRequired: true,
});

/** A bound that library calls may also set to Infinity: none. */
export const orInfinity = <T>(field: Field<T>): Field<T> => ({
  ...field,
  parse: (value) => (value === Infinity ? (value as T) : field.parse(value)),
});

function string(initial: string | undefined, help: string, isPath: boolean): Field<string | undefined> {
  return {
    isField: true,
    accepts: isPath ? 'a path' : 'a text',
    default: initial,
    help,
    isPath,
    parse: (value) => (typeof value === 'string' ? value : undefined),
  };
}

export const text = (initial: string, help: string) => string(initial, help, false) as Field<string>;
export const optionalText = (help: string) => string(undefined, help, false);
export const optionalPath = (help: string) => string(undefined, help, true);

export const flag = (initial: boolean, help: string): Field<boolean> => ({
  isField: true,
  accepts: 'true or false',
  default: initial,
  help,
  isPath: false,
  parse: (value) => (typeof value === 'boolean' ? value : undefined),
});

export const optionalFlag = (help: string): Field<boolean | undefined> => ({
  ...flag(false, help),
  default: undefined,
});

export const choice = <const V extends readonly string[]>(
  values: V,
  initial: V[number],
  help: string,
): Field<V[number]> => ({
  isField: true,
  accepts: `one of ${choicesText(values)}`,
  values,
  default: initial,
  help,
  isPath: false,
  parse: (value) => values.find((candidate) => candidate === value),
});

export const optionalChoice = <const V extends readonly string[]>(
  values: V,
  help: string,
): Field<V[number] | undefined> => ({ ...choice(values, values[0], help), default: undefined });

/** Choices as a configuration has to write them: in quotes where YAML would read something other than a text. */
function choicesText(values: readonly string[]): string {
  return values
    .map((value) => (/^(true|false|null|~|[-+.\d].*)$/i.test(value) ? JSON.stringify(value) : value))
    .join(', ');
}

/** Any of some words, none twice. */
export const choices = <const V extends readonly string[]>(values: V, help: string): Field<readonly V[number][]> => ({
  isField: true,
  accepts: `a list of ${choicesText(values)}, none twice`,
  values,
  default: [],
  help,
  isPath: false,
  parse: (value) =>
    Array.isArray(value) && new Set(value).size === value.length && value.every((one) => values.includes(one as string))
      ? (value as V[number][])
      : undefined,
});

export const integers = (initial: readonly number[], help: string): Field<readonly number[]> => ({
  isField: true,
  accepts: `a list of integers from 0 to ${Number.MAX_SAFE_INTEGER}, at least one`,
  default: initial,
  help,
  isPath: false,
  parse: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((v) => Number.isSafeInteger(v) && v >= 0)
      ? (value as number[])
      : undefined,
});

export const texts = (help: string): Field<readonly string[]> => ({
  isField: true,
  accepts: 'a list of texts (numbers, true, false and null in quotes)',
  default: [],
  help,
  isPath: false,
  parse: (value) =>
    Array.isArray(value) && value.every((v) => typeof v === 'string') ? (value as string[]) : undefined,
});

/**
 * Settings that an arm changes, by full key: `{ "train.lr": 0.001 }`; `preset` names a preset whose changes come before
 * them.
 */
export type ArmChanges = Readonly<Record<string, unknown>>;
export type Arms = Readonly<Record<string, ArmChanges>>;

/** Arms by name, or a list of presets' names. */
export const arms = (help: string): Field<Arms> => ({
  isField: true,
  accepts:
    'named sets of settings, e.g. { hot: { preset: no-warmup, train.lr: 0.01 } }, or a list of presets; names have letters, digits, . _ + and - only, for they name folders',
  default: {},
  help,
  isPath: false,
  expects: (value) =>
    Array.isArray(value) && new Set(value).size < value.length ? 'a list of presets, none twice' : undefined,
  parse: (value) => {
    if (Array.isArray(value) && new Set(value).size < value.length) return undefined;
    const named = Array.isArray(value) ? Object.fromEntries(value.map((name) => [name, { preset: name }])) : value;
    return isMap(named) && Object.entries(named).every(([name, changes]) => isFolderName(name) && isMap(changes))
      ? (named as Arms)
      : undefined;
  },
  mapSettings: (value, change) =>
    Object.fromEntries(
      Object.entries(value).map(([name, changes]) => [
        name,
        Object.fromEntries(
          Object.entries(changes).map(([key, setting]) => [
            key,
            key === 'preset' ? setting : change(key, setting, name),
          ]),
        ),
      ]),
    ),
});

/** Values to try, by full key: `{ "train.lr": [0.001, 0.002] }`. */
export type Grid = Readonly<Record<string, readonly unknown[]>>;

export const grid = (help: string): Field<Grid> => ({
  isField: true,
  accepts: 'lists of values by setting, e.g. { train.lr: [1e-3, 2e-3] }',
  default: {},
  help,
  isPath: false,
  parse: (value) =>
    isMap(value) && Object.values(value).every((values) => Array.isArray(values) && values.length > 0)
      ? (value as Grid)
      : undefined,
  mapSettings: (value, change) =>
    Object.fromEntries(Object.entries(value).map(([key, values]) => [key, values.map((one) => change(key, one, key))])),
});

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Names of arms become names of folders. */
function isFolderName(name: string): boolean {
  return /^[\w.+-]+$/.test(name) && !name.startsWith('.');
}

/** A group of fields and further groups. */
export interface Section {
  readonly [key: string]: Field<never> | Field<unknown> | Section;
}

/** The values that a section describes. */
export type Values<S> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : Values<S[K]> };

export function isField(entry: unknown): entry is Field<unknown> {
  return (entry as Field<unknown>).isField === true;
}

/**
 * Why a field does not take a value, as a sentence: what was found and what is expected. undefined: the field takes it.
 *
 * @param name the setting's name for the message, e.g. "train.lr"
 * @param written the value as its author wrote it; default: as JavaScript shows it
 */
export function refusal(
  field: Field<unknown>,
  value: unknown,
  name: string,
  written = shown(value),
): string | undefined {
  if (field.parse(value) !== undefined) return undefined;
  const expected = `${field.expects?.(value) ?? field.accepts}${field.unit ? ` (${field.unit})` : ''}`;
  return `${name} is ${written}, expected ${expected}.${quotesHint(field, value, written)}`;
}

/** Fields of the options of a library call, by key. */
export type Fields = Readonly<Record<string, Field<never> | Field<unknown>>>;

/** The values of some fields among the settings of a group. */
export function pickFields<const F extends Fields>(settings: Values<F>, fields: F): Values<F> {
  return Object.fromEntries(Object.keys(fields).map((key) => [key, settings[key]])) as Values<F>;
}

/** The error for a value, with what is expected of it. @param name what to call the setting */
export function unexpected(name: string, value: unknown, expected: string): UsageError {
  return new UsageError(`${name} is ${shown(value)}, expected ${expected}.`);
}

/**
 * Checks the options of a library call by their fields, in the words in which a configuration is checked.
 *
 * @param prefix what comes before a key in messages, e.g. "train."
 * @param optional keys that may be left out although they have a default
 * @throws UsageError naming the first option that its field does not take
 */
export function checkFields(given: object, fields: Fields, prefix = '', optional: readonly string[] = []): void {
  for (const [key, field] of Object.entries(fields)) {
    const value = (given as Readonly<Record<string, unknown>>)[key];
    if (value === undefined && (optional.includes(key) || (field.default === undefined && !field.isRequired))) continue;
    const reason = refusal(field as Field<unknown>, value, prefix + key);
    if (reason !== undefined) throw new UsageError(reason);
  }
}

/**
 * The options of a library call; what is left out has its default. Other keys are left out. @throws as `checkFields`
 */
export function completed<const F extends Fields>(given: object, fields: F, prefix = ''): Values<F> {
  const options = Object.fromEntries(
    Object.entries(fields).map(([key, { default: initial }]) => {
      const value = (given as Readonly<Record<string, unknown>>)[key];
      return [key, value === undefined ? initial : value];
    }),
  );
  checkFields(options, fields, prefix);
  return options as Values<F>;
}

/** What to do if the value would do as a text, or the text without its quotes would. */
function quotesHint(field: Field<unknown>, value: unknown, written: string): string {
  if (typeof value === 'string')
    return value.trim() !== '' && field.parse(Number(value)) !== undefined
      ? ' Write it without quotes.'
      : /^(true|false)$/.test(value) && field.parse(value === 'true') !== undefined
        ? ' Write it without quotes.'
        : '';
  if (typeof value === 'object' && value !== null) return '';
  return written !== '' && field.parse(written) !== undefined ? ` For the text, write it in quotes: "${written}".` : '';
}

/** A value in messages: NaN and infinity by their names, nothing as null. */
export function shown(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return JSON.stringify(value) ?? 'undefined';
}
