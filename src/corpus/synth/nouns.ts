/** Nouns, names and places of the built-in corpus. */

export type Gender = 'm' | 'f' | 'n';

/** Classes of nouns; verbs and adjectives choose their nouns by class. */
export type NounClass =
  'person' | 'animal' | 'food' | 'readable' | 'thing' | 'clothing' | 'device' | 'opening' | 'place';

export interface Noun {
  readonly de: string;
  readonly dePlural: string;
  readonly gender: Gender;
  /** Masculines such as Student, which take -(e)n in every case but the nominative singular. */
  readonly weak: boolean;
  readonly en: string;
  readonly enPlural: string;
  readonly class: NounClass;
}

/** A place with the prepositions it takes for "there" and "to there". */
export interface Place extends Noun {
  /** German preposition with the dative. */
  readonly deAt: 'in' | 'an' | 'auf';
  /** German preposition: "zu" with the dative, the others with the accusative. */
  readonly deTo: 'in' | 'an' | 'auf' | 'zu';
  readonly enAt: 'in' | 'at' | 'on';
}

/** Rows: gender (w: weak masculine), German singular, German plural | English singular [English plural if irregular]. */
function nouns(nounClass: NounClass, table: string): Noun[] {
  return rows(table).map((row) => {
    const [german, english] = row.split('|').map((part) => part.trim());
    const [gender, de, dePlural] = german.split(/\s+/);
    const [en, enPlural] = english.split(',').map((form) => form.trim());
    return {
      de,
      dePlural,
      en,
      enPlural: enPlural ?? regularPlural(en),
      class: nounClass,
      gender: gender === 'w' ? 'm' : (gender as Gender),
      weak: gender === 'w',
    };
  });
}

function places(table: string): Place[] {
  return rows(table).map((row) => {
    const [german, english, prepositions] = row.split('|').map((part) => part.trim());
    const [deAt, deTo, enAt] = prepositions.split(/\s+/) as [Place['deAt'], Place['deTo'], Place['enAt']];
    return { ...nouns('place', `${german} | ${english}`)[0], deAt, deTo, enAt };
  });
}

export function rows(table: string): string[] {
  return table
    .trim()
    .split('\n')
    .map((row) => row.trim());
}

function regularPlural(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(s|x|ch|sh|[^aeiou]o)$/.test(noun) ? `${noun}es` : `${noun}s`;
}

export const people = nouns(
  'person',
  `
  m Mann Männer | man, men
  f Frau Frauen | woman, women
  n Kind Kinder | child, children
  w Junge Jungen | boy
  n Mädchen Mädchen | girl
  m Lehrer Lehrer | teacher
  m Arzt Ärzte | doctor
  w Student Studenten | student
  m Freund Freunde | friend
  w Nachbar Nachbarn | neighbor
  m Vater Väter | father
  f Mutter Mütter | mother
  m Bruder Brüder | brother
  f Schwester Schwestern | sister
  m Sohn Söhne | son
  f Tochter Töchter | daughter
  m Großvater Großväter | grandfather
  f Großmutter Großmütter | grandmother
  f Tante Tanten | aunt
  m Onkel Onkel | uncle
  w Kollege Kollegen | colleague
  m Koch Köche | cook
  m Bäcker Bäcker | baker
  m Künstler Künstler | artist
  w Polizist Polizisten | police officer
  m Fahrer Fahrer | driver
  m Gast Gäste | guest
  w Tourist Touristen | tourist
  m Musiker Musiker | musician
  m Richter Richter | judge
  m Anwalt Anwälte | lawyer
  m Schüler Schüler | pupil
  m Chef Chefs | boss
  f Krankenschwester Krankenschwestern | nurse
  m Ingenieur Ingenieure | engineer
  w Bauer Bauern | farmer
  f Königin Königinnen | queen
  m König Könige | king
`,
);

export const animals = nouns(
  'animal',
  `
  m Hund Hunde | dog
  f Katze Katzen | cat
  n Pferd Pferde | horse
  m Vogel Vögel | bird
  f Kuh Kühe | cow
  n Schaf Schafe | sheep, sheep
  f Maus Mäuse | mouse, mice
  f Ente Enten | duck
  m Esel Esel | donkey
  w Bär Bären | bear
  w Affe Affen | monkey
`,
);

export const food = nouns(
  'food',
  `
  m Apfel Äpfel | apple
  m Kuchen Kuchen | cake
  n Ei Eier | egg
  f Banane Bananen | banana
  f Kartoffel Kartoffeln | potato
  f Tomate Tomaten | tomato
  f Suppe Suppen | soup
  f Birne Birnen | pear
  f Wurst Würste | sausage
  f Orange Orangen | orange
  f Zwiebel Zwiebeln | onion
  f Karotte Karotten | carrot
  m Salat Salate | salad
  m Keks Kekse | cookie
  m Pilz Pilze | mushroom
`,
);

export const readables = nouns(
  'readable',
  `
  n Buch Bücher | book
  m Brief Briefe | letter
  f Zeitung Zeitungen | newspaper
  m Roman Romane | novel
  n Gedicht Gedichte | poem
  f Geschichte Geschichten | story
  m Bericht Berichte | report
  f Postkarte Postkarten | postcard
  n Kinderbuch Kinderbücher | children's book
  n Wörterbuch Wörterbücher | dictionary
`,
);

export const clothes = nouns(
  'clothing',
  `
  n Hemd Hemden | shirt
  n Kleid Kleider | dress
  m Mantel Mäntel | coat
  m Hut Hüte | hat
  m Schuh Schuhe | shoe
  m Handschuh Handschuhe | glove
  n Sommerkleid Sommerkleider | summer dress
  m Regenmantel Regenmäntel | raincoat
`,
);

