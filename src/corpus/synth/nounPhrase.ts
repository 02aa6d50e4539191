/** Noun phrases, and their words in German and English. */
import type { Adjective } from './adjectives.js';
import type { Gender, Noun } from './nouns.js';
import { englishNumber, germanNumber } from './numbers.js';

export type Case = 'nom' | 'acc' | 'dat';

/** The acting person or thing, for agreement of verbs, pronouns and possessives. */
export interface Agreement {
  readonly person: 1 | 3;
  readonly plural: boolean;
  /** Of a singular third person. */
  readonly gender: Gender;
}

export type Determiner = 'the' | 'a' | 'no' | 'this' | 'every' | 'my' | 'his' | 'her' | 'our' | 'none';

export type NounPhrase =
  | { readonly kind: 'pronoun'; readonly agreement: Agreement }
  | { readonly kind: 'name'; readonly name: string; readonly gender: Gender }
  | {
      readonly kind: 'noun';
      readonly noun: Noun;
      readonly plural: boolean;
      readonly determiner: Determiner;
      /** A number of 2 or more in front of a plural. */
      readonly number?: number;
      readonly adjectives: readonly Adjective[];
      /** Words after the noun in each language: a relative clause. */
      readonly relative?: { readonly de: readonly string[]; readonly en: readonly string[] };
    }
  /** The place in a relative clause that its relative pronoun has left empty. */
  | { readonly kind: 'gap'; readonly agreement: Agreement };

export function agreementOf(phrase: NounPhrase): Agreement {
  switch (phrase.kind) {
    case 'name':
      return { person: 3, plural: false, gender: phrase.gender };
    case 'noun':
      return { person: 3, plural: phrase.plural, gender: phrase.noun.gender };
    default:
      return phrase.agreement;
  }
}

type Cell = 'm' | 'f' | 'n' | 'pl';
type Paradigm = Readonly<Record<Case, Readonly<Record<Cell, string>>>>;

/** Endings of "dies-" and "jed-"; the definite article follows them. */
const demonstrativeEndings: Paradigm = {
  nom: { m: 'er', f: 'e', n: 'es', pl: 'e' },
  acc: { m: 'en', f: 'e', n: 'es', pl: 'e' },
  dat: { m: 'em', f: 'er', n: 'em', pl: 'en' },
};

export const definiteArticle: Paradigm = {
  nom: { m: 'der', f: 'die', n: 'das', pl: 'die' },
  acc: { m: 'den', f: 'die', n: 'das', pl: 'die' },
  dat: { m: 'dem', f: 'der', n: 'dem', pl: 'den' },
};

/** Endings of "ein", "kein" and possessives; "ein" has no plural. */
const einEndings: Paradigm = {
  nom: { m: '', f: 'e', n: '', pl: 'e' },
  acc: { m: 'en', f: 'e', n: '', pl: 'e' },
  dat: { m: 'em', f: 'er', n: 'em', pl: 'en' },
};

/** Adjective endings after "der", "dieser", "jeder". */
const weakEndings: Paradigm = {
  nom: { m: 'e', f: 'e', n: 'e', pl: 'en' },
  acc: { m: 'en', f: 'e', n: 'e', pl: 'en' },
  dat: { m: 'en', f: 'en', n: 'en', pl: 'en' },
};

/** After "ein", "kein", "mein". */
const mixedEndings: Paradigm = {
  nom: { m: 'er', f: 'e', n: 'es', pl: 'en' },
  acc: { m: 'en', f: 'e', n: 'es', pl: 'en' },
  dat: { m: 'en', f: 'en', n: 'en', pl: 'en' },
};

/** After a number or nothing (plurals only here). */
const strongEndings: Paradigm = demonstrativeEndings;

const pronouns: readonly {
  readonly matches: (a: Agreement) => boolean;
  readonly de: Record<Case, string>;
  readonly en: readonly [string, string];
}[] = [
  { matches: (a) => a.person === 1 && !a.plural, de: { nom: 'ich', acc: 'mich', dat: 'mir' }, en: ['I', 'me'] },
  { matches: (a) => a.person === 1 && a.plural, de: { nom: 'wir', acc: 'uns', dat: 'uns' }, en: ['we', 'us'] },
  { matches: (a) => a.person === 3 && a.plural, de: { nom: 'sie', acc: 'sie', dat: 'ihnen' }, en: ['they', 'them'] },
  { matches: (a) => a.gender === 'm', de: { nom: 'er', acc: 'ihn', dat: 'ihm' }, en: ['he', 'him'] },
  { matches: (a) => a.gender === 'f', de: { nom: 'sie', acc: 'sie', dat: 'ihr' }, en: ['she', 'her'] },
  { matches: () => true, de: { nom: 'es', acc: 'es', dat: 'ihm' }, en: ['it', 'it'] },
];

function pronoun(agreement: Agreement): (typeof pronouns)[number] {
  return pronouns.find(({ matches }) => matches(agreement))!;
}

