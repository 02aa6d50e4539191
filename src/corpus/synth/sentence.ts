/** Sentences of the built-in corpus: patterns that put clauses together in both languages. */
import type { Random } from '../../random/xoshiro.js';
import { adjectivesFor } from './adjectives.js';
import type { Clause, Tense } from './clause.js';
import { englishClause } from './englishClause.js';
import { germanClause } from './germanClause.js';
import {
  agreementOf,
  definiteArticle,
  englishNounPhrase,
  germanNounPhrase,
  type Case,
  type NounPhrase,
} from './nounPhrase.js';
import type { Phrase } from './numbers.js';
import {
  sampleClause,
  sampleFixedTime,
  sampleNoun,
  samplePlace,
  sampleSomeone,
  sampleState,
  sampleTime,
  type ClauseWish,
} from './sampleClause.js';

interface Words {
  readonly de: readonly string[];
  readonly en: readonly string[];
}

type Pattern = (random: Random) => Words;

/** Patterns with their weights. */
const patterns: readonly (readonly [weight: number, Pattern])[] = [
  [22, statement],
  [14, statementFromTime],
  [6, yesNoQuestion],
  [6, openQuestion],
  [12, statementOfContent],
  [10, reasonAfter],
  [7, reasonBefore],
  [6, purpose],
  [14, state],
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
  return { de: finish(de), en: finish(en) };
}

/** A comma before another mark disappears: the one that closes a relative clause. */
function finish(words: readonly string[]): string {
  return words.filter((word, at) => !(word === ',' && [',', '.', '?'].includes(words[at + 1]))).join(' ');
}

function statement(random: Random): Words {
  const clause = sampleClause(random);
  return { de: [...germanClause(clause, 'second'), '.'], en: [...englishClause(clause, 'statement'), '.'] };
}

/** The time comes first: German puts the subject after the verb. */
function statementFromTime(random: Random): Words {
  const isAction = random.chance(0.8);
  const clause = isAction
    ? sampleClause(random, { noTime: true, tenses: ['present', 'past', 'past', 'future'] })
    : sampleState(random);
  const time = isAction ? sampleTime(random, clause.tense) : sampleFixedTime(random, clause.tense as 'present');
  const rest = { ...clause, frequency: undefined, time: undefined };
  return {
    de: [...germanClause(rest, 'second', time.de.split(' ')), '.'],
    en: [...time.en.split(' '), ',', ...englishClause(rest, 'statement'), '.'],
  };
}

const questionWish: ClauseWish = { noNegation: true, tenses: ['present', 'past', 'past', 'future'] };

function yesNoQuestion(random: Random): Words {
  const clause = random.chance(0.8)
    ? withoutFrequency(sampleClause(random, questionWish))
    : { ...sampleState(random), negated: false };
  return { de: [...germanClause(clause, 'first'), '?'], en: [...englishClause(clause, 'question'), '?'] };
}

function openQuestion(random: Random): Words {
  const word = random.pick([
    { de: 'warum', en: 'why' },
    { de: 'wann', en: 'when' },
    { de: 'wo', en: 'where' },
  ]);
  const wish = {
    ...questionWish,
    noTime: word.de === 'wann',
    frame: word.de === 'wo' ? ('transitive' as const) : undefined,
  };
  const clause = sampleUntil(
    () => withoutFrequency(sampleClause(random, wish)),
    ({ verb }) => verb === 'be' || !verb.stative,
  );
  const asked = word.de === 'wo' ? { ...clause, place: undefined, gladly: false } : { ...clause, gladly: false };
  return {
    de: [...germanClause(asked, 'second', [word.de]), '?'],
    en: [word.en, ...englishClause(asked, 'question'), '?'],
  };
}

/** Draws until a value is accepted. */
function sampleUntil<T>(sample: () => T, accept: (drawn: T) => boolean): T {
  for (;;) {
    const drawn = sample();
    if (accept(drawn)) return drawn;
  }
}

function withoutFrequency(clause: Clause): Clause {
  return { ...clause, frequency: undefined };
}

