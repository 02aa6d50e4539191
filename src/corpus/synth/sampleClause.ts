/** Draws clauses whose parts fit together: who can do what to what, where and when. */
import type { Random } from '../../random/xoshiro.js';
import type { Clause } from './clause.js';
import {
  lexicon,
  type Agreement,
  type Determiner,
  type Frame,
  type Modal,
  type NounClass,
  type Phrase,
  type Tense,
  type Verb,
} from './lexicon.js';
import { english, german, germanPrepositional, type NounPhrase } from './nounPhrase.js';
import { clockWords, dateWords, englishNumber, germanNumber, yearWords } from './numbers.js';

/** Choices with their weights, for `Random.pick`. */
function weighted<T extends string>(weights: Readonly<Partial<Record<T, number>>>): T[] {
  return Object.entries<number | undefined>(weights).flatMap(([choice, weight]) => Array<T>(weight!).fill(choice as T));
}

const frames = weighted<Frame>({
  transitive: 10,
  prepositional: 4,
  motion: 4,
  intransitive: 4,
  ditransitive: 3,
  dative: 3,
  inverse: 2,
});
const usualTenses = weighted<Tense>({ present: 3, past: 3, future: 1, now: 1, since: 1 });
const owners = { my: 1, his: 1, her: 1, our: 1 } as const;
const determiners = {
  definite: weighted<Determiner>({ the: 3, this: 1, ...owners }),
  singular: weighted<Determiner>({ the: 4, this: 1, ...owners, a: 3, every: 1 }),
  plural: weighted<Determiner>({ the: 4, this: 1, ...owners, none: 2 }),
  place: weighted<Determiner>({ the: 4, a: 1, this: 1 }),
};
const pronounAgreements: readonly Agreement[] = [
  { person: 1, plural: false, gender: 'm' },
  { person: 1, plural: true, gender: 'm' },
  { person: 3, plural: false, gender: 'm' },
  { person: 3, plural: false, gender: 'f' },
  { person: 3, plural: true, gender: 'm' },
];

/** What a clause must or must not have. */
export interface ClauseWish {
  readonly subject?: NounPhrase;
  readonly frame?: Frame;
  readonly tenses?: readonly Tense[];
  readonly noModal?: boolean;
  readonly noNegation?: boolean;
  /** Leave time adverbials out, e.g. because one precedes the clause. */
  readonly noTime?: boolean;
  /** Keep the clause short: no adjectives, no adverbials. */
  readonly short?: boolean;
}

/** Someone: a person or, where allowed, sometimes an animal. */
export function sampleSomeone(random: Random, short = false, animalsToo = false): NounPhrase {
  const draw = random.unit();
  if (draw < 0.25) return { kind: 'pronoun', agreement: random.pick(pronounAgreements) };
  if (draw < 0.33) return sampleName(random);
  return sampleNoun(random, animalsToo && random.chance(0.35) ? 'animal' : 'person', { short });
}

function sampleName(random: Random): Extract<NounPhrase, { kind: 'name' }> {
  const { names } = lexicon();
  const index = random.below(names.length);
  const gender = index % 2 === 0 ? 'f' : 'm';
  return { kind: 'name', name: names[index], agreement: { person: 3, plural: false, gender } };
}

/** A noun phrase with a noun of the class. @param definite only determiners for something known */
export function sampleNoun(
  random: Random,
  nounClass: NounClass,
  { short = false, definite = false } = {},
): Extract<NounPhrase, { kind: 'noun' }> {
  const { nouns, adjectives } = lexicon();
  const noun = random.pick(nouns[nounClass]);
  const plural = random.chance(0.25);
  const fitting = determiners[definite ? 'definite' : plural ? 'plural' : 'singular'];
  // "mein Mann" is a husband
  const isSpouse = ['Mann', 'Frau'].includes(noun.de[0]);
  const determiner = random.pick(isSpouse ? fitting.filter((one) => !(one in owners)) : fitting);
  const number = plural && determiner === 'none' && random.chance(0.75) ? sampleNumber(random, 0.6, 87) : undefined;
  const adjective = !short && random.chance(0.3) ? random.pick(adjectives[nounClass]) : undefined;
  const agreement = { person: 3, plural, gender: noun.gender } as const;
  return { kind: 'noun', noun, agreement, determiner, number, adjective };
}

