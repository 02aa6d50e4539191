/** Number words, years, ordinals, dates and clock times in German and English. */

/** A phrase in both languages. */
export interface Phrase {
  readonly de: string;
  readonly en: string;
}

const deOnes = [
  'null',
  'eins',
  'zwei',
  'drei',
  'vier',
  'fünf',
  'sechs',
  'sieben',
  'acht',
  'neun',
  'zehn',
  'elf',
  'zwölf',
  'dreizehn',
  'vierzehn',
  'fünfzehn',
  'sechzehn',
  'siebzehn',
  'achtzehn',
  'neunzehn',
];
const deTens = ['', '', 'zwanzig', 'dreißig', 'vierzig', 'fünfzig', 'sechzig', 'siebzig', 'achtzig', 'neunzig'];
const enOnes = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
  'thirteen',
  'fourteen',
  'fifteen',
  'sixteen',
  'seventeen',
  'eighteen',
  'nineteen',
];
const enTens = ['', '', 'twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'];

/** Cardinal 0 to 9999 as one German word, e.g. 345 "dreihundertfünfundvierzig". */
export function germanNumber(n: number): string {
  if (n < 20) return deOnes[n];
  if (n < 100) return n % 10 === 0 ? deTens[n / 10] : `${germanPrefix(n % 10)}und${deTens[Math.floor(n / 10)]}`;
  const unit = n < 1000 ? 100 : 1000;
  const head = Math.floor(n / unit) === 1 ? '' : germanPrefix(Math.floor(n / unit));
  return `${head}${unit === 100 ? 'hundert' : 'tausend'}${n % unit === 0 ? '' : germanNumber(n % unit)}`;
}

/** Before another part "eins" loses its s: "einundzwanzig". */
function germanPrefix(n: number): string {
  return n === 1 ? 'ein' : germanNumber(n);
}

/** Cardinal 0 to 9999 in English, e.g. 345 "three hundred and forty-five". */
export function englishNumber(n: number): string {
  if (n < 20) return enOnes[n];
  if (n < 100) return n % 10 === 0 ? enTens[n / 10] : `${enTens[Math.floor(n / 10)]}-${enOnes[n % 10]}`;
  const unit = n < 1000 ? 100 : 1000;
  const head = `${englishNumber(Math.floor(n / unit))} ${unit === 100 ? 'hundred' : 'thousand'}`;
  const rest = n % unit;
  if (rest === 0) return head;
  return rest < 100 ? `${head} and ${englishNumber(rest)}` : `${head} ${englishNumber(rest)}`;
}

/** A year from 1100 to 2099 as it is read aloud: "neunzehnhundertfünf" and "nineteen oh five", "zweitausendzwölf" and "twenty twelve". */
export function yearWords(year: number): Phrase {
  const [century, rest] = [Math.floor(year / 100), year % 100];
  if (year >= 2000)
    return { de: germanNumber(year), en: rest < 10 ? englishNumber(year) : `twenty ${englishNumber(rest)}` };
  const de = `${germanNumber(century)}hundert${rest === 0 ? '' : germanNumber(rest)}`;
  const enRest = rest === 0 ? 'hundred' : rest < 10 ? `oh ${englishNumber(rest)}` : englishNumber(rest);
  return { de, en: `${englishNumber(century)} ${enRest}` };
}

const deIrregularOrdinals: Record<number, string> = { 1: 'ersten', 3: 'dritten', 7: 'siebten', 8: 'achten' };
const enIrregularOrdinals: Record<string, string> = {
  one: 'first',
  two: 'second',
  three: 'third',
  five: 'fifth',
  eight: 'eighth',
  nine: 'ninth',
  twelve: 'twelfth',
};

/** An ordinal from 1 to 99: German with the ending after "am" ("am dritten"), English "third". */
export function ordinalWords(n: number): Phrase {
  const de = deIrregularOrdinals[n] ?? `${germanNumber(n)}${n < 20 ? 'ten' : 'sten'}`;
  const words = englishNumber(n).split('-');
  const last = words[words.length - 1];
  words[words.length - 1] =
    enIrregularOrdinals[last] ?? (last.endsWith('y') ? `${last.slice(0, -1)}ieth` : `${last}th`);
  return { de, en: words.join('-') };
}

export const months: readonly (Phrase & { readonly days: number })[] = [
  { de: 'Januar', en: 'January', days: 31 },
  { de: 'Februar', en: 'February', days: 28 },
  { de: 'März', en: 'March', days: 31 },
  { de: 'April', en: 'April', days: 30 },
  { de: 'Mai', en: 'May', days: 31 },
  { de: 'Juni', en: 'June', days: 30 },
  { de: 'Juli', en: 'July', days: 31 },
  { de: 'August', en: 'August', days: 31 },
  { de: 'September', en: 'September', days: 30 },
  { de: 'Oktober', en: 'October', days: 31 },
  { de: 'November', en: 'November', days: 30 },
  { de: 'Dezember', en: 'December', days: 31 },
];

/** A day of the year: "am dritten Mai", "on the third of May". @param month 0 to 11 */
export function dateWords(day: number, month: number): Phrase {
  const ordinal = ordinalWords(day);
  return { de: `am ${ordinal.de} ${months[month].de}`, en: `on the ${ordinal.en} of ${months[month].en}` };
}

/**
 * A time of day to five minutes. From half past on German counts towards the next hour: "um halb vier" is "at half
 * past three".
 *
 * @param hour 1 to 12
 * @param minute a multiple of 5 below 60
 */
export function clockWords(hour: number, minute: number): Phrase {
  const next = (hour % 12) + 1;
  const [deHour, deNext] = [germanNumber(hour), germanNumber(next)];
  const [enHour, enNext] = [englishNumber(hour), englishNumber(next)];
  switch (minute) {
    case 0:
      return { de: `um ${hour === 1 ? 'ein' : deHour} Uhr`, en: `at ${enHour} o'clock` };
    case 15:
      return { de: `um Viertel nach ${deHour}`, en: `at a quarter past ${enHour}` };
    case 25:
      return { de: `um fünf vor halb ${deNext}`, en: `at twenty-five past ${enHour}` };
    case 30:
      return { de: `um halb ${deNext}`, en: `at half past ${enHour}` };
    case 35:
      return { de: `um fünf nach halb ${deNext}`, en: `at twenty-five to ${enNext}` };
    case 45:
      return { de: `um Viertel vor ${deNext}`, en: `at a quarter to ${enNext}` };
    default:
      return minute < 30
        ? { de: `um ${germanNumber(minute)} nach ${deHour}`, en: `at ${englishNumber(minute)} past ${enHour}` }
        : { de: `um ${germanNumber(60 - minute)} vor ${deNext}`, en: `at ${englishNumber(60 - minute)} to ${enNext}` };
  }
}
