/** Noun phrases, and their words in German and English. */
import {
  lexicon,
  type Adjective,
  type Agreement,
  type Case,
  type Determiner,
  type Endings,
  type Noun,
  type Phrase,
} from './lexicon.js';
import { englishNumber, germanNumber } from './numbers.js';

export type NounPhrase = { readonly agreement: Agreement } & (
  | { readonly kind: 'pronoun' }
  | { readonly kind: 'name'; readonly name: string }
  | {
      readonly kind: 'noun';
      readonly noun: Noun;
      readonly determiner: Determiner;
      /** A number of 2 or more in front of a plural. */
      readonly number?: number;
      readonly adjective?: Adjective;
      /** Words after the noun: a relative clause. */
      readonly relative?: Phrase;
    }
  /** The place in a relative clause that its relative pronoun has left empty. */
  | { readonly kind: 'gap' }
);

/** The words that are there, separated by spaces. */
export function joined(...parts: readonly (string | false | undefined)[]): string {
  return parts.filter((part) => part).join(' ');
}

const columnOf = ({ plural, gender }: Agreement): keyof Endings['nom'] => (plural ? 'plural' : gender);

/** German words of a noun phrase in a case. */
export function german(phrase: NounPhrase, grammaticalCase: Case): string {
  if (phrase.kind === 'gap') return '';
  if (phrase.kind === 'name') return phrase.name;
  const { agreement } = phrase;
  if (phrase.kind === 'pronoun') return pronoun(agreement).de[grammaticalCase];
  const { noun, determiner, number, adjective, relative } = phrase;
  const column = columnOf(agreement);
  const { determiners, strongEndings } = lexicon();
  const { stem, own, after } =
    determiner === 'none' ? { stem: '', own: undefined, after: strongEndings } : determiners[determiner];
  const ending = after[grammaticalCase][column];
  return joined(
    stem + (own?.[grammaticalCase][column] ?? ''),
    number !== undefined && germanNumber(number),
    adjective && adjective.stem + ending,
    germanNoun(noun, grammaticalCase, agreement.plural),
    relative?.de,
  );
}

function germanNoun({ de: [singular, plural], weak }: Noun, grammaticalCase: Case, isPlural: boolean): string {
  if (!isPlural) return weak && grammaticalCase !== 'nom' ? plural : singular;
  return grammaticalCase === 'dat' && !/[ns]$/.test(plural) ? `${plural}n` : plural;
}

/** English words of a noun phrase. @param object true for the form after verbs and prepositions ("him") */
export function english(phrase: NounPhrase, object: boolean): string {
  if (phrase.kind === 'gap') return '';
  if (phrase.kind === 'name') return phrase.name;
  const { agreement } = phrase;
  if (phrase.kind === 'pronoun') return pronoun(agreement).en[object ? 1 : 0];
  const { noun, determiner, number, adjective, relative } = phrase;
  const plural = agreement.plural ? 1 : 0;
  const words = joined(number !== undefined && englishNumber(number), adjective?.en, noun.en[plural]);
  const article =
    determiner === 'none' ? '' : determiner === 'a' ? indefinite(words) : lexicon().determiners[determiner].en[plural];
  return joined(article, words, relative?.en);
}

/** "a" or "an", by the sound the next word starts with. */
export function indefinite(next: string): string {
  return /^(?!uni)[aeiou]/.test(next) ? 'an' : 'a';
}

function pronoun({ person, plural, gender }: Agreement): { de: Readonly<Record<Case, string>>; en: readonly string[] } {
  const { pronouns } = lexicon();
  return person === 1 ? pronouns[plural ? '1p' : '1s'] : pronouns[plural ? '3p' : gender];
}

/** The reflexive pronoun, accusative. */
export function germanReflexive({ person, plural }: Agreement): string {
  return person === 3 ? 'sich' : plural ? 'uns' : 'mich';
}

/** The relative pronoun is the definite article, but "denen" in the dative plural. */
export function germanRelative(grammaticalCase: Case, { agreement }: NounPhrase): string {
  const { stem, own } = lexicon().determiners.the;
  return grammaticalCase === 'dat' && agreement.plural ? 'denen' : stem + own[grammaticalCase][columnOf(agreement)];
}

/** A German preposition with its noun phrase; definite articles contract ("im", "zur"). */
export function germanPrepositional(preposition: string, phrase: NounPhrase, grammaticalCase: Case): string {
  const whole = `${preposition} ${german(phrase, grammaticalCase)}`;
  if (phrase.kind !== 'noun' || phrase.determiner !== 'the' || phrase.agreement.plural || phrase.relative) return whole;
  return whole.replace(/^\S+ \S+/, (parts) => lexicon().contractions.get(parts) ?? parts);
}
