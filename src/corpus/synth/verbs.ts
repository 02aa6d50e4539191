/** Verbs of the built-in corpus, with the forms both languages need. */
import type { Agreement, Case } from './nounPhrase.js';
import { rows, type NounClass } from './nouns.js';

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
  | 'inverse';

export interface Verb {
  readonly frame: Frame;
  /** Classes of nouns the object can be. */
  readonly objects: readonly NounClass[];
  readonly de: {
    /** Separable prefix: "an" of "anrufen". */
    readonly prefix: string;
    /** Without the prefix. */
    readonly infinitive: string;
    readonly first: string;
    readonly third: string;
    /** With the prefix. */
    readonly participle: string;
    readonly auxiliary: 'haben' | 'sein';
    readonly reflexive: boolean;
    readonly preposition?: string;
    readonly prepositionCase?: Case;
  };
  readonly en: EnglishVerb;
  /** States have no progressive and nobody "likes to" be in them. */
  readonly stative: boolean;
  /** Whether animals do it too. */
  readonly forAnimals: boolean;
}

export interface EnglishVerb {
  readonly base: string;
  readonly third: string;
  readonly past: string;
  readonly participle: string;
  readonly ing: string;
  /** Words that follow the verb at once: "up" of "pick up". */
  readonly particle: readonly string[];
}

const animalVerbs = new Set([
  'schlafen',
  'spielen',
  'sitzen',
  'schwimmen',
  'einschlafen',
  'zurückkommen',
  'laufen',
  'kommen',
  'sehen',
  'suchen',
  'finden',
  'fangen',
  'lieben',
  'hören',
  'stehlen',
  'verstecken',
  'folgen',
  'warten',
  'träumen',
  'fehlen',
]);

/**
 * Rows: [sich] [prefix|]infinitive, third person, participle [sein] | English base, past[, participle[, -ing]] [+ particle]
 * | noun classes of the object [stative]; prepositional verbs start with preposition and case.
 */
function verbs(frame: Frame, table: string): Verb[] {
  return rows(table).map((row) => {
    const [german, english, uses] = row.split('/').map((part) => part.trim());
    const words = german.split(/\s+/);
    const preposition = frame === 'prepositional' ? words.shift() : undefined;
    const prepositionCase = frame === 'prepositional' ? (words.shift() as Case) : undefined;
    const reflexive = words[0] === 'sich';
    if (reflexive) words.shift();
    const [prefix, infinitive] = words[0].includes('|') ? words[0].split('|') : ['', words[0]];
    const classes = (uses ?? '').split(/\s+/).filter((word) => word !== '');
    return {
      frame,
      objects: classes.filter((word) => word !== 'stative') as NounClass[],
      de: {
        prefix,
        infinitive,
        reflexive,
        preposition,
        prepositionCase,
        // erinnern, kümmern: ich erinnere, ich kümmere
        first: infinitive.endsWith('ern') ? `${infinitive.slice(0, -1)}e` : `${infinitive.slice(0, -2)}e`,
        third: words[1],
        participle: words[2],
        auxiliary: words[3] === 'sein' ? 'sein' : 'haben',
      },
      en: englishVerb(english),
      stative: classes.includes('stative'),
      forAnimals: animalVerbs.has(prefix + infinitive),
    };
  });
}

function englishVerb(forms: string): EnglishVerb {
  const [conjugated, particle] = forms.split('+').map((part) => part.trim());
  const [base, past, participle, ing] = conjugated.split(',').map((form) => form.trim());
  return {
    base,
    past,
    participle: participle ?? past,
    third: thirdPerson(base),
    ing: ing ?? ingForm(base),
    particle: particle ? particle.split(' ') : [],
  };
}

function thirdPerson(base: string): string {
  if (base === 'have') return 'has';
  if (/[^aeiou]y$/.test(base)) return `${base.slice(0, -1)}ies`;
  return /(s|x|ch|sh|o)$/.test(base) ? `${base}es` : `${base}s`;
}

function ingForm(base: string): string {
  return /[^e]e$/.test(base) ? `${base.slice(0, -1)}ing` : `${base}ing`;
}

