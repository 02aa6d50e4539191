/** Number words, years, ordinals, dates and clock times in German and English. */
import { lexicon, type Phrase } from './lexicon.js';

/** Cardinal 0 to 9999 as one German word, e.g. 345 "dreihundertfünfundvierzig". */
export function germanNumber(n: number): string {
  const { ones, tens } = lexicon().numbers.de;
  if (n < 20) return ones[n];
  const ten = tens[Math.floor(n / 10) - 2];
  if (n < 100) return n % 10 === 0 ? ten : `${germanPrefix(n % 10)}und${ten}`;
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
  const { ones, tens } = lexicon().numbers.en;
  if (n < 20) return ones[n];
  const ten = tens[Math.floor(n / 10) - 2];
  if (n < 100) return n % 10 === 0 ? ten : `${ten}-${ones[n % 10]}`;
  const unit = n < 1000 ? 100 : 1000;
  const head = `${englishNumber(Math.floor(n / unit))} ${unit === 100 ? 'hundred' : 'thousand'}`;
  const rest = n % unit;
  if (rest === 0) return head;
  return rest < 100 ? `${head} and ${englishNumber(rest)}` : `${head} ${englishNumber(rest)}`;
}

/**
 * A year from 1100 to 2099 as it is read aloud: "neunzehnhundertfünf" and "nineteen oh five", "zweitausendzwölf" and
 * "twenty twelve".
 */
export function yearWords(year: number): Phrase {
  const [century, rest] = [Math.floor(year / 100), year % 100];
  if (year >= 2000)
    return { de: germanNumber(year), en: rest < 10 ? englishNumber(year) : `twenty ${englishNumber(rest)}` };
  const de = `${germanNumber(century)}hundert${rest === 0 ? '' : germanNumber(rest)}`;
  const enRest = rest === 0 ? 'hundred' : rest < 10 ? `oh ${englishNumber(rest)}` : englishNumber(rest);
  return { de, en: `${englishNumber(century)} ${enRest}` };
}

/** An ordinal from 1 to 99: German with the ending after "am" ("am dritten"), English "third". */
export function ordinalWords(n: number): Phrase {
  const { de, en } = lexicon().numbers;
  const german = germanNumber(n);
  return {
    de: de.ordinals.get(german) ?? `${german}${n < 20 ? 'ten' : 'sten'}`,
    en: englishNumber(n).replace(/\w+$/, (last) => en.ordinals.get(last) ?? `${last.replace(/y$/, 'ie')}th`),
  };
}

/** A day of the year: "am dritten Mai", "on the third of May". @param month 0 to 11 */
export function dateWords(day: number, month: number): Phrase {
  const [ordinal, name] = [ordinalWords(day), lexicon().months[month]];
  return { de: `am ${ordinal.de} ${name.de}`, en: `on the ${ordinal.en} of ${name.en}` };
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
