/**
 * Words and forms of the built-in corpus. They come from recipes/builtin/lexicon.yaml, which also says what its cells
 * mean.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { packageFolder } from '../../package.js';

/** A phrase in both languages. */
export interface Phrase {
  readonly de: string;
  readonly en: string;
}

export type Gender = 'm' | 'f' | 'n';
export type Case = 'nom' | 'acc' | 'dat';

/** The acting person or thing, for agreement of verbs, pronouns and possessives. */
export interface Agreement {
  readonly person: 1 | 3;
  readonly plural: boolean;
  /** Of a singular third person. */
  readonly gender: Gender;
}

/** Forms of a verb for "ich", "er" and the plural. */
export type Forms = readonly [first: string, third: string, plural: string];

export function agreeing(forms: Forms, { person, plural }: Agreement): string {
  return forms[plural ? 2 : person === 1 ? 0 : 1];
}

/** Classes of nouns. Verbs and adjectives choose their nouns by class. */
export type NounClass =
  'person' | 'animal' | 'food' | 'readable' | 'thing' | 'clothing' | 'device' | 'opening' | 'place';

/** Forms of a noun. */
type NounForms = readonly [singular: string, plural: string];

export type Noun = ReturnType<typeof readNoun>;
export type Adjective = ReturnType<typeof readAdjective>;
export type Verb = ReturnType<typeof readVerb>;
export type EnglishVerb = ReturnType<typeof readEnglishVerb>;

/** How a verb takes its participants. */
export type Frame =
  | 'intransitive'
  | 'transitive'
  /** Object in the dative: "hilft dem Mann". */
  | 'dative'
  /** Dative and accusative; English "gives the book to the child". */
  | 'ditransitive'
  /** A goal: "geht in die Schule". */
  | 'motion'
  /** Object with a preposition: "wartet auf den Bus". */
  | 'prepositional'
  /** The English subject is the German dative: "der Frau gefällt das Buch". */
  | 'inverse'
  /** A price: "kostet zwei Euro". */
  | 'cost'
  /** "be" with a complement. */
  | 'be';

/** Endings by case, gender and number. */
export type Endings = Readonly<Record<Case, Readonly<Record<Gender | 'plural', string>>>>;

export type Modal = 'can' | 'must' | 'want' | 'may' | 'should' | 'wouldLike';
export type Determiner = 'the' | 'a' | 'no' | 'this' | 'every' | 'my' | 'his' | 'her' | 'our' | 'none';

/**
 * When it happens. `past` is the German perfect and the English simple past; `now` is "liest gerade" and "is reading";
 * `since` is the German present with "seit" and the English present perfect.
 */
export type Tense = 'present' | 'past' | 'future' | 'now' | 'since';

type Lexicon = ReturnType<typeof readLexicon>;
let stored: Lexicon | undefined;

/** The lexicon, read at the first call. */
export function lexicon(): Lexicon {
  return (stored ??= readLexicon());
}

type Table = Readonly<Record<string, string>>;

function readLexicon() {
  const path = join(packageFolder, 'recipes', 'builtin', 'lexicon.yaml');
  const file = parse(readFileSync(path, 'utf8')) as Table & {
    readonly nouns: Record<NounClass, string>;
    readonly compounds: Table;
    readonly verbs: Record<Frame, string>;
    readonly auxiliaries: Record<'haben' | 'sein' | 'war' | 'werden' | 'am' | 'was' | 'have' | 'do', string>;
    readonly modals: Record<Modal, string>;
    readonly withTo: Record<'want' | 'mustNot' | 'gladly', string>;
    readonly pronouns: Record<'1s' | '1p' | '3p' | Gender, string>;
    readonly endings: Table;
    readonly determiners: Record<Exclude<Determiner, 'none'>, string>;
    readonly times: Record<'present' | 'past' | 'future', string>;
    readonly numbers: Record<'de' | 'en', Table>;
  };
  const adjectives = rows(file.adjectives).map(readAdjective);
  return {
    nouns: withCompounds(
      mapped(file.nouns, (table, nounClass) => rows(table).map((row) => readNoun(nounClass, row))),
      file.compounds,
    ),
    regions: phrases(file.regions),
    names: words(file.names),
    /** Adjectives that make sense with each class of nouns. */
    adjectives: mapped(file.nouns, (_, nounClass) => adjectives.filter(({ classes }) => classes.includes(nounClass))),
    verbs: mapped(file.verbs, (table, frame) => rows(table).map((row) => readVerb(frame, row))),
    contentVerbs: rows(file.contentVerbs).map(([german, english, conjunction]) => ({
      de: german.split(', ') as unknown as Forms,
      en: readEnglishVerb(english).present,
      conjunction: phrase(words(conjunction)),
    })),
    auxiliaries: mapped(file.auxiliaries, (forms) => words(forms) as unknown as Forms),
    modals: mapped(file.modals, (forms) => words(forms) as unknown as Forms),
    withTo: mapped(file.withTo, readEnglishVerb),
    pronouns: mapped(file.pronouns, (row) => {
      const [[nom, acc, dat], en] = cells(row).map(words);
      return { de: { nom, acc, dat }, en };
    }),
    determiners: mapped(file.determiners, (row) => {
      const [[stem, own, after], en] = cells(row).map(words);
      return { stem, own: readEndings(file.endings[own]), after: readEndings(file.endings[after]), en };
    }),
    strongEndings: readEndings(file.endings.strong),
    contractions: new Map(rows(file.contractions).map(([parts, whole]) => [parts, whole])),
    frequencies: phrases(file.frequencies),
    manners: phrases(file.manners),
    vehicles: phrases(file.vehicles),
    paces: phrases(file.paces),
    degrees: phrases(file.degrees),
    times: mapped(file.times, phrases),
    weekdays: phrases(file.weekdays),
    months: rows(file.months).map(([de, en, days]) => ({ de, en, days: Number(days) })),
    spans: phrases(file.spans),
    conjunctions: rows(file.conjunctions).map(([de, en, tenses]) => ({ de, en, tenses: words(tenses) as Tense[] })),
    links: phrases(file.links),
    questions: phrases(file.questions),
    numbers: mapped(file.numbers, ({ ones, tens, ordinals }) => ({
      ones: words(ones),
      tens: words(tens),
      ordinals: new Map([...ordinals.matchAll(/(\S+) (\S+)/g)].map(([, number, ordinal]) => [number, ordinal])),
    })),
  };
}

