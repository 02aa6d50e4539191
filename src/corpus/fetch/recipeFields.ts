import { UsageError } from '../../errors.js';
import { suggest } from '../../suggest.js';

/** A value of a recipe file with its place, for checked reading. */
export class RecipeValue {
  constructor(
    private readonly value: unknown,
    private readonly place: string,
  ) {}

  /** @throws UsageError naming the place, the fault, and what was expected */
  fail(expected: string): never {
    throw new UsageError(
      `${this.place} is ${JSON.stringify(this.value)?.slice(0, 120) ?? 'not set'}, expected ${expected}.`,
    );
  }

  get isSet(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  text(matching: RegExp = /[^]/, expected = 'a text'): string {
    return typeof this.value === 'string' && matching.test(this.value) ? this.value : this.fail(expected);
  }

  number(min: number, { whole = true } = {}): number {
    const { value } = this;
    const fits =
      typeof value === 'number' && value >= min && (whole ? Number.isSafeInteger(value) : Number.isFinite(value));
    return fits ? value : this.fail(`a ${whole ? 'whole ' : ''}number of at least ${min}`);
  }

  flag(): boolean {
    return typeof this.value === 'boolean' ? this.value : this.fail('true or false');
  }

  choice<Choice extends string>(choices: readonly Choice[]): Choice {
    const found = choices.find((choice) => choice === this.value);
    if (found !== undefined) return found;
    const near = typeof this.value === 'string' ? suggest(this.value, choices) : undefined;
    return this.fail(`one of ${choices.join(', ')}${near ? `; did you mean ${near}?` : ''}`);
  }

  list(minLength = 0): RecipeValue[] {
    if (!Array.isArray(this.value) || this.value.length < minLength)
      this.fail(minLength > 0 ? 'a list that is not empty' : 'a list');
    return (this.value as unknown[]).map((entry, i) => new RecipeValue(entry, `${this.place}[${i}]`));
  }

  /** A mapping with only these keys. */
  fields<Key extends string>(keys: readonly Key[]): Record<Key, RecipeValue> {
    for (const [key] of this.entries()) {
      if ((keys as readonly string[]).includes(key)) continue;
      const near = suggest(key, keys);
      throw new UsageError(
        `${this.place} has the unknown key "${key}"; ${near ? `did you mean "${near}"?` : `known are ${keys.join(', ')}.`}`,
      );
    }
    const mapping = this.value as Record<string, unknown>;
    return Object.fromEntries(
      keys.map((key) => [key, new RecipeValue(mapping[key], `${this.place}: ${key}`)]),
    ) as Record<Key, RecipeValue>;
  }

  entries(): [string, RecipeValue][] {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value))
      this.fail('keys and values');
    return Object.entries(this.value as object).map(([key, value]) => [
      key,
      new RecipeValue(value, `${this.place}: ${key}`),
    ]);
  }
}
