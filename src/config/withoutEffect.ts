import { UsageError } from '../errors.js';
import { isField, type Field, type Section } from '../field.js';
import { settingsNotInPaper, variantDefaults, type Variant } from '../gradinit/variants.js';
import { subwordMethods } from '../text/subwords/subwordMethods.js';
import { optimizers } from '../train/optimizers.js';
import type { Setting } from './loadConfig.js';
import { schema } from './schema.js';

/** Settings of a group that only some values of another setting of that group use. */
interface Rule {
  readonly group: string;
  readonly settings: readonly string[];
  /** The setting that chooses: of the group, or with its whole path. */
  readonly choice: string;
  /** Its values that use the settings: a list, or a condition and how to meet it. */
  readonly usedBy: readonly unknown[] | Condition;
  /** If its default depends on another setting of the group. */
  readonly defaultBy?: { readonly setting: string; readonly of: (value: unknown) => unknown };
}

interface Condition {
  readonly holds: (value: unknown, valueOf: (key: string) => unknown) => boolean;
  /** What to do to the setting that chooses. */
  readonly advice: (key: string) => string;
}

const isSet: Condition = { holds: (value) => value !== undefined, advice: (key) => `set ${key}` };
const isNotSet: Condition = { holds: (value) => value === undefined, advice: (key) => `leave out ${key}` };
const aboveZero: Condition = { holds: (value) => Number(value) > 0, advice: (key) => `set ${key} to more than 0` };

const subwordRules = (group: string): Rule[] =>
  subwordMethods.names.flatMap((name) => {
    const { fields, onlyWith = {} } = subwordMethods.method(name);
    return [
      { group, settings: Object.keys(fields), choice: 'method', usedBy: [name] },
      ...Object.entries(onlyWith).map(([key, other]) => ({
        group,
        settings: [key],
        choice: other as string,
        usedBy: isSet,
      })),
    ];
  });

const rules: readonly Rule[] = [
  ...subwordRules('corpus.subwords'),
  ...subwordRules('corpus.trgSubwords'),
  {
    group: 'corpus.tokenize',
    settings: ['aggressive', 'escape', 'protectedPatterns', 'srcPrefixes', 'trgPrefixes'],
    choice: 'method',
    usedBy: ['moses'],
  },
  { group: 'corpus.vocabulary', settings: ['trgFile'], choice: 'joined', usedBy: [false] },
  ...Object.keys(optimizers.fields).map((key) => ({
    group: 'train',
    settings: [key],
    choice: 'optimizer',
    usedBy: optimizers.namesWith(key),
  })),
  { group: 'train', settings: ['minLr'], choice: 'schedule', usedBy: ['linear', 'cosine'] },
  { group: 'train', settings: ['warmupInitLr'], choice: 'warmupUpdates', usedBy: aboveZero },
  { group: 'train', settings: ['holdUpdates'], choice: 'schedule', usedBy: ['inverse_sqrt', 'linear', 'cosine'] },
  {
    group: 'train',
    settings: ['subwordDropout', 'subwordAlpha', 'subwordNbest'],
    choice: 'sampleSubwords',
    usedBy: ['src', 'trg', 'both'],
  },
  {
    group: 'train',
    settings: ['subwordAlpha', 'subwordNbest'],
    choice: 'corpus.subwords.method',
    usedBy: {
      holds: (method, valueOf) =>
        [method, valueOf('corpus.trgSubwords.method')].some((one) => one !== 'bpe' && one !== 'same'),
      advice: () => 'set train.subwordDropout',
    },
  },
  { group: 'train', settings: ['keepEveryUpdates'], choice: 'keepEpochs', usedBy: aboveZero },
  { group: 'train', settings: ['validateBleuSentences'], choice: 'validateBleu', usedBy: [true] },
  {
    group: 'gradinit',
    settings: settingsNotInPaper,
    choice: 'variant',
    usedBy: ['robust', 'released', undefined],
  },
  { group: 'gradinit', settings: ['lookAhead'], choice: 'variant', usedBy: ['robust', undefined] },
  { group: 'gradinit', settings: ['lookAhead'], choice: 'eta', usedBy: isNotSet },
  {
    group: 'gradinit',
    settings: ['lookAhead'],
    choice: 'train.optimizer',
    usedBy: {
      holds: (optimizer, valueOf) => optimizer !== 'sgd' || valueOf('gradinit.algorithm') !== 'adam',
      advice: () => 'set gradinit.algorithm to sgd, or gradinit.eta',
    },
  },
  { group: 'gradinit', settings: ['gamma'], choice: 'gammaShare', usedBy: isNotSet },
  { group: 'gradinit', settings: ['gammaScope'], choice: 'gammaShare', usedBy: isSet },
  {
    group: 'gradinit',
    settings: ['lookAhead', 'normalizeGrad', 'tiedStep'],
    choice: 'goal',
    usedBy: ['step', undefined],
  },
  {
    group: 'gradinit',
    settings: ['releaseUpdates'],
    choice: 'scaled',
    usedBy: ['rates', 'both'],
    defaultBy: { setting: 'variant', of: (variant = 'robust') => variantDefaults[variant as Variant].scaled },
  },
  // without an algorithm the whole group is switched off, ready for an arm or for the command gradinit
  { group: 'gradinit', settings: ['normalizeGrad'], choice: 'algorithm', usedBy: ['sgd', 'none'] },
  { group: 'decode', settings: ['averageLast'], choice: 'checkpoint', usedBy: ['average'] },
];

