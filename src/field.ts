/** One configuration value: what it may be, its default, and the line of help that users read. */
export interface Field<T> {
  readonly isField: true;
  /** What is accepted, in words, for messages and the reference. */
  readonly accepts: string;
  /** undefined: not set unless the user does. */
  readonly default: T;
  readonly unit?: string;
  readonly help: string;
  /** Paths are resolved against the folder of the file they stand in. */
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
  readonly unit?: string;
}

function numeric(
  whole: boolean,
  initial: number | undefined,
  help: string,
  { min = -Infinity, max = Infinity, above = -Infinity, unit }: NumberLimits,
): Field<number | undefined> {
  const range =
    above > -Infinity
      ? ` above ${above}`
      : min === -Infinity
        ? ''
        : max === Infinity
          ? ` of at least ${min}`
          : ` from ${min} to ${max}`;
  return {
    isField: true,
    accepts: `${whole ? 'an integer' : 'a number'}${range}`,
    default: initial,
    unit,
    help,
    isPath: false,
    parse: (value) =>
      typeof value === 'number' &&
      (whole ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
      value >= min &&
      value > above &&
      value <= max
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

export const choice = <const V extends readonly string[]>(
  values: V,
  initial: V[number],
  help: string,
): Field<V[number]> => ({
  isField: true,
  accepts: `one of ${values.join(', ')}`,
  default: initial,
  help,
  isPath: false,
  parse: (value) => values.find((candidate) => candidate === value),
});

export const integers = (initial: readonly number[], help: string): Field<readonly number[]> => ({
  isField: true,
  accepts: 'a list of integers of at least 0, at least one',
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
  accepts: 'a list of texts',
  default: [],
  help,
  isPath: false,
  parse: (value) =>
    Array.isArray(value) && value.every((v) => typeof v === 'string') ? (value as string[]) : undefined,
});

/** Settings that an arm changes, by full key: `{ "train.lr": 0.001 }`; `preset` names a preset whose changes come before them. */
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
  parse: (value) => {
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
