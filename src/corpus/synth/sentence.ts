/** Sentences of the built-in corpus: patterns that put clauses together in both languages. */
import type { Random } from '../../random/xoshiro.js';
import { englishClause, germanClause, type Clause } from './clause.js';
import { agreeing, lexicon, type Case, type Frame, type Phrase, type Tense } from './lexicon.js';
import { english, german, germanRelative, type NounPhrase } from './nounPhrase.js';
import {
  being,
  sampleClause,
  sampleFixedTime,
  sampleNoun,
  samplePlace,
  sampleSomeone,
  sampleState,
  sampleTime,
  type ClauseWish,
} from './sampleClause.js';

/** Patterns with their weights. */
const patterns: readonly (readonly [weight: number, (random: Random) => Phrase])[] = [
  [22, (random) => statement(sampleClause(random))],
  [14, statementFromTime],
  [6, yesNoQuestion],
  [6, openQuestion],
  [12, statementOfContent],
  [10, reasonAfter],
  [7, reasonBefore],
  [6, purpose],
  [14, (random) => statement(sampleState(random))],
  [4, existence],
  [10, withRelative],
  [5, contrast],
];
const totalWeight = patterns.reduce((sum, [weight]) => sum + weight, 0);

/** One German-English sentence pair: tokens separated by spaces, capitals only where the word has them anywhere. */
export function sampleSentence(random: Random): Phrase {
  let draw = random.below(totalWeight);
  const [, pattern] = patterns.find(([weight]) => (draw -= weight) < 0)!;
  const { de, en } = pattern(random);
  // the comma that closes a relative clause disappears before another mark
  const finished = (text: string): string => text.replace(/ ,(?= [,.?])/g, '');
  return { de: finished(de), en: finished(en) };
}

function statement(clause: Clause): Phrase {
  return { de: `${germanClause(clause)} .`, en: `${englishClause(clause)} .` };
}

/** The time comes first: German puts the subject after the verb. */
function statementFromTime(random: Random): Phrase {
  const isAction = random.chance(0.8);
  const clause = isAction ? sampleClause(random, { noTime: true, tenses: plainTenses }) : sampleState(random);
  const time = isAction ? sampleTime(random, clause.tense) : sampleFixedTime(random, clause.tense as 'present');
  const rest = { ...withoutFrequency(clause), time: undefined };
  return { de: `${germanClause(rest, 'second', time.de)} .`, en: `${time.en} , ${englishClause(rest)} .` };
}

const plainTenses: readonly Tense[] = ['present', 'past', 'past', 'future'];
const questionWish: ClauseWish = { noNegation: true, tenses: plainTenses };

function withoutFrequency(clause: Clause): Clause {
  return { ...clause, frequency: undefined };
}

function yesNoQuestion(random: Random): Phrase {
  const clause = random.chance(0.8)
    ? withoutFrequency(sampleClause(random, questionWish))
    : { ...sampleState(random), negated: false };
  return { de: `${germanClause(clause, 'first')} ?`, en: `${englishClause(clause, 'question')} ?` };
}

function openQuestion(random: Random): Phrase {
  const word = random.pick(lexicon().questions);
  const isWhere = word.de === 'wo';
  const wish = { ...questionWish, noTime: word.de === 'wann', ...(isWhere && { frame: 'transitive' as const }) };
  const clause = sampleUntil(
    () => sampleClause(random, wish),
    ({ verb }) => !verb.stative,
  );
  const asked = { ...withoutFrequency(clause), gladly: false, ...(isWhere && { place: undefined }) };
  return { de: `${germanClause(asked, 'second', word.de)} ?`, en: `${word.en} ${englishClause(asked, 'question')} ?` };
}

/** Draws until a value is accepted. */
function sampleUntil<T>(sample: () => T, accept: (drawn: T) => boolean): T {
  for (;;) {
    const drawn = sample();
    if (accept(drawn)) return drawn;
  }
}

/** "ich glaube , dass ...", "er fragt sich , ob ..." */
function statementOfContent(random: Random): Phrase {
  const subject = sampleSomeone(random, true);
  const verb = random.pick(lexicon().contentVerbs);
  const { agreement } = subject;
  const content = random.chance(0.8) ? sampleClause(random) : sampleState(random);
  const asks = agreeing(verb.de, agreement).replace('sich', agreement.person === 1 ? 'uns' : 'sich');
  return {
    de: `${german(subject, 'nom')} ${asks} , ${verb.conjunction.de} ${germanClause(content, 'last')} .`,
    en: `${english(subject, false)} ${agreeing(verb.en, agreement)} ${verb.conjunction.en} ${englishClause(content)} .`,
  };
}

function mainAndSubordinate(random: Random): { conjunction: Phrase; main: Clause; subordinate: Clause } {
  const conjunction = random.pick(lexicon().conjunctions);
  const tense = random.pick(conjunction.tenses);
  const main = withoutFrequency(sampleClause(random, { tenses: [tense], noTime: true }));
  const noNegation = ['als', 'bevor', 'während'].includes(conjunction.de);
  const subordinate =
    random.chance(0.8) || conjunction.de === 'bevor'
      ? sampleClause(random, { tenses: [tense], short: true, noNegation })
      : shortState(random, tense);
  return { conjunction, main, subordinate };
}