/** A number from 2 to 12 with a probability, otherwise one of those from 13. */
function sampleNumber(random: Random, small: number, largeNumbers: number): number {
  return random.chance(small) ? 2 + random.below(11) : 13 + random.below(largeNumbers);
}

/** A clause with a verb, its participants and adverbials. */
export function sampleClause(random: Random, wish: ClauseWish = {}): Clause {
  const verb = random.pick(lexicon().verbs[wish.frame ?? random.pick(frames)]);
  const { frame, stative } = verb;
  const { short = false } = wish;
  const subject = wish.subject ?? sampleSomeone(random, short, verb.animalsToo);
  const tense = sampleTense(random, verb, wish.tenses);
  const isPresent = tense === 'present' && !stative;
  const modal = isPresent && !wish.noModal && random.chance(0.3) ? random.pick(modals()) : undefined;
  const negated =
    tense !== 'since' && tense !== 'now' && !wish.noNegation && !saysEvery(subject) && random.chance(0.18);
  const gladly = isPresent && !modal && (frame === 'intransitive' || frame === 'transitive') && random.chance(0.15);
  const object =
    verb.objects.length > 0 ? withClearOwner(sampleObject(random, verb, subject, negated, short), subject) : undefined;
  const receiver =
    frame === 'ditransitive' ? withClearOwner(sampleOther(random, 'person', subject, { short }), subject) : undefined;
  const goal = frame === 'motion' ? sampleGoal(random, verb.far) : undefined;
  const clause = { subject, verb, object, receiver, tense, modal, negated, gladly, goal };
  return { ...clause, ...sampleAdverbials(random, clause, short, wish.noTime) };
}

const modals = (): Modal[] => Object.keys(lexicon().modals) as Modal[];

function saysEvery(phrase: NounPhrase): boolean {
  return phrase.kind === 'noun' && phrase.determiner === 'every';
}

/** "ihr" is "her"; after a plural it would be read as "their". */
function withClearOwner(phrase: NounPhrase, { agreement: { plural, person } }: NounPhrase): NounPhrase {
  const isUnclear = phrase.kind === 'noun' && phrase.determiner === 'her' && plural && person === 3;
  return isUnclear ? { ...phrase, determiner: 'the' } : phrase;
}

function sampleTense(random: Random, { stative, lasts }: Verb, allowed: readonly Tense[] = usualTenses): Tense {
  const tense = random.pick(allowed);
  const fits = tense === 'now' ? !stative : tense === 'since' ? lasts : true;
  return fits ? tense : allowed.includes('past') ? 'past' : 'present';
}

function sampleObject(random: Random, verb: Verb, subject: NounPhrase, negated: boolean, short: boolean): NounPhrase {
  const nounClass = random.pick(verb.objects);
  // negation of these frames keeps the noun phrase as it is, and "nicht" wants something definite before it
  const definite =
    (negated && verb.frame !== 'transitive' && verb.frame !== 'ditransitive') || verb.frame === 'inverse';
  const isSomeone = nounClass === 'person' || nounClass === 'animal';
  const object = isSomeone
    ? sampleOther(random, nounClass, subject, { short, definite })
    : sampleNoun(random, nounClass, { short, definite });
  // "not every book" and "not twenty books" would leave open what is denied
  const countsOrEvery = object.kind === 'noun' && (saysEvery(object) || object.number !== undefined);
  return negated && countsOrEvery ? { ...object, determiner: 'the', number: undefined } : object;
}

