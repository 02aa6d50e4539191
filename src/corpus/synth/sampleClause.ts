/** Draws clauses whose parts fit together: who can do what to what, where and when. */
import type { Random } from '../../random/xoshiro.js';
import { adjectivesFor } from './adjectives.js';
import type { Adverbials, Clause, Tense } from './clause.js';
import {
  agreementOf,
  englishNounPhrase,
  germanNounPhrase,
  germanPrepositional,
  type Agreement,
  type Determiner,
  type NounPhrase,
} from './nounPhrase.js';
import {
  animals,
  clothes,
  compounds,
  devices,
  food,
  names,
  openings,
  people,
  readables,
  regions,
  sites,
  things,
  type Noun,
  type NounClass,
} from './nouns.js';
import { clockWords, dateWords, englishNumber, germanNumber, months, yearWords, type Phrase } from './numbers.js';
import { allVerbs, costVerb, type Frame, type Modal, type Verb } from './verbs.js';

const nounsOf: Readonly<Record<NounClass, readonly Noun[]>> = {
  person: people,
  animal: animals,
  food,
  readable: readables,
  clothing: clothes,
  place: sites,
  thing: [...things, ...compounds.filter((noun) => noun.class === 'thing')],
  device: [...devices, ...compounds.filter((noun) => noun.class === 'device')],
  opening: [...openings, ...compounds.filter((noun) => noun.class === 'opening')],
};

const verbsOf = (frame: Frame): readonly Verb[] => allVerbs.filter((verb) => verb.frame === frame);
const framedVerbs: Readonly<Record<Frame, readonly Verb[]>> = {
  intransitive: verbsOf('intransitive'),
  transitive: verbsOf('transitive'),
  dative: verbsOf('dative'),
  ditransitive: verbsOf('ditransitive'),
  motion: verbsOf('motion'),
  prepositional: verbsOf('prepositional'),
  inverse: verbsOf('inverse'),
};
const frames: readonly Frame[] = [
  ...Array<Frame>(10).fill('transitive'),
  ...Array<Frame>(4).fill('prepositional'),
  ...Array<Frame>(4).fill('motion'),
  ...Array<Frame>(4).fill('intransitive'),
  ...Array<Frame>(3).fill('ditransitive'),
  ...Array<Frame>(3).fill('dative'),
  ...Array<Frame>(2).fill('inverse'),
];
const modals: readonly Modal[] = ['can', 'must', 'want', 'may', 'should', 'wouldLike'];

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
  return sampleNoun(random, animalsToo && random.chance(0.35) ? 'animal' : 'person', short);
}

function sampleName(random: Random): NounPhrase {
  const index = random.below(names.length);
  return { kind: 'name', name: names[index], gender: index % 2 === 0 ? 'f' : 'm' };
}

/** A noun phrase with a noun of the class. @param definite only determiners for something known */
export function sampleNoun(random: Random, nounClass: NounClass, short = false, definite = false): NounPhrase {
  const noun = random.pick(nounsOf[nounClass]);
  const plural = random.chance(0.25);
  const determiners: readonly Determiner[] = definite
    ? ['the', 'the', 'the', 'this', 'my', 'his', 'her', 'our']
    : [
        'the',
        'the',
        'the',
        'the',
        'this',
        'my',
        'his',
        'her',
        'our',
        ...(plural ? (['none', 'none'] as const) : (['a', 'a', 'a', 'every'] as const)),
      ];
  // "mein Mann" is a husband
  const known = ['Mann', 'Frau'].includes(noun.de)
    ? determiners.filter((one) => !['my', 'his', 'her', 'our'].includes(one))
    : determiners;
  const determiner = random.pick(known);
  const number = plural && determiner === 'none' && random.chance(0.75) ? sampleNumber(random) : undefined;
  const adjectives = !short && random.chance(0.3) ? [random.pick(adjectivesFor[nounClass])] : [];
  return { kind: 'noun', noun, plural, determiner, number, adjectives };
}

