/**
 * The greatest of any number of values; Math.max overflows the stack at about 100,000 arguments. -Infinity for an empty
 * list.
 */
export function greatest(values: Iterable<number>): number {
  let found = -Infinity;
  for (const value of values) found = Math.max(found, value);
  return found;
}

/** The least of any number of values; Infinity for an empty list. */
export function least(values: Iterable<number>): number {
  let found = Infinity;
  for (const value of values) found = Math.min(found, value);
  return found;
}