/** Verbs that take a clause: present forms for ich/he/they, and the conjunctions they go with. */
const contentVerbs = [
  { de: ['glaube', 'glaubt', 'glauben'], en: ['believe', 'believes'], asks: false },
  { de: ['sage', 'sagt', 'sagen'], en: ['say', 'says'], asks: false },
  { de: ['weiß', 'weiß', 'wissen'], en: ['know', 'knows'], asks: false },
  { de: ['hoffe', 'hofft', 'hoffen'], en: ['hope', 'hopes'], asks: false },
  { de: ['frage mich', 'fragt sich', 'fragen sich'], en: ['wonder', 'wonders'], asks: true },
] as const;

/** "ich glaube , dass ...", "er fragt sich , ob ..." */
function statementOfContent(random: Random): Words {
  const subject = sampleSomeone(random, true);
  const verb = random.pick(contentVerbs);
  const { person, plural } = agreementOf(subject);
  const german = verb.de[plural ? 2 : person === 1 ? 0 : 1];
  const finite = plural && person === 1 ? german.replace('sich', 'uns') : german;
  const english = verb.en[plural || person === 1 ? 0 : 1];
  const content = random.chance(0.8) ? sampleClause(random) : sampleState(random);
  return {
    de: [
      ...germanNounPhrase(subject, 'nom'),
      ...finite.split(' '),
      ',',
      verb.asks ? 'ob' : 'dass',
      ...germanClause(content, 'last'),
      '.',
    ],
    en: [
      ...englishNounPhrase(subject, false),
      english,
      verb.asks ? 'whether' : 'that',
      ...englishClause(content, 'statement'),
      '.',
    ],
  };
}

const conjunctions: readonly (Phrase & { readonly tenses: readonly Tense[] })[] = [
  { de: 'weil', en: 'because', tenses: ['past', 'present'] },
  { de: 'obwohl', en: 'although', tenses: ['past', 'present'] },
  { de: 'wenn', en: 'if', tenses: ['present'] },
  { de: 'als', en: 'when', tenses: ['past'] },
  { de: 'bevor', en: 'before', tenses: ['past', 'present'] },
  { de: 'während', en: 'while', tenses: ['present'] },
];

function mainAndSubordinate(random: Random): { conjunction: Phrase; main: Clause; subordinate: Clause } {
  const conjunction = random.pick(conjunctions);
  const tense = random.pick(conjunction.tenses);
  const main = sampleClause(random, { tenses: [tense], noTime: true });
  const wish = {
    tenses: [tense],
    short: true,
    noNegation: conjunction.de === 'als' || conjunction.de === 'bevor' || conjunction.de === 'während',
  };
  return {
    conjunction,
    main: withoutFrequency(main),
    subordinate:
      random.chance(0.8) || conjunction.de === 'bevor' ? sampleClause(random, wish) : shortState(random, tense),
  };
}

function shortState(random: Random, tense: Tense): Clause {
  const subject = sampleNoun(random, 'person', true, true);
  const adjective = random.pick(adjectivesFor.person);
  return {
    subject,
    verb: 'be',
    complement: { de: adjective.de, en: adjective.en },
    tense,
    negated: random.chance(0.2),
  };
}

function reasonAfter(random: Random): Words {
  const { conjunction, main, subordinate } = mainAndSubordinate(random);
  return {
    de: [...germanClause(main, 'second'), ',', conjunction.de, ...germanClause(subordinate, 'last'), '.'],
    en: [...englishClause(main, 'statement'), conjunction.en, ...englishClause(subordinate, 'statement'), '.'],
  };
}

/** The subordinate clause fills the first place: the verb of the main clause follows at once. */
function reasonBefore(random: Random): Words {
  const { conjunction, main, subordinate } = mainAndSubordinate(random);
  return {
    de: [...germanClause(main, 'second', [conjunction.de, ...germanClause(subordinate, 'last'), ',']), '.'],
    en: [conjunction.en, ...englishClause(subordinate, 'statement'), ',', ...englishClause(main, 'statement'), '.'],
  };
}

/** "um ... zu kaufen", "to buy ..." */
function purpose(random: Random): Words {
  const main = sampleClause(random, { frame: 'motion', tenses: ['present', 'past', 'future'], noNegation: true });
  const aim = sampleClause(random, {
    subject: main.subject,
    frame: random.pick(['transitive', 'transitive', 'ditransitive', 'prepositional', 'dative'] as const),
    tenses: ['present'],
    noModal: true,
    noNegation: true,
    short: true,
  });
  const plain = { ...aim, gladly: false };
  const goal = withoutFrequency(main);
  return {
    de: [...germanClause(goal, 'second'), ',', 'um', ...germanClause(plain, 'zu'), '.'],
    en: [...englishClause(goal, 'statement'), ...englishClause(plain, 'to'), '.'],
  };
}