/** Someone other than the subject: "ich ... mich" would have to be reflexive. */
function sampleOther(
  random: Random,
  nounClass: 'person' | 'animal',
  subject: NounPhrase,
  options: { short: boolean; definite?: boolean },
): NounPhrase {
  if (nounClass === 'person' && random.chance(0.15)) {
    const agreement = random.pick(pronounAgreements);
    const own = subject.agreement;
    // "sie" as an object could be "her" or "them": only "her" is used
    const ambiguous = agreement.person === 3 && agreement.plural;
    if (!ambiguous && (agreement.person !== own.person || (own.person === 3 && agreement.gender !== own.gender)))
      return { kind: 'pronoun', agreement };
  }
  if (nounClass === 'person' && random.chance(0.08)) {
    const name = sampleName(random);
    if (!(subject.kind === 'name' && subject.name === name.name)) return name;
  }
  return sampleNoun(random, nounClass, options);
}

function sampleAdverbials(
  random: Random,
  { verb: { frame, stative, far }, tense, modal, negated, gladly }: Clause,
  short: boolean,
  noTimeWished = false,
): Pick<Clause, 'time' | 'frequency' | 'manner' | 'place'> {
  const needsTime = tense === 'since';
  if (short && !needsTime) return {};
  const { frequencies, manners, vehicles, paces } = lexicon();
  const plain = (tense === 'present' || tense === 'past') && !modal && !negated && !gladly;
  const frequency = plain && !stative && random.chance(0.12) ? random.pick(frequencies) : undefined;
  const noTime = noTimeWished || tense === 'now' || (frequency && tense === 'present');
  const time = needsTime || (!noTime && random.chance(0.35)) ? sampleTime(random, tense) : undefined;
  const hasManner = !stative && !negated && !gladly && frame !== 'ditransitive' && random.chance(0.15);
  const manner = hasManner ? random.pick(frame !== 'motion' ? manners : far ? vehicles : paces) : undefined;
  const placed = !stative && frame !== 'motion' && frame !== 'ditransitive' && frame !== 'dative';
  const place = placed && random.chance(frame === 'intransitive' ? 0.5 : 0.25) ? samplePlace(random) : undefined;
  return { time, frequency, manner, place };
}

/** A time adverbial that fits the tense. */
export function sampleTime(random: Random, tense: Tense): Phrase {
  const { months, weekdays } = lexicon();
  if (tense === 'since') return around(sampleSpan(random), 'seit', 'for');
  const draw = random.unit();
  if (draw < 0.22) return clockWords(1 + random.below(12), 5 * random.below(12));
  if (draw < 0.32 && tense !== 'present') {
    const month = random.below(12);
    return dateWords(1 + random.below(months[month].days), month);
  }
  if (draw < 0.42 && tense !== 'present') return around(random.pick(weekdays), 'am', 'on');
  if (draw < 0.5 && tense === 'past') {
    const year = yearWords(random.chance(0.6) ? 1950 + random.below(50) : 2001 + random.below(24));
    return around(year, 'im Jahr', 'in');
  }
  if (draw < 0.62 && tense === 'past') {
    const { de, en } = sampleSpan(random);
    return { de: `vor ${de}`, en: `${en} ago` };
  }
  if (draw < 0.62 && tense === 'future') return around(sampleSpan(random), 'in', 'in');
  return sampleFixedTime(random, tense);
}

/** The phrase after a word of each language. */
function around({ de, en }: Phrase, german: string, english: string): Phrase {
  return { de: `${german} ${de}`, en: `${english} ${en}` };
}

/** A time adverbial without numbers. */
export function sampleFixedTime(random: Random, tense: Exclude<Tense, 'since'>): Phrase {
  return random.pick(lexicon().times[tense === 'now' ? 'present' : tense]);
}

/** "zwei Jahren", "two years". */
function sampleSpan(random: Random): Phrase {
  const number = sampleNumber(random, 0.7, 37);
  return counted(number, random.pick(lexicon().spans));
}

