/** Another value in place of each value of a JSON document, one at a time: each kind of value, and none at all. */
export function* jsonMutations(document: unknown): Generator<{ readonly what: string; readonly text: string }> {
  for (const path of placesOf(document)) {
    const field = path.join('.') || 'the whole';
    const original = JSON.stringify(valueAt(document, path));
    if (path.length > 0) yield { what: `${field} removed`, text: JSON.stringify(changed(document, path, undefined)) };
    for (const value of [null, -1, '../x', true, [null], {}])
      if (JSON.stringify(value) !== original)
        yield { what: `${field} = ${JSON.stringify(value)}`, text: JSON.stringify(changed(document, path, value)) };
  }
}

type Path = readonly (string | number)[];

/** The members of a long list are alike: its first and its last. */
function placesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? value.map((each, i): [number, unknown] => [i, each]).filter(([i]) => i === 0 || i === value.length - 1)
    : Object.entries(value).slice(0, 16);
  return [path, ...entries.flatMap(([key, each]) => placesOf(each, [...path, key]))];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], value);
}

function changed(value: unknown, [key, ...rest]: Path, replacement: unknown): unknown {
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