function shortState(random: Random, tense: Tense): Clause {
  const subject = sampleNoun(random, 'person', { short: true, definite: true });
  const adjective = random.pick(lexicon().adjectives.person);
  return { ...being(subject, adjective, tense), negated: random.chance(0.2) };
}

function reasonAfter(random: Random): Phrase {
  const { conjunction, main, subordinate } = mainAndSubordinate(random);
  return {
    de: `${germanClause(main)} , ${conjunction.de} ${germanClause(subordinate, 'last')} .`,
    en: `${englishClause(main)} ${conjunction.en} ${englishClause(subordinate)} .`,
  };
}

/** The subordinate clause fills the first place: the verb of the main clause follows at once. */
function reasonBefore(random: Random): Phrase {
  const { conjunction, main, subordinate } = mainAndSubordinate(random);
  const front = `${conjunction.de} ${germanClause(subordinate, 'last')} ,`;
  return {
    de: `${germanClause(main, 'second', front)} .`,
    en: `${conjunction.en} ${englishClause(subordinate)} , ${englishClause(main)} .`,
  };
}

/** "um ... zu kaufen", "to buy ..." */
function purpose(random: Random): Phrase {
  const main = withoutFrequency(
    sampleClause(random, { frame: 'motion', tenses: ['present', 'past', 'future'], noNegation: true }),
  );
  const drawn = sampleClause(random, {
    subject: main.subject,
    frame: random.pick<Frame>(['transitive', 'transitive', 'ditransitive', 'prepositional', 'dative']),
    tenses: ['present'],
    noModal: true,
    noNegation: true,
    short: true,
  });
  const aim = { ...drawn, gladly: false };
  return {
    de: `${germanClause(main)} , um ${germanClause(aim, 'zu')} .`,
    en: `${englishClause(main)} ${englishClause(aim, 'to')} .`,
  };
}

/** "in dem Park gibt es ...", "there are ... in the park" */
function existence(random: Random): Phrase {
  const sample = sampleNoun(random, random.pick(['person', 'animal', 'thing', 'food']));
  const { plural } = sample.agreement;
  const thing: NounPhrase = { ...sample, determiner: plural ? 'none' : random.pick(['a', 'no']) };
  const place = samplePlace(random);
  const past = random.chance(0.3);
  const be = agreeing(lexicon().auxiliaries[past ? 'was' : 'am'], sample.agreement);
  return {
    de: `${place.de} ${past ? 'gab' : 'gibt'} es ${german(thing, 'acc')} .`,
    en: `there ${be} ${english(thing, true)} ${place.en} .`,
  };
}

/** A statement whose subject is described by a relative clause. */
function withRelative(random: Random): Phrase {
  return statement(withoutFrequency(sampleClause(random, { subject: describedSubject(random), tenses: plainTenses })));
}

/** "der Mann , der ... kauft ,", "the man who buys ..."; the gap is the subject, the object or a dative. */
function describedSubject(random: Random): NounPhrase {
  const head = { ...sampleNoun(random, 'person', { short: true }), determiner: 'the' as const, number: undefined };
  const gap: NounPhrase = { kind: 'gap', agreement: head.agreement };
  const wish: ClauseWish = { tenses: ['present', 'past'], short: true, noNegation: true };
  const frame = random.pick(['subject', 'subject', 'subject', 'transitive', 'dative'] as const);
  const isSubject = frame === 'subject';
  const clause = isSubject
    ? sampleClause(random, { ...wish, subject: gap })
    : sampleUntil(
        () => sampleClause(random, { ...wish, frame }),
        ({ verb }) => verb.objects.includes('person'),
      );
  const plain: Clause = { ...clause, gladly: false, ...(!isSubject && { object: gap }) };
  const takesDative = frame === 'dative' || (isSubject && clause.verb.frame === 'inverse');
  const grammaticalCase: Case = takesDative ? 'dat' : isSubject ? 'nom' : 'acc';
  const relative = {
    de: `, ${germanRelative(grammaticalCase, head)} ${germanClause(plain, 'last')} ,`,
    en: `${isSubject ? 'who' : 'whom'} ${englishClause(plain)}`,
  };
  return { ...head, relative };
}

/** Two statements: "... , aber ...", "... , but ..." */
function contrast(random: Random): Phrase {
  const link = random.pick(lexicon().links);
  const tense = random.pick<Tense>(['present', 'past']);
  const wish = { tenses: [tense], short: true };
  const first = sampleClause(random, wish);
  const second = random.chance(0.6) ? sampleClause(random, wish) : shortState(random, tense);
  return {
    de: `${germanClause(first)} , ${link.de} ${germanClause(second)} .`,
    en: `${englishClause(first)} , ${link.en} ${englishClause(second)} .`,
  };
}
