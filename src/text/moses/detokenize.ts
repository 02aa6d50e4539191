import { alnum, isBlank, isTagLine, letter, punctuation, space, splitAsPerl } from './perlText.js';

/** Options of `createDetokenizer`, named after those of detokenizer.perl. */
export interface DetokenizeOptions {
  /** Write the first letter of the line as a capital (-u). Default false. */
  readonly upperCaseFirst?: boolean;
}

/** The last one is the ampersand, so that `&amp;lt;` becomes `&lt;`. */
const references: readonly (readonly [string, string])[] = [
  ['&bar;', '|'],
  ['&#124;', '|'],
  ['&lt;', '<'],
  ['&gt;', '>'],
  ['&bra;', '['],
  ['&ket;', ']'],
  ['&quot;', '"'],
  ['&apos;', "'"],
  ['&#91;', '['],
  ['&#93;', ']'],
  ['&amp;', '&'],
];

const opening = /^[\p{Sc}([{\u00bf\u00a1]+$/u;
const closing = /^[,.?!:;\\%}\])]+$/;
const frenchSpaced = /^[?!:;\\%]$/;
const contraction = new RegExp(`^'${letter}`, 'v');
const endsWithAlnum = new RegExp(`${alnum}$`, 'v');
const startsWithLetter = new RegExp(`^${letter}`, 'v');
const endsWithLetter = new RegExp(`${letter}$`, 'v');
const elision = new RegExp(`${letter}'$`, 'v');
const quotes = /^['"\u201e\u201c`]+$/;
const finnishSuffix =
  /^(N|n|A|a|\u00c4|\u00e4|ssa|Ssa|ss\u00e4|Ss\u00e4|sta|st\u00e4|Sta|St\u00e4|hun|Hun|hyn|Hyn|han|Han|h\u00e4n|H\u00e4n|h\u00f6n|H\u00f6n|un|Un|yn|Yn|an|An|\u00e4n|\u00c4n|\u00f6n|\u00d6n|seen|Seen|lla|Lla|ll\u00e4|Ll\u00e4|lta|Lta|lt\u00e4|Lt\u00e4|lle|Lle|ksi|Ksi|kse|Kse|tta|Tta|ine|Ine)(ni|si|mme|nne|nsa)?(ko|k\u00f6|han|h\u00e4n|pa|p\u00e4|kaan|k\u00e4\u00e4n|kin)?$/;

/**
 * A function that joins tokens into running text; its output equals Moses' detokenizer.perl.
 *
 * @param language two-letter code; en, fr, it, cs, fi and ko have special rules
 * @returns lines to lines, without line feeds
 * Source: mosesdecoder, scripts/tokenizer/detokenizer.perl, commit 3445289.
 */
export function createDetokenizer(
  language: string,
  { upperCaseFirst = false }: DetokenizeOptions = {},
): (line: string) => string {
  return (line) => {
    if (isTagLine(line) || isBlank(line)) return line;
    let text = ` ${line} `.replaceAll(' @-@ ', '-');
    for (const [reference, character] of references) text = text.replaceAll(reference, character);
    text = join(splitAsPerl(text, ' '), language).replace(/ +/g, ' ').replace(/^ /, '').replace(/ $/, '');
    return upperCaseFirst ? withCapital(text) : text;
  };
}

/** Puts the words together, each with a space before it or not. */
function join(words: readonly string[], language: string): string {
  const quoteCount = new Map<string, number>();
  let text = '';
  let gap = ' ';
  const shiftLeft = (word: string): void => {
    text += word;
    gap = ' ';
  };
  const shiftRight = (word: string): void => {
    text += gap + word;
    gap = '';
  };
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    const [before, beforeThat, next] = [words[i - 1] ?? '', words[i - 2] ?? '', words[i + 1] ?? ''];
    if (startsWithCjk(word)) {
      if (i > 0 && endsWithCjk(before) && language !== 'ko') text += word;
      else text += gap + word;
      gap = ' ';
    } else if (opening.test(word)) {
      shiftRight(word);
    } else if (closing.test(word)) {
      if (language === 'fr' && frenchSpaced.test(word)) text += ' ';
      shiftLeft(word);
    } else if (language === 'en' && i > 0 && contraction.test(word) && endsWithAlnum.test(before)) {
      shiftLeft(word);
    } else if (
      language === 'cs' &&
      i > 1 &&
      /^[0-9]+$/.test(beforeThat) &&
      /^[.,]$/.test(before) &&
      /^[0-9]+$/.test(word)
    ) {
      shiftLeft(word);
    } else if (
      (language === 'fr' || language === 'it') &&
      i <= words.length - 2 &&
      elision.test(word) &&
      startsWithLetter.test(next)
    ) {
      shiftRight(word);
    } else if (
      language === 'cs' &&
      i < words.length - 3 &&
      endsWithLetter.test(word) &&
      /^[-\u2013]$/.test(next) &&
      /^li$|^mail.*/i.test(words[i + 2])
    ) {
      shiftRight(word + next);
      i++;
    } else if (quotes.test(word)) {
      const kind = /^[\u201e\u201c\u201d]+$/.test(word) ? '"' : word;
      if (language === 'cs' && word === '\u201e') quoteCount.set(kind, 0);
      if (language === 'cs' && word === '\u201c') quoteCount.set(kind, 1);
      const count = quoteCount.get(kind) ?? 0;
      if (count % 2 === 1) {
        shiftLeft(word);
        quoteCount.set(kind, count + 1);
      } else if (language === 'en' && word === "'" && i > 0 && before.endsWith('s')) {
        shiftLeft(word); // the boys' house
      } else {
        shiftRight(word);
        quoteCount.set(kind, count + 1);
      }
    } else if (language === 'fi' && before.endsWith(':') && finnishSuffix.test(word)) {
      shiftLeft(word.toLowerCase());
    } else {
      text += gap + word;
      gap = ' ';
    }
  }
  return text;
}

const firstLetter = new RegExp(`^([${punctuation}${space}]*)(${letter})`, 'v');

/** The letter that the text begins with, or that follows its first punctuation, as a capital. */
function withCapital(text: string): string {
  return text.replace(firstLetter, (_, marks: string, first: string) => marks + first.toUpperCase());
}

/** Blocks of Chinese, Japanese and Korean characters: first and last code point. */
const cjkBlocks: readonly (readonly [number, number])[] = [
  [0x1100, 0x11ff],
  [0x2e80, 0xa4cf],
  [0xa840, 0xa87f],
  [0xac00, 0xd7af],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe4f],
  [0xff65, 0xffdc],
  [0x20000, 0x2ffff],
];

function isCjk(codePoint: number | undefined): boolean {
  return codePoint !== undefined && cjkBlocks.some(([first, last]) => codePoint >= first && codePoint <= last);
}

function startsWithCjk(word: string): boolean {
  return isCjk(word.codePointAt(0));
}

function endsWithCjk(word: string): boolean {
  const characters = Array.from(word.slice(-2));
  return isCjk(characters[characters.length - 1]?.codePointAt(0));
}
