/** Clauses: one meaning, expressed in German and in English. */
import { agreeing, lexicon, type EnglishVerb, type Modal, type Phrase, type Tense, type Verb } from './lexicon.js';
import { english, german, germanPrepositional, germanReflexive, joined, type NounPhrase } from './nounPhrase.js';

export interface Clause {
  readonly subject: NounPhrase;
  readonly verb: Verb;
  readonly object?: NounPhrase;
  /** Receiver of a ditransitive verb. */
  readonly receiver?: NounPhrase;
  /** What follows "be" or a verb of measure: an adjective, an age, a price. */
  readonly complement?: Phrase;
  readonly tense: Tense;
  /** Present tense only. */
  readonly modal?: Modal;
  readonly negated: boolean;
  /** "gern": English "likes to". Present tense without modal only. */
  readonly gladly?: boolean;
  readonly time?: Phrase;
  /** "oft", "often": after the German verb, before the English one. */
  readonly frequency?: Phrase;
  readonly manner?: Phrase;
  readonly place?: Phrase;
  /** The goal of a motion: "in den Park", "to the park". */
  readonly goal?: Phrase;
}

/**
 * The position of the finite verb: `second` after the subject, or after `front` if given; `first` in yes-no questions;
 * `last` in subordinate clauses; `zu` has no subject and an infinitive with "zu".
 */
export type VerbPosition = 'second' | 'first' | 'last' | 'zu';

/** @param front words before a finite verb in second position, in place of the subject */
export function germanClause(clause: Clause, position: VerbPosition = 'second', front?: string): string {
  const { verb } = clause;
  const { prefix, infinitive } = verb.de;
  const subject = german(clause.subject, verb.frame === 'inverse' ? 'dat' : 'nom');
  const middle = germanMiddle(clause);
  const { finite, end } = germanPredicate(clause);
  const separated = end === '' ? prefix : '';
  switch (position) {
    case 'second':
      return front === undefined
        ? joined(subject, finite, middle, separated, end)
        : joined(front, finite, subject, middle, separated, end);
    case 'first':
      return joined(finite, subject, middle, separated, end);
    case 'last':
      return joined(subject, middle, end, separated + finite);
    case 'zu':
      return joined(middle, prefix === '' ? `zu ${infinitive}` : `${prefix}zu${infinitive}`);
  }
}

/** Everything between the subject and the end of the clause. */
function germanMiddle(clause: Clause): string {
  const { verb, object, receiver, negated, gladly } = clause;
  const { frame } = verb;
  const takesAccusative = frame === 'transitive' || frame === 'ditransitive';
  const noArticle = negated && takesAccusative && !gladly ? withNo(object) : undefined;
  const accusative = object && takesAccusative ? german(noArticle ?? object, 'acc') : '';
  const isPronoun = object?.kind === 'pronoun';
  const dative = receiver ?? (frame === 'dative' ? object : undefined);
  return joined(
    verb.de.reflexive && germanReflexive(clause.subject.agreement),
    frame === 'inverse' && object && german(object, 'nom'),
    isPronoun && accusative,
    dative && german(dative, 'dat'),
    clause.time?.de,
    clause.tense === 'now' && 'gerade',
    clause.frequency?.de,
    !isPronoun && !gladly && accusative,
    negated && !noArticle && 'nicht',
    gladly && 'gern',
    !isPronoun && gladly && accusative,
    clause.manner?.de,
    clause.place?.de,
    frame === 'prepositional' && object && germanPrepositional(verb.de.preposition!, object, verb.de.prepositionCase!),
    clause.goal?.de,
    clause.complement?.de,
  );
}

/** The object with "kein" where negation requires it, in place of "ein" or no article. */
function withNo(object: NounPhrase | undefined): NounPhrase | undefined {
  if (object?.kind !== 'noun' || object.number !== undefined) return undefined;
  return object.determiner === 'a' || object.determiner === 'none' ? { ...object, determiner: 'no' } : undefined;
}

/** The finite verb without prefix, and the infinite form at the end. */
function germanPredicate({ verb, subject, object, tense, modal }: Clause): { finite: string; end: string } {
  const { modals, auxiliaries } = lexicon();
  const { prefix, infinitive, present, participle, auxiliary } = verb.de;
  const { agreement } = verb.frame === 'inverse' ? object! : subject;
  const isBe = verb.frame === 'be';
  if (modal) return { finite: agreeing(modals[modal], agreement), end: prefix + infinitive };
  if (tense === 'future') return { finite: agreeing(auxiliaries.werden, agreement), end: prefix + infinitive };
  if (tense === 'past' && !isBe) return { finite: agreeing(auxiliaries[auxiliary], agreement), end: participle };
  const forms = isBe ? auxiliaries[tense === 'past' ? 'war' : 'sein'] : present;
  return { finite: agreeing(forms, agreement), end: '' };
}

/** @param form `question` inverts subject and auxiliary; `to` is an infinitive without subject */
export function englishClause(clause: Clause, form: 'statement' | 'question' | 'to' = 'statement'): string {
  const { verb, object, receiver, complement, goal, manner, place, time, frequency } = clause;
  const tail = joined(
    object && english(object, true),
    receiver && `to ${english(receiver, true)}`,
    ...[complement, goal, manner, place, time].map((part) => part?.en),
  );
  if (form === 'to') return joined('to', verb.en.base, verb.en.particle, tail);
  const subject = english(clause.subject, false);
  const { auxiliary, not, main } = englishPredicate(clause, form === 'question');
  const start = form === 'question' ? [auxiliary, subject] : [subject, auxiliary];
  return joined(...start, not, frequency?.en, main, tail);
}

interface EnglishPredicate {
  readonly auxiliary: string;
  readonly not: string;
  /** The main verb with its particle. */
  readonly main: string;
}

function englishPredicate(clause: Clause, question: boolean): EnglishPredicate {
  const { verb, tense, modal, negated, gladly, subject } = clause;
  const { auxiliaries, withTo } = lexicon();
  const not = negated ? 'not' : '';
  const { particle } = verb.en;
  const base = joined(verb.en.base, particle);
  const form = (name: keyof typeof auxiliaries): string => agreeing(auxiliaries[name], subject.agreement);
  /** Simple tenses: "do" carries negation and questions. */
  const simple = (spoken: EnglishVerb, after: string): EnglishPredicate => {
    const past = tense === 'past';
    if (negated || question) return { auxiliary: past ? 'did' : form('do'), not, main: joined(spoken.base, after) };
    const finite = past ? spoken.past : agreeing(spoken.present, subject.agreement);
    return { auxiliary: '', not, main: joined(finite, after) };
  };
  if (modal === 'want') return simple(withTo.want, `to ${base}`);
  // "muss nicht" says that there is no need, "must not" would forbid
  if (modal === 'must' && negated) return simple(withTo.mustNot, `to ${base}`);
  if (modal === 'wouldLike') return { auxiliary: 'would', not, main: `like to ${base}` };
  if (modal === 'can' && negated) return { auxiliary: 'cannot', not: '', main: base };
  if (modal) return { auxiliary: modal, not, main: base };
  if (tense === 'future') return { auxiliary: 'will', not, main: base };
  if (verb.frame === 'be') return { auxiliary: form(tense === 'past' ? 'was' : 'am'), not, main: '' };
  if (tense === 'now') return { auxiliary: form('am'), not, main: joined(verb.en.ing, particle) };
  if (tense === 'since') return { auxiliary: form('have'), not, main: joined(verb.en.participle, particle) };
  return gladly ? simple(withTo.gladly, `to ${base}`) : simple(verb.en, particle);
}
