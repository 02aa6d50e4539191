/** Adjectives of the built-in corpus. */
import { rows, type NounClass } from './nouns.js';

export interface Adjective {
  /** Without ending, as after "ist". */
  readonly de: string;
  /** The stem for endings: "teur" for "teuer". */
  readonly deStem: string;
  readonly deComparative: string;
  readonly en: string;
  readonly enComparative: string;
}

/** Rows: German form [stem], comparative | English form, comparative. */
function adjectives(table: string): Adjective[] {
  return rows(table).map((row) => {
    const [german, english] = row.split('|').map((part) => part.trim());
    const forms = german.split(/\s+/);
    const [en, enComparative] = english.split(',').map((form) => form.trim());
    return {
      de: forms[0],
      deStem: forms.length === 3 ? forms[1] : forms[0],
      deComparative: forms[forms.length - 1],
      en,
      enComparative,
    };
  });
}

const forAll = adjectives(`
  alt älter | old, older
  groß größer | big, bigger
  klein kleiner | small, smaller
  schön schöner | beautiful, more beautiful
  schwarz schwärzer | black, blacker
  weiß weißer | white, whiter
`);

const forLiving = adjectives(`
  jung jünger | young, younger
  müde müd müder | tired, more tired
  freundlich freundlicher | friendly, friendlier
  klug klüger | clever, cleverer
  stark stärker | strong, stronger
  glücklich glücklicher | happy, happier
  traurig trauriger | sad, sadder
  krank kränker | sick, sicker
  hungrig hungriger | hungry, hungrier
  ruhig ruhiger | quiet, quieter
  dick dicker | fat, fatter
`);

const forPeople = adjectives(`
  fleißig fleißiger | hardworking, more hardworking
  reich reicher | rich, richer
  arm ärmer | poor, poorer
  berühmt berühmter | famous, more famous
  höflich höflicher | polite, more polite
  neugierig neugieriger | curious, more curious
`);

const forGoods = adjectives(`
  neu neuer | new, newer
  teuer teur teurer | expensive, more expensive
  billig billiger | cheap, cheaper
  schwer schwerer | heavy, heavier
  leicht leichter | light, lighter
  rot röter | red, redder
  blau blauer | blue, bluer
  grün grüner | green, greener
  gelb gelber | yellow, yellower
  schmutzig schmutziger | dirty, dirtier
  sauber sauberer | clean, cleaner
`);

const forFood = adjectives(`
  frisch frischer | fresh, fresher
  süß süßer | sweet, sweeter
  reif reifer | ripe, riper
  kalt kälter | cold, colder
  heiß heißer | hot, hotter
`);

const forReadables = adjectives(`
  lang länger | long, longer
  kurz kürzer | short, shorter
  interessant interessanter | interesting, more interesting
  langweilig langweiliger | boring, more boring
  wichtig wichtiger | important, more important
  spannend spannender | exciting, more exciting
`);

const forPlaces = adjectives(`
  neu neuer | new, newer
  leer leerer | empty, emptier
  dunkel dunkl dunkler | dark, darker
  modern moderner | modern, more modern
  bekannt bekannter | well-known, better known
`);

/** Adjectives that make sense with each class of nouns. */
export const adjectivesFor: Readonly<Record<NounClass, readonly Adjective[]>> = {
  person: [...forAll.slice(0, 4), ...forLiving, ...forPeople],
  animal: [...forAll, ...forLiving],
  food: [...forAll.slice(1, 3), ...forFood],
  readable: [...forAll.slice(0, 1), ...forGoods.slice(0, 3), ...forReadables],
  thing: [...forAll, ...forGoods],
  clothing: [...forAll, ...forGoods],
  device: [...forAll, ...forGoods.slice(0, 5)],
  opening: [...forAll, ...forGoods.slice(5)],
  place: [...forAll.slice(0, 4), ...forPlaces],
};