export const devices = nouns(
  'device',
  `
  f Lampe Lampen | lamp
  m Computer Computer | computer
  n Radio Radios | radio
  f Waschmaschine Waschmaschinen | washing machine
  m Fernseher Fernseher | television set
  f Schreibtischlampe Schreibtischlampen | desk lamp
`,
);

export const openings = nouns(
  'opening',
  `
  f Tür Türen | door
  n Fenster Fenster | window
  f Haustür Haustüren | front door
  f Flasche Flaschen | bottle
  m Koffer Koffer | suitcase
  m Kühlschrank Kühlschränke | refrigerator
`,
);

export const things = nouns(
  'thing',
  `
  n Auto Autos | car
  n Fahrrad Fahrräder | bicycle
  m Tisch Tische | table
  m Stuhl Stühle | chair
  m Schlüssel Schlüssel | key
  f Tasche Taschen | bag
  f Handtasche Handtaschen | handbag
  f Uhr Uhren | clock
  m Ring Ringe | ring
  n Bild Bilder | picture
  f Blume Blumen | flower
  n Geschenk Geschenke | gift
  m Ball Bälle | ball
  m Fußball Fußbälle | soccer ball
  m Teller Teller | plate
  n Glas Gläser | glass
  f Tasse Tassen | cup
  n Messer Messer | knife, knives
  m Löffel Löffel | spoon
  m Spiegel Spiegel | mirror
  f Kamera Kameras | camera
  m Regenschirm Regenschirme | umbrella
  f Decke Decken | blanket
  n Kissen Kissen | pillow
  m Korb Körbe | basket
  f Gitarre Gitarren | guitar
  f Landkarte Landkarten | map
  m Schreibtisch Schreibtische | desk
  m Baum Bäume | tree
`,
);

/** German writes these pairs of nouns as one word; the last part gives gender and plural. */
export const compounds: readonly Noun[] = compound(
  [
    ['Garten', 'garden'],
    ['Küchen', 'kitchen'],
    ['Büro', 'office'],
    ['Schul', 'school'],
    ['Hotel', 'hotel'],
    ['Keller', 'cellar'],
  ],
  [
    ...things.filter(({ de }) => ['Tisch', 'Stuhl', 'Schlüssel', 'Uhr'].includes(de)),
    ...devices.filter(({ de }) => de === 'Lampe'),
    ...openings.filter(({ de }) => ['Tür', 'Fenster'].includes(de)),
  ],
);

function compound(modifiers: readonly (readonly [string, string])[], heads: readonly Noun[]): Noun[] {
  return modifiers.flatMap(([de, en]) =>
    heads.map((head) => ({
      ...head,
      de: de + lowerFirst(head.de),
      dePlural: de + lowerFirst(head.dePlural),
      en: `${en} ${head.en}`,
      enPlural: `${en} ${head.enPlural}`,
    })),
  );
}

function lowerFirst(word: string): string {
  return word[0].toLowerCase() + word.slice(1);
}

/** Columns after the nouns: German "there", German "to there", English "there". */
export const sites = places(`
  m Park Parks | park | in in in
  m Garten Gärten | garden | in in in
  f Stadt Städte | city | in in in
  f Schule Schulen | school | in in in
  f Küche Küchen | kitchen | in in in
  m Bahnhof Bahnhöfe | train station | an zu at
  m Supermarkt Supermärkte | supermarket | in in in
  n Museum Museen | museum | in in in
  n Kino Kinos | cinema | in in in
  n Theater Theater | theater | in in in
  n Büro Büros | office | in in in
  f Bibliothek Bibliotheken | library | in in in
  n Restaurant Restaurants | restaurant | in in in
  n Krankenhaus Krankenhäuser | hospital | in in in
  m Markt Märkte | market | auf auf at
  m Strand Strände | beach | an an at
  m See Seen | lake | an an at
  m Fluss Flüsse | river | an an at
  m Wald Wälder | forest | in in in
  n Dorf Dörfer | village | in in in
  f Kirche Kirchen | church | in in in
  n Hotel Hotels | hotel | in in in
  m Flughafen Flughäfen | airport | an zu at
  n Haus Häuser | house | in in in
  m Keller Keller | cellar | in in in
  f Brücke Brücken | bridge | auf auf on
  f Universität Universitäten | university | an zu at
  f Wohnung Wohnungen | apartment | in in in
  f Bäckerei Bäckereien | bakery | in in in
  f Bushaltestelle Bushaltestellen | bus stop | an zu at
  n Schwimmbad Schwimmbäder | swimming pool | in in in
`);

/** Cities and countries: German "in" and "nach", English "in" and "to". */
export const regions: readonly { readonly de: string; readonly en: string }[] = [
  { de: 'Berlin', en: 'Berlin' },
  { de: 'Hamburg', en: 'Hamburg' },
  { de: 'München', en: 'Munich' },
  { de: 'Köln', en: 'Cologne' },
  { de: 'Wien', en: 'Vienna' },
  { de: 'Paris', en: 'Paris' },
  { de: 'London', en: 'London' },
  { de: 'Rom', en: 'Rome' },
  { de: 'Prag', en: 'Prague' },
  { de: 'Italien', en: 'Italy' },
  { de: 'Frankreich', en: 'France' },
  { de: 'Spanien', en: 'Spain' },
  { de: 'Griechenland', en: 'Greece' },
  { de: 'Norwegen', en: 'Norway' },
];

export const names: readonly string[] = [
  'Anna',
  'Peter',
  'Maria',
  'Paul',
  'Julia',
  'Thomas',
  'Laura',
  'Martin',
  'Sophie',
  'David',
];
