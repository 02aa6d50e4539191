import type { UsageError } from '../errors.js';
import { checkFields, choice, completed, unexpected, type Field, type Section, type Values } from '../field.js';
import { adam } from './adamOptimizer.js';
import type { Optimizer } from './optimizer.js';
import { radam } from './radamOptimizer.js';
import { sgd } from './sgdOptimizer.js';

/**
 * Optimisers by name. Settings are flat in `train`: those of the same name are one setting, with one default and the
 * same bounds.
 */
type Kinds = Readonly<Record<string, AnyKind>>;

/** A kind with any fields. */
interface AnyKind {
  readonly fields: Section;
  readonly check?: (options: never, refuse: never) => void;
  readonly create: (options: never) => Optimizer;
  readonly steady?: { readonly step: (options: never, t: number, gradient: number) => number };
}

/** The optimiser and its settings; omitted ones have their defaults. */
type OptionsOf<K extends Kinds> = {
  readonly [N in keyof K & string]: { readonly optimizer: N } & Partial<Values<K[N]['fields']>>;
}[keyof K & string];

type UnionToIntersection<U> = (U extends unknown ? (of: U) => void : never) extends (of: infer I) => void ? I : never;

/** What the trainer takes of a set of optimisers: options name one, and are checked by it. */
export interface OptimizerChoice {
  /** @throws UsageError naming the first setting (`train.…`) that cannot be used, and what is expected */
  check(options: { readonly optimizer: string }): void;
  /**
   * The optimiser that the options describe; settings that are left out have their defaults. @throws as `check` does
   */
  create(options: { readonly optimizer: string }): Optimizer;
}

/** What a set of optimisers offers to the schema, the checks and the trainer. */
export interface OptimizerTable<K extends Kinds> extends OptimizerChoice {
  readonly names: readonly (keyof K & string)[];
  /** The setting that names one. */
  readonly field: Field<keyof K & string>;
  /** All settings of all optimisers; the help of each says whose it is. */
  readonly fields: UnionToIntersection<K[keyof K]['fields']>;
  /** Which optimisers have a setting. */
  namesWith(key: string): readonly (keyof K & string)[];
  /** The settings of one optimiser among those of `train`. */
  pick(train: { readonly optimizer: keyof K & string } & Readonly<Record<string, unknown>>): OptionsOf<K>;
  create(options: OptionsOf<K>): Optimizer;
  /** How the optimiser moves while gradients stay the same; undefined if it does not say. @throws as `check` does */
  steadySteps(options: OptionsOf<K>): Steps | undefined;
}

/** `SteadySteps` of an optimiser with its options. */
export interface Steps {
  readonly growsWithGradient: boolean;
  step(t: number, gradient: number): number;
}

/** @throws Error if two optimisers share a setting's name but not its default or bounds */
export function optimizerTable<const K extends Kinds>(kinds: K): OptimizerTable<K> {
  const names = Object.keys(kinds) as (keyof K & string)[];
  const field = choice(names, names[0], 'Optimiser.') as Field<keyof K & string>;
  const kindOf = (name: unknown): UntypedKind => {
    checkFields({ optimizer: name }, { optimizer: field }, 'train.');
    return kinds[name as string] as unknown as UntypedKind;
  };
  const complete = (options: {
    readonly optimizer: string;
  }): { kind: UntypedKind; settings: Readonly<Record<string, unknown>> } => {
    const kind = kindOf(options.optimizer);
    const settings: Readonly<Record<string, unknown>> = completed(options, kind.fields, 'train.');
    kind.check?.(settings, (key, expected) => unexpected(`train.${key}`, settings[key], expected));
    return { kind, settings };
  };
  return {
    names,
    field,
    fields: mergedFields(names.map((name) => [name, kindOf(name).fields])) as OptimizerTable<K>['fields'],
    namesWith: (key) => names.filter((name) => Object.hasOwn(kindOf(name).fields, key)),
    pick: (train) =>
      ({
        optimizer: train.optimizer,
        ...Object.fromEntries(Object.keys(kindOf(train.optimizer).fields).map((key) => [key, train[key]])),
      }) as OptionsOf<K>,
    check: (options) => void complete(options),
    create: (options) => {
      const { kind, settings } = complete(options);
      return kind.create(settings);
    },
    steadySteps: (options) => {
      const { kind, settings } = complete(options);
      const { steady } = kind;
      return (
        steady && {
          growsWithGradient: steady.growsWithGradient,
          step: (t, gradient) => steady.step(settings, t, gradient),
        }
      );
    },
  };
}

/** A kind as this file sees it: fields by name, settings by name. */
interface UntypedKind {
  readonly fields: Readonly<Record<string, Field<unknown>>>;
  readonly check?: (
    settings: Readonly<Record<string, unknown>>,
    refuse: (key: string, expected: string) => UsageError,
  ) => void;
  readonly create: (settings: Readonly<Record<string, unknown>>) => Optimizer;
  readonly steady?: {
    readonly step: (settings: Readonly<Record<string, unknown>>, t: number, gradient: number) => number;
    readonly growsWithGradient: boolean;
  };
}

/** Every setting once, its help led by the names of the optimisers that have it. */
function mergedFields(kinds: readonly (readonly [string, UntypedKind['fields']])[]): Record<string, Field<unknown>> {
  const found = new Map<string, { field: Field<unknown>; helps: Map<string, string[]> }>();
  for (const [name, fields] of kinds) {
    for (const [key, field] of Object.entries(fields)) {
      const entry = found.get(key) ?? { field, helps: new Map<string, string[]>() };
      if (entry.field.default !== field.default || entry.field.accepts !== field.accepts)
        throw new Error(`optimisers disagree about the default or the bounds of train.${key}; ${name} is one of them`);
      entry.helps.set(field.help, [...(entry.helps.get(field.help) ?? []), name]);
      found.set(key, entry);
    }
  }
  return Object.fromEntries(
    [...found].map(([key, { field, helps }]) => [
      key,
      { ...field, help: [...helps].map(([help, names]) => `${names.join(', ')}: ${help}`).join(' ') },
    ]),
  );
}

/** The optimisers that configurations can name. The first is the default. A further one: a file like
 * sgdOptimizer.ts, and its name here. */
export const optimizers = optimizerTable({ adam, sgd, radam });

/** The name of an optimiser and its settings. */
export type OptimizerOptions = Parameters<typeof optimizers.create>[0];

/**
 * The optimiser that the options describe; settings that are left out have their defaults. @throws UsageError naming a
 * setting that cannot be used
 */
export const createOptimizer = (options: OptimizerOptions): Optimizer => optimizers.create(options);