/** The reflexive pronoun, accusative. */
export function germanReflexive({ person, plural }: Agreement): string {
  return person === 3 ? 'sich' : plural ? 'uns' : 'mich';
}

const possessives: Partial<Record<Determiner, readonly [string, string]>> = {
  my: ['mein', 'my'],
  his: ['sein', 'his'],
  her: ['ihr', 'her'],
  our: ['unser', 'our'],
};

/** German words of a noun phrase in a case. */
export function germanNounPhrase(phrase: NounPhrase, grammaticalCase: Case): string[] {
  switch (phrase.kind) {
    case 'gap':
      return [];
    case 'name':
      return [phrase.name];
    case 'pronoun':
      return [pronoun(phrase.agreement).de[grammaticalCase]];
  }
  const cell: Cell = phrase.plural ? 'pl' : phrase.noun.gender;
  const { article, endings } = germanDeterminer(phrase.determiner, grammaticalCase, cell);
  const words = article === '' ? [] : [article];
  if (phrase.number !== undefined) words.push(germanNumber(phrase.number));
  for (const { deStem } of phrase.adjectives) {
    const ending = endings[grammaticalCase][cell];
    words.push(deStem + (deStem.endsWith('e') ? ending.slice(1) : ending));
  }
  words.push(...germanNoun(phrase.noun, grammaticalCase, phrase.plural));
  return [...words, ...(phrase.relative?.de ?? [])];
}

function germanDeterminer(
  determiner: Determiner,
  grammaticalCase: Case,
  cell: Cell,
): { article: string; endings: Paradigm } {
  const possessive = possessives[determiner];
  if (possessive) {
    const ending = einEndings[grammaticalCase][cell];
    return { article: possessive[0] + ending, endings: mixedEndings };
  }
  switch (determiner) {
    case 'the':
      return { article: definiteArticle[grammaticalCase][cell], endings: weakEndings };
    case 'this':
      return { article: `dies${demonstrativeEndings[grammaticalCase][cell]}`, endings: weakEndings };
    case 'every':
      return { article: `jed${demonstrativeEndings[grammaticalCase][cell]}`, endings: weakEndings };
    case 'a':
      return { article: `ein${einEndings[grammaticalCase][cell]}`, endings: mixedEndings };
    case 'no':
      return { article: `kein${einEndings[grammaticalCase][cell]}`, endings: mixedEndings };
    default:
      return { article: '', endings: strongEndings };
  }
}

function germanNoun(noun: Noun, grammaticalCase: Case, plural: boolean): string[] {
  if (!plural) return [noun.weak && grammaticalCase !== 'nom' ? noun.dePlural : noun.de];
  return [grammaticalCase === 'dat' && !/[ns]$/.test(noun.dePlural) ? `${noun.dePlural}n` : noun.dePlural];
}

/** English words of a noun phrase. @param object true for the form after verbs and prepositions ("him") */
export function englishNounPhrase(phrase: NounPhrase, object: boolean): string[] {
  switch (phrase.kind) {
    case 'gap':
      return [];
    case 'name':
      return [phrase.name];
    case 'pronoun':
      return [pronoun(phrase.agreement).en[object ? 1 : 0]];
  }
  const words: string[] = [];
  if (phrase.number !== undefined) words.push(...englishNumber(phrase.number).split(' '));
  words.push(
    ...phrase.adjectives.map(({ en }) => en),
    ...(phrase.plural ? phrase.noun.enPlural : phrase.noun.en).split(' '),
  );
  const determiner = englishDeterminer(phrase.determiner, phrase.plural, words[0]);
  return [...(determiner === '' ? [] : [determiner]), ...words, ...(phrase.relative?.en ?? [])];
}

function englishDeterminer(determiner: Determiner, plural: boolean, nextWord: string): string {
  switch (determiner) {
    case 'a':
      return indefiniteArticle(nextWord);
    case 'this':
      return plural ? 'these' : 'this';
    case 'none':
      return '';
    default:
      return determiner;
  }
}

/** "a" or "an", by the sound the next word starts with. */
export function indefiniteArticle(nextWord: string): string {
  return /^[aeiou]/.test(nextWord) && !nextWord.startsWith('uni') ? 'an' : 'a';
}

const contractions: Readonly<Record<string, string>> = {
  'in dem': 'im',
  'an dem': 'am',
  'in das': 'ins',
  'zu dem': 'zum',
  'zu der': 'zur',
  'von dem': 'vom',
  'bei dem': 'beim',
};

/** A German preposition with its noun phrase; definite articles contract ("im", "zur"). */
export function germanPrepositional(preposition: string, phrase: NounPhrase, grammaticalCase: Case): string[] {
  const words = germanNounPhrase(phrase, grammaticalCase);
  const isArticle =
    phrase.kind === 'noun' && phrase.determiner === 'the' && !phrase.plural && phrase.relative === undefined;
  const contracted = isArticle ? contractions[`${preposition} ${words[0]}`] : undefined;
  return contracted ? [contracted, ...words.slice(1)] : [preposition, ...words];
}