function sampleNumber(random: Random): number {
  return random.chance(0.6) ? 2 + random.below(11) : 13 + random.below(87);
}

/** A clause with a verb, its participants and adverbials. */
export function sampleClause(random: Random, wish: ClauseWish = {}): Clause {
  const verb = random.pick(framedVerbs[wish.frame ?? random.pick(frames)]);
  const short = wish.short ?? false;
  const subject = wish.subject ?? sampleSomeone(random, short, verb.forAnimals);
  const tense = sampleTense(random, verb, wish.tenses);
  const modal =
    tense === 'present' && !wish.noModal && !verb.stative && random.chance(0.3) ? random.pick(modals) : undefined;
  const negated =
    tense !== 'since' && tense !== 'now' && !wish.noNegation && !saysEvery(subject) && random.chance(0.18);
  const gladly =
    tense === 'present' &&
    !modal &&
    !verb.stative &&
    ['intransitive', 'transitive'].includes(verb.frame) &&
    random.chance(0.15);
  const object =
    verb.objects.length === 0
      ? undefined
      : withClearOwner(sampleObject(random, verb, subject, negated, short), subject);
  const receiver =
    verb.frame === 'ditransitive' ? withClearOwner(sampleOther(random, 'person', subject, short), subject) : undefined;
  const goal = verb.frame === 'motion' ? sampleGoal(random, goesFar(verb)) : undefined;
  return {
    subject,
    verb,
    object,
    receiver,
    tense,
    modal,
    negated,
    gladly,
    goal,
    ...sampleAdverbials(random, verb, { tense, modal, negated, gladly, noTime: wish.noTime, short }),
  };
}

function saysEvery(phrase: NounPhrase): boolean {
  return phrase.kind === 'noun' && phrase.determiner === 'every';
}

/** "ihr" is "her"; after a plural it would be read as "their". */
function withClearOwner(phrase: NounPhrase, subject: NounPhrase): NounPhrase {
  const owners = agreementOf(subject);
  return phrase.kind === 'noun' && phrase.determiner === 'her' && owners.plural && owners.person === 3
    ? { ...phrase, determiner: 'the' }
    : phrase;
}

/** Journeys: by train, to another country; not on foot. */
function goesFar({ de }: Verb): boolean {
  return ['fahren', 'reisen', 'kommen'].includes(de.infinitive);
}

function sampleTense(
  random: Random,
  verb: Verb,
  allowed: readonly Tense[] = ['present', 'present', 'present', 'past', 'past', 'past', 'future', 'now', 'since'],
): Tense {
  const tense = random.pick(allowed);
  const fits = tense === 'now' ? !verb.stative : tense === 'since' ? canLast(verb) : true;
  return fits ? tense : allowed.includes('past') ? 'past' : 'present';
}

/** Activities without an end: "works", not "arrives". */
function canLast({ frame, de }: Verb): boolean {
  return (
    frame === 'intransitive' &&
    de.auxiliary === 'haben' &&
    de.prefix === '' &&
    !['lachen', 'weinen', 'frühstücken'].includes(de.infinitive)
  );
}

function sampleObject(random: Random, verb: Verb, subject: NounPhrase, negated: boolean, short: boolean): NounPhrase {
  const nounClass = random.pick(verb.objects);
  // negation of these frames keeps the noun phrase as it is, and "nicht" wants something definite before it
  const definite =
    (negated && verb.frame !== 'transitive' && verb.frame !== 'ditransitive') || verb.frame === 'inverse';
  const object =
    nounClass === 'person' || nounClass === 'animal'
      ? sampleOther(random, nounClass, subject, short, definite)
      : sampleNoun(random, nounClass, short, definite);
  // "not every book" and "not twenty books" would leave open what is denied
  const countsOrEvery = object.kind === 'noun' && (object.determiner === 'every' || object.number !== undefined);
  return negated && countsOrEvery ? { ...object, determiner: 'the', number: undefined } : object;
}

