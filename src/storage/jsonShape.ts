/**
 * What a JSON value should be: returns quietly, or throws `Mismatch`. Fields that a shape does not name may be there:
 * files of later versions have more of them.
 *
 * @param field where the value is in its file, e.g. `test.bleu` or `runs[2].seed`; empty for the whole
 */
export type JsonShape = (value: unknown, field: string) => void;

/** A value that does not have its expected shape. */
export class Mismatch extends Error {
  constructor(field: string, value: unknown, expected: string) {
    super(`${field === '' ? 'it' : field} is ${shown(value)}, expected ${expected}`);
  }
}

/** A value in words, shortly. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** A value that fulfils a condition. */
export function jsonValue(expected: string, isValid: (value: unknown) => boolean): JsonShape {
  return (value, field) => {
    if (!isValid(value)) throw new Mismatch(field, value, expected);
  };
}

/** Anything, if only it is there. */
export const jsonAny = jsonValue('a value', (value) => value !== undefined);
export const jsonText = jsonValue('a text', (value) => typeof value === 'string');
export const jsonBoolean = jsonValue('true or false', (value) => typeof value === 'boolean');
/** JSON has no NaN and no infinity; a number beyond the largest one is read as infinity. */
export const jsonNumber = jsonValue('a number', (value) => Number.isFinite(value));
export const jsonCount = jsonValue(
  'an integer of at least 0',
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
);
export const jsonSha256 = jsonValue(
  'a SHA-256 checksum (64 hexadecimal digits)',
  (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
);

export function jsonOneOf(choices: readonly unknown[]): JsonShape {
  return jsonValue(`one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`, (value) =>
    choices.includes(value),
  );
}

/** May be missing. */
export function jsonOptional(shape: JsonShape): JsonShape {
  return (value, field) => {
    if (value !== undefined) shape(value, field);
  };
}

/** May be null: numbers that are not finite are written so. */
export function jsonNullable(shape: JsonShape): JsonShape {
  return (value, field) => {
    if (value !== null) shape(value, field);
  };
}

export function jsonList(shape: JsonShape): JsonShape {
  return (value, field) => {
    if (!Array.isArray(value)) throw new Mismatch(field, value, 'a list');
    value.forEach((each, i) => shape(each, `${field}[${i}]`));
  };
}

/** An object with these fields. */
export function jsonObject(fields: Readonly<Record<string, JsonShape>>): JsonShape {
  return (value, field) => {
    checkObject(value, field);
    for (const [name, shape] of Object.entries(fields))
      shape(Object.hasOwn(value, name) ? value[name] : undefined, join(field, name));
  };
}

/** An object with any names and values of one shape. @param names allowed names; they can be names of files */
export function jsonRecord(shape: JsonShape, names = /^/): JsonShape {
  return (value, field) => {
    checkObject(value, field);
    for (const [name, each] of Object.entries(value)) {
      if (!names.test(name)) throw new Mismatch(`a name in ${field === '' ? 'it' : field}`, name, `one like ${names}`);
      shape(each, join(field, name));
    }
  };
}

function checkObject(value: unknown, field: string): asserts value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Mismatch(field, value, 'an object');
}

const join = (field: string, name: string): string => (field === '' ? name : `${field}.${name}`);
