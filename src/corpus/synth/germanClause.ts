/** Clauses in German: verb second, verb first, verb last, and "zu" infinitives. */
import { wordsOf, type Clause } from './clause.js';
import { agreementOf, germanNounPhrase, germanPrepositional, germanReflexive, type NounPhrase } from './nounPhrase.js';
import { germanAuxiliary, germanModal, germanPresent } from './verbs.js';

/**
 * The position of the finite verb: `second` after the subject, or after `front` if given; `first` in yes-no questions;
 * `last` in subordinate clauses; `zu` has no subject and an infinitive with "zu".
 */
export type VerbPosition = 'second' | 'first' | 'last' | 'zu';

/** Words of a clause. @param front words before a finite verb in second position, in place of the subject */
export function germanClause(clause: Clause, position: VerbPosition, front?: readonly string[]): string[] {
  const { subject, rest } = participants(clause);
  const { finite, prefix, end } = predicate(clause);
  switch (position) {
    case 'second':
      return front
        ? [...front, finite, ...subject, ...rest, ...prefix, ...end]
        : [...subject, finite, ...rest, ...prefix, ...end];
    case 'first':
      return [finite, ...subject, ...rest, ...prefix, ...end];
    case 'last':
      return [...subject, ...rest, ...(end.length > 0 ? [...end, finite] : [prefix.join('') + finite])];
    case 'zu':
      return [...rest, ...zuInfinitive(clause)];
  }
}

/** The subject, and everything between it and the end of the clause. */
function participants(clause: Clause): { subject: string[]; rest: string[] } {
  const { verb, object, receiver, time, frequency, manner, place, goal, complement } = clause;
  const frame = verb === 'be' ? 'intransitive' : verb.frame;
  const inverse = frame === 'inverse';
  const subject = germanNounPhrase(clause.subject, inverse ? 'dat' : 'nom');
  const takesAccusative = frame === 'transitive' || frame === 'ditransitive';
  const noArticle = clause.negated && takesAccusative && !clause.gladly ? withNo(object) : undefined;
  const accusative = object && takesAccusative ? germanNounPhrase(noArticle ?? object, 'acc') : [];
  const isPronoun = object?.kind === 'pronoun';
  const datives = receiver
    ? germanNounPhrase(receiver, 'dat')
    : object && frame === 'dative'
      ? germanNounPhrase(object, 'dat')
      : [];
  const prepositional =
    object && verb !== 'be' && frame === 'prepositional'
      ? germanPrepositional(verb.de.preposition!, object, verb.de.prepositionCase!)
      : [];
  const rest = [
    ...(verb !== 'be' && verb.de.reflexive ? [germanReflexive(agreementOf(clause.subject))] : []),
    ...(inverse && object ? germanNounPhrase(object, 'nom') : []),
    ...(isPronoun ? accusative : []),
    ...datives,
    ...wordsOf(time?.de),
    ...(clause.tense === 'now' ? ['gerade'] : []),
    ...wordsOf(frequency?.de),
    ...(isPronoun || clause.gladly ? [] : accusative),
    ...(clause.negated && !noArticle ? ['nicht'] : []),
    ...(clause.gladly ? ['gern', ...(isPronoun ? [] : accusative)] : []),
    ...wordsOf(manner?.de),
    ...wordsOf(place?.de),
    ...prepositional,
    ...wordsOf(goal?.de),
    ...wordsOf(complement?.de),
  ];
  return { subject, rest };
}

/** The object with "kein" where negation requires it, in place of "ein" or no article. */
function withNo(object: NounPhrase | undefined): NounPhrase | undefined {
  if (object?.kind !== 'noun' || object.number !== undefined) return undefined;
  return object.determiner === 'a' || object.determiner === 'none' ? { ...object, determiner: 'no' } : undefined;
}

/** The finite verb without prefix, a separated prefix, and the infinite forms at the end. */
function predicate({ verb, subject, object, tense, modal }: Clause): {
  finite: string;
  prefix: string[];
  end: string[];
} {
  const agreement = agreementOf(verb !== 'be' && verb.frame === 'inverse' ? object! : subject);
  const infinitive = verb === 'be' ? 'sein' : verb.de.prefix + verb.de.infinitive;
  if (modal) return { finite: germanModal(modal, agreement), prefix: [], end: [infinitive] };
  if (tense === 'future') return { finite: germanAuxiliary('werden', agreement), prefix: [], end: [infinitive] };
  if (verb === 'be')
    return { finite: germanAuxiliary(tense === 'past' ? 'war' : 'sein', agreement), prefix: [], end: [] };
  if (tense === 'past')
    return { finite: germanAuxiliary(verb.de.auxiliary, agreement), prefix: [], end: [verb.de.participle] };
  return { finite: germanPresent(verb, agreement), prefix: verb.de.prefix === '' ? [] : [verb.de.prefix], end: [] };
}

function zuInfinitive({ verb }: Clause): string[] {
  if (verb === 'be') return ['zu', 'sein'];
  return verb.de.prefix === '' ? ['zu', verb.de.infinitive] : [`${verb.de.prefix}zu${verb.de.infinitive}`];
}