const intransitive = verbs(
  'intransitive',
  `
  schlafen schläft geschlafen / sleep, slept
  arbeiten arbeitet gearbeitet / work, worked
  tanzen tanzt getanzt / dance, danced
  lachen lacht gelacht / laugh, laughed
  singen singt gesungen / sing, sang, sung
  weinen weint geweint / cry, cried
  spielen spielt gespielt / play, played
  sitzen sitzt gesessen / sit, sat, sat, sitting
  schwimmen schwimmt geschwommen sein / swim, swam, swum, swimming
  frühstücken frühstückt gefrühstückt / have, had + breakfast
  lernen lernt gelernt / study, studied
  ein|kaufen kauft eingekauft / shop, shopped, shopped, shopping
  fern|sehen sieht ferngesehen / watch, watched + television
  ein|schlafen schläft eingeschlafen sein / fall, fell, fallen + asleep
  auf|stehen steht aufgestanden sein / get, got, got, getting + up
  an|kommen kommt angekommen sein / arrive, arrived
  aus|ruhen ruht ausgeruht / rest, rested
  zurück|kommen kommt zurückgekommen sein / come, came, come + back
`,
).map((verb) => (verb.de.infinitive === 'ruhen' ? { ...verb, de: { ...verb.de, reflexive: true } } : verb));

const transitive = verbs(
  'transitive',
  `
  kaufen kauft gekauft / buy, bought / thing food readable clothing device
  verkaufen verkauft verkauft / sell, sold / thing food clothing device
  sehen sieht gesehen / see, saw, seen / person animal thing stative
  suchen sucht gesucht / look, looked + for / thing readable clothing animal
  finden findet gefunden / find, found / thing readable clothing stative
  lesen liest gelesen / read, read / readable
  schreiben schreibt geschrieben / write, wrote, written / readable
  essen isst gegessen / eat, ate, eaten / food
  kochen kocht gekocht / cook, cooked / food
  nehmen nimmt genommen / take, took, taken / thing food
  brauchen braucht gebraucht / need, needed / thing clothing device stative
  reparieren repariert repariert / repair, repaired / device thing opening
  waschen wäscht gewaschen / wash, washed / clothing food
  tragen trägt getragen / wear, wore, worn / clothing
  malen malt gemalt / paint, painted / animal thing person
  fotografieren fotografiert fotografiert / photograph, photographed / person animal
  besuchen besucht besucht / visit, visited / person
  kennen kennt gekannt / know, knew, known / person readable stative
  lieben liebt geliebt / love, loved / person animal stative
  hören hört gehört / hear, heard / person animal device stative
  fragen fragt gefragt / ask, asked / person
  fangen fängt gefangen / catch, caught / animal
  verlieren verliert verloren / lose, lost / thing clothing
  vergessen vergisst vergessen / forget, forgot, forgotten, forgetting / thing readable stative
  verstecken versteckt versteckt / hide, hid, hidden / thing food readable
  schneiden schneidet geschnitten / cut, cut, cut, cutting / food
  stehlen stiehlt gestohlen / steal, stole, stolen / thing
  putzen putzt geputzt / clean, cleaned / opening thing
  bestellen bestellt bestellt / order, ordered / food readable
  benutzen benutzt benutzt / use, used / device thing
  treffen trifft getroffen / meet, met, met, meeting / person
  begrüßen begrüßt begrüßt / greet, greeted / person
  übersetzen übersetzt übersetzt / translate, translated / readable
  an|rufen ruft angerufen / call, called / person
  ab|holen holt abgeholt / pick, picked + up / person thing
  ein|laden lädt eingeladen / invite, invited / person
  an|machen macht angemacht / turn, turned + on / device
  aus|machen macht ausgemacht / turn, turned + off / device
  auf|machen macht aufgemacht / open, opened / opening
  zu|machen macht zugemacht / close, closed / opening
  mit|bringen bringt mitgebracht / bring, brought + along / thing food readable
  weg|werfen wirft weggeworfen / throw, threw, thrown + away / thing readable clothing
  vor|lesen liest vorgelesen / read, read + aloud / readable
  vor|bereiten bereitet vorbereitet / prepare, prepared / food
  an|probieren probiert anprobiert / try, tried + on / clothing
  ein|packen packt eingepackt / pack, packed / clothing readable thing
  an|sehen sieht angesehen / look, looked + at / person animal thing
`,
);

