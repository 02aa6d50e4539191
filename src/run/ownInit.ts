import type { Config } from '../config/schema.js';
import { completed, type Fields, type Section, type Values } from '../field.js';
import type { LearnedInit, LearnedReport } from '../initial/learnedInit.js';
import { learnedInits } from '../initial/learnedInits.js';

/**
 * A way to learn initial parameters that the program of a library user brings, with its settings: no configuration has
 * them.
 */
export interface OwnInit {
  readonly method: LearnedInit;
  /** All of them, by their fields. */
  readonly settings: object;
}

/**
 * The method with its settings; those that are left out have their defaults. @throws UsageError naming a setting that
 * cannot be used
 */
export function ownInit<F extends Section & Fields, R extends LearnedReport>(
  method: LearnedInit<string, F, R>,
  settings: Partial<Values<F>> = {},
): OwnInit {
  return {
    method: method as unknown as LearnedInit,
    settings: completed(settings, method.fields, `${method.name}.`),
  };
}

/** A configuration that the user's method is part of, and the methods that it chooses from. */
export function withOwnInit(
  config: Config,
  own: OwnInit | undefined,
): { readonly config: Config; readonly methods: readonly LearnedInit[] } {
  if (own === undefined) return { config, methods: learnedInits };
  return { config: { ...config, [own.method.name]: own.settings }, methods: [...learnedInits, own.method] };
}

/** What distinguishes one user's method from another, for a run that is resumed; plain JSON. */
export function ownInitIdentity(own: OwnInit | undefined): { readonly ownInit?: string } {
  return own === undefined ? {} : { ownInit: JSON.stringify({ method: own.method.name, ...own.settings }) };
}