/** Someone other than the subject: "ich ... mich" would have to be reflexive. */
function sampleOther(
  random: Random,
  nounClass: 'person' | 'animal',
  subject: NounPhrase,
  short: boolean,
  definite = false,
): NounPhrase {
  if (nounClass === 'person' && random.chance(0.15)) {
    const agreement = random.pick(pronounAgreements);
    const own = agreementOf(subject);
    // "sie" as an object could be "her" or "them": only "her" is used
    const ambiguous = agreement.person === 3 && agreement.plural;
    if (!ambiguous && (agreement.person !== own.person || (own.person === 3 && agreement.gender !== own.gender)))
      return { kind: 'pronoun', agreement };
  }
  if (nounClass === 'person' && random.chance(0.08)) {
    const name = sampleName(random);
    if (!(subject.kind === 'name' && name.kind === 'name' && subject.name === name.name)) return name;
  }
  return sampleNoun(random, nounClass, short, definite);
}

interface AdverbialWish extends Pick<Clause, 'tense' | 'modal' | 'negated' | 'gladly'> {
  readonly noTime?: boolean;
  readonly short: boolean;
}

function sampleAdverbials(random: Random, verb: Verb, wish: AdverbialWish): Adverbials {
  const needsTime = wish.tense === 'since';
  if (wish.short && !needsTime) return {};
  const plain = (wish.tense === 'present' || wish.tense === 'past') && !wish.modal && !wish.negated && !wish.gladly;
  const frequency = plain && !verb.stative && random.chance(0.12) ? random.pick(frequencies) : undefined;
  const noTime = wish.noTime || wish.tense === 'now' || (frequency && wish.tense === 'present');
  const time = needsTime || (!noTime && random.chance(0.35)) ? sampleTime(random, wish.tense) : undefined;
  const actsPlainly = !verb.stative && !wish.negated && !wish.gladly && verb.frame !== 'ditransitive';
  const manner =
    actsPlainly && random.chance(0.15)
      ? random.pick(verb.frame !== 'motion' ? manners : goesFar(verb) ? vehicles : paces)
      : undefined;
  const placed = !verb.stative && verb.frame !== 'motion' && verb.frame !== 'ditransitive' && verb.frame !== 'dative';
  const place = placed && random.chance(verb.frame === 'intransitive' ? 0.5 : 0.25) ? samplePlace(random) : undefined;
  return { time, frequency, manner, place };
}

const frequencies: readonly Phrase[] = [
  { de: 'oft', en: 'often' },
  { de: 'immer', en: 'always' },
  { de: 'manchmal', en: 'sometimes' },
  { de: 'nie', en: 'never' },
  { de: 'selten', en: 'rarely' },
];

const manners: readonly Phrase[] = [
  { de: 'schnell', en: 'quickly' },
  { de: 'langsam', en: 'slowly' },
  { de: 'vorsichtig', en: 'carefully' },
  { de: 'leise', en: 'quietly' },
  { de: 'allein', en: 'alone' },
  { de: 'geduldig', en: 'patiently' },
  { de: 'mit Freude', en: 'with joy' },
];

const vehicles: readonly Phrase[] = [
  { de: 'mit dem Bus', en: 'by bus' },
  { de: 'mit dem Zug', en: 'by train' },
  { de: 'mit dem Fahrrad', en: 'by bicycle' },
  { de: 'mit dem Auto', en: 'by car' },
  { de: 'allein', en: 'alone' },
];

const paces: readonly Phrase[] = [
  { de: 'schnell', en: 'quickly' },
  { de: 'langsam', en: 'slowly' },
  { de: 'leise', en: 'quietly' },
  { de: 'allein', en: 'alone' },
];