function state(random: Random): Words {
  const clause = sampleState(random);
  return { de: [...germanClause(clause, 'second'), '.'], en: [...englishClause(clause, 'statement'), '.'] };
}

/** "in dem Park gibt es ...", "there are ... in the park" */
function existence(random: Random): Words {
  const sample = sampleNoun(random, random.pick(['person', 'animal', 'thing', 'food'] as const));
  if (sample.kind !== 'noun') throw new Error('sampleNoun gives a noun');
  const thing: NounPhrase = { ...sample, determiner: sample.plural ? 'none' : random.pick(['a', 'no'] as const) };
  const place = samplePlace(random);
  const past = random.chance(0.3);
  const be = past ? (sample.plural ? 'were' : 'was') : sample.plural ? 'are' : 'is';
  return {
    de: [...place.de.split(' '), past ? 'gab' : 'gibt', 'es', ...germanNounPhrase(thing, 'acc'), '.'],
    en: ['there', be, ...englishNounPhrase(thing, true), ...place.en.split(' '), '.'],
  };
}

/** A statement whose subject or object is described by a relative clause. */
function withRelative(random: Random): Words {
  const main = withoutFrequency(
    sampleClause(random, { subject: describedSubject(random), tenses: ['present', 'past', 'past', 'future'] }),
  );
  return { de: [...germanClause(main, 'second'), '.'], en: [...englishClause(main, 'statement'), '.'] };
}

/** "der Mann , der ... kauft ,", "the man who buys ..."; the gap is the subject, the object or a dative. */
function describedSubject(random: Random): NounPhrase {
  const head = sampleNoun(random, 'person', true);
  if (head.kind !== 'noun') throw new Error('sampleNoun gives a noun');
  const described: NounPhrase = { ...head, determiner: 'the', number: undefined };
  const gap: NounPhrase = { kind: 'gap', agreement: agreementOf(described) };
  const wish: ClauseWish = { tenses: ['present', 'past'], short: true, noNegation: true };
  const role = random.pick(['subject', 'subject', 'subject', 'object', 'dative'] as const);
  let clause: Clause;
  let grammaticalCase: Case;
  if (role === 'subject') {
    clause = sampleClause(random, { ...wish, subject: gap });
    grammaticalCase = clause.verb !== 'be' && clause.verb.frame === 'inverse' ? 'dat' : 'nom';
  } else {
    const drawn = sampleUntil(
      () => sampleClause(random, { ...wish, frame: role === 'object' ? 'transitive' : 'dative' }),
      takesPeople,
    );
    clause = { ...drawn, object: gap };
    grammaticalCase = role === 'object' ? 'acc' : 'dat';
  }
  const plain: Clause = { ...clause, gladly: false };
  const relative = {
    de: [',', relativePronoun(grammaticalCase, described), ...germanClause(plain, 'last'), ','],
    en: [role === 'subject' ? 'who' : 'whom', ...englishClause(plain, 'statement')],
  };
  return { ...described, relative };
}

function takesPeople({ verb }: Clause): boolean {
  return verb !== 'be' && verb.objects.includes('person');
}

/** The relative pronoun is the definite article, but "denen" in the dative plural. */
function relativePronoun(grammaticalCase: Case, head: NounPhrase): string {
  const { plural, gender } = agreementOf(head);
  return plural
    ? grammaticalCase === 'dat'
      ? 'denen'
      : definiteArticle[grammaticalCase].pl
    : definiteArticle[grammaticalCase][gender];
}

/** Two statements: "... , aber ...", "... , but ..." */
function contrast(random: Random): Words {
  const link = random.pick([
    { de: 'aber', en: 'but' },
    { de: 'und', en: 'and' },
    { de: 'denn', en: 'for' },
  ]);
  const tense = random.pick<Tense>(['present', 'past']);
  const first = sampleClause(random, { tenses: [tense], short: true });
  const second = random.chance(0.6)
    ? sampleClause(random, { tenses: [tense], short: true })
    : shortState(random, tense);
  return {
    de: [...germanClause(first, 'second'), ',', link.de, ...germanClause(second, 'second'), '.'],
    en: [...englishClause(first, 'statement'), ',', link.en, ...englishClause(second, 'statement'), '.'],
  };
}