const cells = (row: string): string[] => row.split('|').map((cell) => cell.trim());
const rows = (table: string): string[][] => table.trim().split('\n').map(cells);
const words = (text: string): string[] => text.trim().split(/\s+/);
const phrase = ([de, en]: readonly string[]): Phrase => ({ de, en });
const phrases = (table: string): Phrase[] => rows(table).map(phrase);

function mapped<K extends string, V, R>(record: Readonly<Record<K, V>>, map: (value: V, key: K) => R): Record<K, R> {
  return Object.fromEntries(Object.entries<V>(record).map(([key, value]) => [key, map(value, key as K)])) as Record<
    K,
    R
  >;
}

function readEndings(table: string): Endings {
  const [nom, acc, dat] = cells(table).map((row) => {
    const [m, f, n, plural] = words(row).map((ending) => (ending === '0' ? '' : ending));
    return { m, f, n, plural };
  });
  return { nom, acc, dat };
}

function readNoun(nounClass: NounClass, [german, english, prepositions = '']: readonly string[]) {
  const [gender, de, dePlural] = words(german);
  const [en, enPlural = regularPlural(en)] = english.split(', ');
  const [deAt, deTo, enAt] = words(prepositions);
  return {
    class: nounClass,
    gender: gender === 'w' ? 'm' : (gender as Gender),
    weak: gender === 'w',
    de: [de, dePlural] as NounForms,
    en: [en, enPlural] as NounForms,
    /** Of places: "there" in both languages, and the German "to there". */
    at: { de: deAt, en: enAt },
    deTo,
  };
}

function regularPlural(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(s|x|ch|sh|[^aeiou]o)$/.test(noun) ? `${noun}es` : `${noun}s`;
}

/** The nouns, and after those of each class the compounds whose last part is of it. */
function withCompounds(nouns: Record<NounClass, Noun[]>, { modifiers, heads }: Table): Record<NounClass, Noun[]> {
  return mapped(nouns, (simple) => {
    const parts = simple.filter(({ de }) => words(heads).includes(de[0]));
    const compounds = phrases(modifiers).flatMap((modifier) =>
      parts.map((head) => ({
        ...head,
        de: head.de.map((form) => modifier.de + form[0].toLowerCase() + form.slice(1)) as unknown as NounForms,
        en: head.en.map((form) => `${modifier.en} ${form}`) as unknown as NounForms,
      })),
    );
    return [...simple, ...compounds];
  });
}

function readAdjective([german, english, classes]: readonly string[]) {
  const [de, ...others] = words(german);
  const [en, enComparative] = english.split(', ');
  const [stem, deComparative] = others.length === 2 ? others : [de, others[0]];
  return { de, en, stem, comparative: { de: deComparative, en: enComparative }, classes: words(classes) };
}

function readVerb(frame: Frame, [german, english, uses = '']: readonly string[]) {
  const forms = words(german);
  const [preposition, prepositionCase] = frame === 'prepositional' ? forms.splice(0, 2) : [];
  const reflexive = forms[0] === 'sich';
  const [whole, third, participle, auxiliary = 'haben'] = reflexive ? forms.slice(1) : forms;
  const [prefix, infinitive] = whole.includes('+') ? whole.split('+') : ['', whole];
  // erinnern, kümmern: ich erinnere, ich kümmere
  const first = infinitive.endsWith('ern') ? `${infinitive.slice(0, -1)}e` : `${infinitive.slice(0, -2)}e`;
  const used = words(uses).filter((word) => word !== '');
  const marks = ['stative', 'animals-too', 'lasts', 'far'];
  const [stative, animalsToo, lasts, far] = marks.map((mark) => used.includes(mark));
  return {
    frame,
    /** Classes of nouns the object can be. */
    objects: used.filter((word) => !marks.includes(word)) as NounClass[],
    /** The participle includes the prefix, the other forms do not. */
    de: {
      prefix,
      infinitive,
      present: [first, third, infinitive] as Forms,
      participle,
      auxiliary: auxiliary as 'haben' | 'sein',
      reflexive,
      preposition,
      prepositionCase: prepositionCase as Case | undefined,
    },
    en: readEnglishVerb(english),
    stative,
    animalsToo,
    lasts,
    far,
  };
}

/** @param forms "base, past [, participle [, -ing form]] [+ particle]" */
function readEnglishVerb(forms: string) {
  const [conjugated, particle = ''] = forms.split(' + ');
  const [base, past, participle = past, ing = `${base.replace(/([^e])e$/, '$1')}ing`] = conjugated.split(', ');
  return { base, present: [base, thirdPerson(base), base] as Forms, past, participle, ing, particle };
}

function thirdPerson(base: string): string {
  if (base === 'have') return 'has';
  if (/[^aeiou]y$/.test(base)) return `${base.slice(0, -1)}ies`;
  return /(s|x|ch|sh|o)$/.test(base) ? `${base}es` : `${base}s`;
}
