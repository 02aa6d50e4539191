const removed = Symbol('removed');
const replacements: readonly unknown[] = [null, {}, '../x', removed, -1, [null], true];

/**
 * Other values in place of each value of a JSON document, one at a time: null, other kinds of value, none at all.
 *
 * @param kindsPerField how many of those kinds each field gets; which ones changes from field to field
 */
export function* jsonMutations(
  document: unknown,
  kindsPerField = replacements.length,
): Generator<{ readonly what: string; readonly text: string }> {
  let next = 0;
  for (const path of placesOf(document)) {
    const field = path.join('.') || 'the whole';
    const original = JSON.stringify(valueAt(document, path));
    const kinds = replacements.filter((value) =>
      value === removed ? path.length > 0 : JSON.stringify(value) !== original,
    );
    for (let i = 0; i < Math.min(kindsPerField, kinds.length); i++) {
      const value = kinds[next++ % kinds.length];
      yield {
        what: value === removed ? `${field} removed` : `${field} = ${JSON.stringify(value)}`,
        text: JSON.stringify(changed(document, path, value === removed ? undefined : value)),
      };
    }
  }
}

/** JSON as earlier versions wrote it, without a checksum, so that its fields can be changed. */
export function withoutChecksum(text: string): unknown {
  const document = JSON.parse(text) as Record<string, unknown>;
  delete document.crc32;
  return document;
}

export type Path = readonly (string | number)[];

/**
 * Paths to the values of a JSON document, objects and lists among them. Of members that are alike, the first and the
 * last.
 */
export function placesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? value.map((each, i): [number, unknown] => [i, each])
    : Object.entries(value);
  const some =
    Array.isArray(value) || areAlike(Object.values(value))
      ? entries.filter((_, i) => i % (entries.length - 1) === 0)
      : entries;
  return [path, ...(entries.length < 3 ? entries : some).flatMap(([key, each]) => placesOf(each, [...path, key]))];
}

/** Objects with the same fields, such as the records of all parameters. */
function areAlike(values: readonly unknown[]): boolean {
  const fields = new Set(
    values.map((value) => (typeof value === 'object' && value !== null ? Object.keys(value).join() : value)),
  );
  return fields.size === 1;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], value);
}

/** A copy with another value at a place; undefined leaves the place out. */
export function changed(value: unknown, [key, ...rest]: Path, replacement: unknown): unknown {
  if (key === undefined) return replacement;
  const own = (value as Record<string | number, unknown>)[key];
  const next = changed(own, rest, replacement);
  if (Array.isArray(value))
    return next === undefined ? value.filter((_, i) => i !== key) : value.with(Number(key), next);
  return Object.fromEntries(
    Object.entries(value as object).flatMap(([name, each]) =>
      name !== key ? [[name, each]] : next === undefined ? [] : [[name, next]],
    ),
  );
}