const dative = verbs(
  'dative',
  `
  helfen hilft geholfen / help, helped / person animal
  danken dankt gedankt / thank, thanked / person
  folgen folgt gefolgt sein / follow, followed / person animal
  gratulieren gratuliert gratuliert / congratulate, congratulated / person
  antworten antwortet geantwortet / answer, answered / person
  vertrauen vertraut vertraut / trust, trusted / person stative
  zu|hören hört zugehört / listen, listened + to / person
  zu|sehen sieht zugesehen / watch, watched / person animal
`,
);

const ditransitive = verbs(
  'ditransitive',
  `
  geben gibt gegeben / give, gave, given / thing food readable
  zeigen zeigt gezeigt / show, showed, shown / thing readable animal
  schicken schickt geschickt / send, sent / readable thing
  bringen bringt gebracht / bring, brought / thing food
  leihen leiht geliehen / lend, lent / thing readable clothing
  empfehlen empfiehlt empfohlen / recommend, recommended / readable food
  zurück|geben gibt zurückgegeben / return, returned / thing readable
`,
);

const motion = verbs(
  'motion',
  `
  gehen geht gegangen sein / walk, walked
  fahren fährt gefahren sein / go, went, gone
  laufen läuft gelaufen sein / run, ran, run, running
  reisen reist gereist sein / travel, traveled, traveled, traveling
  kommen kommt gekommen sein / come, came, come
`,
);

const prepositional = verbs(
  'prepositional',
  `
  auf acc warten wartet gewartet / wait, waited + for / person animal
  an acc denken denkt gedacht / think, thought + of / person animal thing
  mit dat sprechen spricht gesprochen / talk, talked + to / person
  von dat träumen träumt geträumt / dream, dreamed + of / person animal thing
  über acc lachen lacht gelacht / laugh, laughed + at / person animal
  nach dat fragen fragt gefragt / ask, asked + about / person thing
  um acc bitten bittet gebeten / ask, asked + for / thing food
  auf acc auf|passen passt aufgepasst / look, looked + after / person animal
  über acc nach|denken denkt nachgedacht / think, thought + about / readable thing
  auf acc sich freuen freut gefreut / look, looked + forward to / food readable stative
  an acc sich erinnern erinnert erinnert / remember, remembered / person animal thing stative
  um acc sich kümmern kümmert gekümmert / take, took, taken + care of / person animal
  in acc sich verlieben verliebt verliebt / fall, fell, fallen + in love with / person stative
  über acc sich beschweren beschwert beschwert / complain, complained + about / person food device
`,
);

const inverse = verbs(
  'inverse',
  `
  gefallen gefällt gefallen / like, liked / thing readable clothing stative
  fehlen fehlt gefehlt / miss, missed / person animal stative
`,
);

export const allVerbs: readonly Verb[] = [
  ...intransitive,
  ...transitive,
  ...dative,
  ...ditransitive,
  ...motion,
  ...prepositional,
  ...inverse,
];

/** "kosten", which takes a price. */
export const costVerb: Verb = verbs('intransitive', 'kosten kostet gekostet / cost, cost, cost, costing / stative')[0];

export type Modal = 'can' | 'must' | 'want' | 'may' | 'should' | 'wouldLike';

const germanModals: Readonly<Record<Modal, readonly [singular: string, plural: string]>> = {
  can: ['kann', 'können'],
  must: ['muss', 'müssen'],
  want: ['will', 'wollen'],
  may: ['darf', 'dürfen'],
  should: ['soll', 'sollen'],
  wouldLike: ['möchte', 'möchten'],
};

type AuxiliaryForms = readonly [firstSingular: string, thirdSingular: string, plural: string];

const germanAuxiliaries: Readonly<Record<'haben' | 'sein' | 'war' | 'werden', AuxiliaryForms>> = {
  haben: ['habe', 'hat', 'haben'],
  sein: ['bin', 'ist', 'sind'],
  war: ['war', 'war', 'waren'],
  werden: ['werde', 'wird', 'werden'],
};

export function germanAuxiliary(name: keyof typeof germanAuxiliaries, { person, plural }: Agreement): string {
  return germanAuxiliaries[name][plural ? 2 : person === 1 ? 0 : 1];
}

export function germanModal(modal: Modal, { plural }: Agreement): string {
  return germanModals[modal][plural ? 1 : 0];
}

/** Present tense without the prefix: "rufe", "ruft", "rufen". */
export function germanPresent({ de }: Verb, { person, plural }: Agreement): string {
  return plural ? de.infinitive : person === 1 ? de.first : de.third;
}