/**
 * Refuses settings that have no effect because of a choice, since their author expects an effect. A choice in a later
 * text does not make a setting in an earlier text wrong: the later text may switch off what the earlier one describes.
 * Values equal to the default, texts that set everything (a run's config.yaml) and choices in the arms of an ablation
 * are accepted.
 *
 * @throws UsageError naming the setting, the choice, and the places of both
 */
export function refuseWithoutEffect(settings: readonly Setting[]): void {
  const given = new Map(settings.map((setting) => [setting.key, setting]));
  const complete = completeSources(settings);
  const varied = variedChoices(given);
  const valueOf = (key: string): unknown => given.get(key)?.value ?? fieldAt(key).default;
  for (const { group, settings: names, choice, usedBy, defaultBy } of rules) {
    const choiceKey = choice.includes('.') ? choice : `${group}.${choice}`;
    const defaultKey = defaultBy && `${group}.${defaultBy.setting}`;
    const chosen = given.get(choiceKey) ?? (defaultKey === undefined ? undefined : given.get(defaultKey));
    const value = valueOf(choiceKey) ?? defaultBy?.of(valueOf(defaultKey!));
    const [isUsed, advice] =
      'holds' in usedBy
        ? [usedBy.holds(value, valueOf), usedBy.advice(choiceKey)]
        : [usedBy.includes(value), `set ${choiceKey} to ${listed(usedBy)}`];
    if (isUsed || varied(choiceKey) || (defaultKey !== undefined && varied(defaultKey))) continue;
    for (const name of names) {
      const key = `${group}.${name}`;
      const setting = given.get(key);
      if (setting === undefined || setting.source < (chosen?.source ?? -1) || complete.has(setting.source)) continue;
      if (JSON.stringify(setting.value) === JSON.stringify(fieldAt(key).default)) continue;
      throw new UsageError(
        `${setting.where}: ${key} has no effect, as ${choiceKey} is ${value === undefined ? 'not set' : String(value)} (${chosen?.where ?? 'the default'}). ` +
          `Remove it, or ${advice}.`,
      );
    }
  }
}

/**
 * Choices in words. "none" switches a group off, so it is not listed as a way to use the group's settings, unless it is
 * the only one.
 */
function listed(values: readonly unknown[]): string {
  return values.filter((one) => one !== undefined && (one !== 'none' || values.length === 1)).join(' or ');
}

/** Whether arms or the grid may change a choice. Only the ablation knows the presets: any of them may. */
function variedChoices(given: ReadonlyMap<string, Setting>): (key: string) => boolean {
  const arms = Object.values((given.get('ablation.arms')?.value ?? {}) as Record<string, Record<string, unknown>>);
  const grid = (given.get('ablation.grid')?.value ?? {}) as Record<string, unknown>;
  const changed = new Set([...arms.flatMap((changes) => Object.keys(changes)), ...Object.keys(grid)]);
  return (key) => changed.has(key) || (changed.has('preset') && !key.startsWith('corpus.'));
}

/**
 * A run's config.yaml sets everything that had a default in the version that wrote it; later versions have more
 * settings.
 */
const completeShare = 0.8;

/** Texts that set nearly everything that has a default. */
function completeSources(settings: readonly Setting[]): Set<number> {
  const numWithDefault = countDefaults(schema);
  const counts = new Map<number, number>();
  for (const { key, source } of settings)
    if (fieldAt(key).default !== undefined) counts.set(source, (counts.get(source) ?? 0) + 1);
  return new Set([...counts].filter(([, count]) => count >= completeShare * numWithDefault).map(([source]) => source));
}

function countDefaults(section: Section): number {
  return Object.values(section).reduce(
    (count, entry) => count + (isField(entry) ? Number(entry.default !== undefined) : countDefaults(entry as Section)),
    0,
  );
}

function fieldAt(key: string): Field<unknown> {
  return key.split('.').reduce<unknown>((entry, part) => (entry as Section)[part], schema) as Field<unknown>;
}