const weekdays: readonly Phrase[] = [
  { de: 'Montag', en: 'Monday' },
  { de: 'Dienstag', en: 'Tuesday' },
  { de: 'Mittwoch', en: 'Wednesday' },
  { de: 'Donnerstag', en: 'Thursday' },
  { de: 'Freitag', en: 'Friday' },
  { de: 'Samstag', en: 'Saturday' },
  { de: 'Sonntag', en: 'Sunday' },
];

/** Spans of time: German dative plural, English plural. */
const spans: readonly Phrase[] = [
  { de: 'Tagen', en: 'days' },
  { de: 'Wochen', en: 'weeks' },
  { de: 'Monaten', en: 'months' },
  { de: 'Jahren', en: 'years' },
  { de: 'Stunden', en: 'hours' },
];

const fixedTimes: Readonly<Record<'present' | 'past' | 'future', readonly Phrase[]>> = {
  present: [
    { de: 'jeden Tag', en: 'every day' },
    { de: 'jeden Morgen', en: 'every morning' },
    { de: 'jede Woche', en: 'every week' },
    { de: 'am Wochenende', en: 'on the weekend' },
    { de: 'abends', en: 'in the evening' },
    { de: 'im Sommer', en: 'in summer' },
    { de: 'heute', en: 'today' },
  ],
  past: [
    { de: 'gestern', en: 'yesterday' },
    { de: 'vorgestern', en: 'the day before yesterday' },
    { de: 'gestern Abend', en: 'last night' },
    { de: 'letzte Woche', en: 'last week' },
    { de: 'letzten Sommer', en: 'last summer' },
    { de: 'heute Morgen', en: 'this morning' },
    { de: 'letztes Jahr', en: 'last year' },
  ],
  future: [
    { de: 'morgen', en: 'tomorrow' },
    { de: 'übermorgen', en: 'the day after tomorrow' },
    { de: 'nächste Woche', en: 'next week' },
    { de: 'nächstes Jahr', en: 'next year' },
    { de: 'heute Abend', en: 'tonight' },
    { de: 'bald', en: 'soon' },
  ],
};

/** A time adverbial that fits the tense. */
export function sampleTime(random: Random, tense: Tense): Phrase {
  if (tense === 'since') {
    const { de, en } = sampleSpan(random);
    return { de: `seit ${de}`, en: `for ${en}` };
  }
  const draw = random.unit();
  if (draw < 0.22) return clockWords(1 + random.below(12), 5 * random.below(12));
  if (draw < 0.32 && tense !== 'present') {
    const month = random.below(12);
    return dateWords(1 + random.below(months[month].days), month);
  }
  if (draw < 0.42 && tense !== 'present') {
    const day = random.pick(weekdays);
    return { de: `am ${day.de}`, en: `on ${day.en}` };
  }
  if (draw < 0.5 && tense === 'past') {
    const year = yearWords(random.chance(0.6) ? 1950 + random.below(50) : 2001 + random.below(24));
    return { de: `im Jahr ${year.de}`, en: `in ${year.en}` };
  }
  if (draw < 0.62 && tense === 'past') {
    const { de, en } = sampleSpan(random);
    return { de: `vor ${de}`, en: `${en} ago` };
  }
  if (draw < 0.62 && tense === 'future') {
    const { de, en } = sampleSpan(random);
    return { de: `in ${de}`, en: `in ${en}` };
  }
  return sampleFixedTime(random, tense);
}

/** A time adverbial without numbers. */
export function sampleFixedTime(random: Random, tense: 'present' | 'past' | 'future' | 'now'): Phrase {
  return random.pick(fixedTimes[tense === 'now' ? 'present' : tense]);
}

function sampleSpan(random: Random): Phrase {
  const number = random.chance(0.7) ? 2 + random.below(11) : 13 + random.below(37);
  const span = random.pick(spans);
  return { de: `${germanNumber(number)} ${span.de}`, en: `${englishNumber(number)} ${span.en}` };
}