function counted(number: number, unit: Phrase): Phrase {
  return around(unit, germanNumber(number), englishNumber(number));
}

/** "in der alten Kirche", "in the old church". */
export function samplePlace(random: Random): Phrase {
  if (random.chance(0.2)) return around(random.pick(lexicon().regions), 'in', 'in');
  const site = sampleSite(random);
  const { de, en } = site.noun.at;
  return { de: germanPrepositional(de, site, 'dat'), en: `${en} ${english(site, true)}` };
}

/** "nach Köln", "zum Bahnhof", "in den Park": to a place. */
function sampleGoal(random: Random, far: boolean): Phrase {
  if (far && random.chance(0.5)) return around(random.pick(lexicon().regions), 'nach', 'to');
  const site = sampleSite(random);
  const to = site.noun.deTo;
  return { de: germanPrepositional(to, site, to === 'zu' ? 'dat' : 'acc'), en: `to ${english(site, true)}` };
}

function sampleSite(random: Random): Extract<NounPhrase, { kind: 'noun' }> {
  const { nouns, adjectives } = lexicon();
  const noun = random.pick(nouns.place);
  const determiner = random.pick(determiners.place);
  const adjective = random.chance(0.2) ? random.pick(adjectives.place) : undefined;
  return { kind: 'noun', noun, agreement: { person: 3, plural: false, gender: noun.gender }, determiner, adjective };
}

/** A clause with "sein" or a measure: quality, comparison, age or price. */
export function sampleState(random: Random): Clause {
  const { verbs, adjectives, degrees } = lexicon();
  const kind = random.below(8);
  const tense = random.pick(weighted<'present' | 'past' | 'future'>({ present: 3, past: 1, future: 1 }));
  if (kind === 0) {
    const nounClass = random.pick<NounClass>(['thing', 'clothing', 'device', 'food']);
    const subject = sampleNoun(random, nounClass, { short: true, definite: true });
    const price = random.chance(0.8) ? 2 + random.below(98) : 100 * (1 + random.below(9));
    const complement = counted(price, { de: 'Euro', en: 'euros' });
    return { ...being(subject, complement, random.pick(['present', 'past'])), verb: verbs.cost[0] };
  }
  if (kind === 1) {
    const age = 2 + random.below(98);
    const complement = counted(age, { de: 'Jahre alt', en: 'years old' });
    return being(sampleSomeone(random, true), complement, tense);
  }
  const nounClass = random.pick(
    weighted<NounClass>({ person: 2, animal: 1, thing: 1, readable: 1, food: 1, place: 1, clothing: 1 }),
  );
  const subject =
    nounClass === 'person'
      ? sampleSomeone(random, true)
      : sampleNoun(random, nounClass, { short: true, definite: true });
  const actualClass = subject.kind === 'noun' ? subject.noun.class : 'person';
  const adjective = random.pick(adjectives[actualClass]);
  const isNegated = (): boolean => !saysEvery(subject) && random.chance(0.2);
  if (kind === 2) {
    const other = sampleNoun(random, actualClass, { short: true, definite: true });
    const { de, en } = adjective.comparative;
    const complement = { de: `${de} als ${german(other, 'nom')}`, en: `${en} than ${english(other, true)}` };
    return { ...being(subject, complement, tense), negated: isNegated() };
  }
  const degree = random.pick([undefined, undefined, ...degrees]);
  const complement = degree ? around(adjective, degree.de, degree.en) : adjective;
  const time = random.chance(0.25) ? sampleFixedTime(random, tense) : undefined;
  return { ...being(subject, complement, tense), negated: isNegated(), time };
}

/** The subject is something. */
export function being(subject: NounPhrase, complement: Phrase, tense: Tense): Clause {
  return { subject, verb: lexicon().verbs.be[0], complement, tense, negated: false };
}
