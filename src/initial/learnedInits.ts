import { UsageError } from '../errors.js';
import { admin } from './admin.js';
import { gradInit } from './gradInit.js';
import type { InitCost } from './initCost.js';
import type { LearnedInit } from './learnedInit.js';
import { metaInit } from './metaInit.js';
import type { ResidualScheme } from '../model/config.js';

/**
 * The ways to learn initial parameters that configurations can switch on. To add one, write a file like metaInit.ts and
 * add its name here.
 */
export const learnedInits = [gradInit, metaInit, admin] as const;

type ReportOf<M> =
  M extends LearnedInit<infer N, infer _, infer R> ? { readonly method: N; readonly cost: InitCost } & R : never;

/** gradinit.json: the changes of the drawn parameters, and their cost. */
export type InitReport = ReportOf<(typeof learnedInits)[number]>;

type SectionsOf<L extends readonly LearnedInit[]> = {
  readonly [M in L[number] as {} extends M['fields'] ? never : M['name']]: M['fields'];
};

/** The sections of the configuration by the methods' names. */
export function initSections<const L extends readonly LearnedInit[]>(methods: L): SectionsOf<L> {
  return Object.fromEntries(
    methods.filter(({ fields }) => Object.keys(fields).length > 0).map(({ name, fields }) => [name, fields]),
  ) as SectionsOf<L>;
}

/** A configuration as far as methods see it: their sections by name. */
export interface InitConfig {
  readonly model: { readonly residual: ResidualScheme };
  readonly init?: { readonly from?: string };
}

/** A method's settings in a configuration; empty without a section. */
export function settingsOf(config: object, { name }: LearnedInit): never {
  return ((config as Record<string, unknown>)[name] ?? {}) as never;
}

/**
 * The method that a configuration switches on; undefined: parameters are used as drawn. Parameters of another run
 * (`init.from`) are not profiled again: their residual scales were trained.
 * @throws UsageError if it switches on several
 */
export function chosenInit(
  config: InitConfig,
  methods: readonly LearnedInit[] = learnedInits,
): LearnedInit | undefined {
  const isTrained = config.init?.from !== undefined;
  const chosen = methods.filter(
    (method) => method.isOn(settingsOf(config, method), config.model) && !(isTrained && method.profiles),
  );
  if (chosen.length > 1) {
    const offs = methods.map((method) => method.switch.off);
    throw new UsageError(
      `${chosen.map((method) => method.switch.on).join(' and ')} are both set. Parameters are learned or profiled by one of them: set the other to ${offs.slice(0, -1).join(', ')} or ${offs.at(-1)}.`,
    );
  }
  return chosen[0];
}

/** The method of a name; undefined if a library user's program brought it. */
export function initNamed(name: string, methods: readonly LearnedInit[] = learnedInits): LearnedInit | undefined {
  return methods.find((method) => method.name === name);
}