/** "in der alten Kirche", "in the old church". */
export function samplePlace(random: Random): Phrase {
  if (random.chance(0.2)) {
    const region = random.pick(regions);
    return { de: `in ${region.de}`, en: `in ${region.en}` };
  }
  const site = random.pick(sites);
  const phrase = placePhrase(random, site);
  return {
    de: germanPrepositional(site.deAt, phrase, 'dat').join(' '),
    en: [site.enAt, ...englishNounPhrase(phrase, true)].join(' '),
  };
}

/** "nach Köln", "zum Bahnhof", "in den Park": to a place. */
function sampleGoal(random: Random, far: boolean): Phrase {
  if (far && random.chance(0.5)) {
    const region = random.pick(regions);
    return { de: `nach ${region.de}`, en: `to ${region.en}` };
  }
  const site = random.pick(sites);
  const phrase = placePhrase(random, site);
  return {
    de: germanPrepositional(site.deTo, phrase, site.deTo === 'zu' ? 'dat' : 'acc').join(' '),
    en: ['to', ...englishNounPhrase(phrase, true)].join(' '),
  };
}

function placePhrase(random: Random, noun: Noun): NounPhrase {
  const determiner = random.pick<Determiner>(['the', 'the', 'the', 'the', 'a', 'this']);
  return {
    kind: 'noun',
    noun,
    plural: false,
    determiner,
    adjectives: random.chance(0.2) ? [random.pick(adjectivesFor.place)] : [],
  };
}

/** A clause with "sein" or a measure: quality, comparison, age or price. */
export function sampleState(random: Random): Clause {
  const kind = random.below(8);
  const tense = random.pick<'present' | 'past' | 'future'>(['present', 'present', 'present', 'past', 'future']);
  if (kind === 0) {
    const subject = sampleNoun(random, random.pick(['thing', 'clothing', 'device', 'food'] as const), true, true);
    const price = random.chance(0.8) ? 2 + random.below(98) : 100 * (1 + random.below(9));
    return {
      subject,
      verb: costVerb,
      complement: { de: `${germanNumber(price)} Euro`, en: `${englishNumber(price)} euros` },
      tense: random.pick<Tense>(['present', 'past']),
      negated: false,
    };
  }
  if (kind === 1) {
    const age = 2 + random.below(98);
    const complement = { de: `${germanNumber(age)} Jahre alt`, en: `${englishNumber(age)} years old` };
    return { subject: sampleSomeone(random, true), verb: 'be', complement, tense, negated: false };
  }
  const nounClass = random.pick<NounClass>([
    'person',
    'person',
    'animal',
    'thing',
    'readable',
    'food',
    'place',
    'clothing',
  ]);
  const subject = nounClass === 'person' ? sampleSomeone(random, true) : sampleNoun(random, nounClass, true, true);
  const actualClass = subject.kind === 'noun' ? subject.noun.class : 'person';
  const adjective = random.pick(adjectivesFor[actualClass]);
  if (kind === 2) {
    const other = sampleNoun(random, actualClass, true, true);
    const complement = {
      de: `${adjective.deComparative} als ${germanNounPhrase(other, 'nom').join(' ')}`,
      en: `${adjective.enComparative} than ${englishNounPhrase(other, true).join(' ')}`,
    };
    return { subject, verb: 'be', complement, tense, negated: !saysEvery(subject) && random.chance(0.2) };
  }
  const degree = random.pick<Phrase | undefined>([
    undefined,
    undefined,
    { de: 'sehr', en: 'very' },
    { de: 'zu', en: 'too' },
    { de: 'ziemlich', en: 'quite' },
  ]);
  const complement = degree ? { de: `${degree.de} ${adjective.de}`, en: `${degree.en} ${adjective.en}` } : adjective;
  const time = random.chance(0.25) ? sampleFixedTime(random, tense) : undefined;
  return {
    subject,
    verb: 'be',
    complement: { de: complement.de, en: complement.en },
    tense,
    negated: !saysEvery(subject) && random.chance(0.2),
    time,
  };
}
