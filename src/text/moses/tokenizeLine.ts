import { space, splitAsPerl } from './perlText.js';
import {
  escapeMarks,
  fullStopOf,
  isolatePunctuation,
  restoreMultipleDots,
  startsLowerCase,
  startsWithDigit,
  type TokenizerRules,
} from './tokenizerRules.js';

const spaces = new RegExp(`${space}+`, 'gv');

/** The line between two spaces, white space squeezed, ASCII control characters deleted. */
export function padLine(line: string): string {
  return ` ${line} `.replace(spaces, ' ').replace(/[\0-\x1f]/g, '');
}

/** No doubled spaces, and none at the ends. */
export function squeeze(text: string): string {
  return text.replace(/ +/g, ' ').replace(/^ /, '').replace(/ $/, '');
}

/**
 * The tokens of a line, step by step as tokenizer.perl finds them. `createTokenizer` gives the same faster.
 *
 * @param padded the result of `padLine`
 * @param kept stretches of it that stay whole (`findProtected`)
 */
export function tokenizeLine(padded: string, rules: TokenizerRules, kept: readonly string[] = []): string {
  let text = padded;
  kept.forEach((stretch, index) => {
    text = text.replaceAll(stretch, ` ${placeholder(index)} `);
  });
  text = isolatePunctuation(squeeze(text), rules);
  text = squeeze(partFullStops(splitAsPerl(text, ' '), rules));
  text = partLastQuote(text);
  kept.forEach((stretch, index) => {
    text = text.replaceAll(placeholder(index), () => stretch);
  });
  text = restoreMultipleDots(text);
  return rules.escape ? escapeMarks(text) : text;
}

/** Every match of every pattern, in order through the line. */
export function findProtected(padded: string, patterns: readonly RegExp[]): string[] {
  const found: string[] = [];
  for (const pattern of patterns) {
    let rest = padded;
    for (let match = pattern.exec(rest); match !== null && match[0] !== ''; match = pattern.exec(rest)) {
      found.push(match[0]);
      rest = rest.slice(match.index + match[0].length);
    }
  }
  return found;
}

/** A full stop and an apostrophe at the end of the line that no rule has separated; a space follows them then. */
export function partLastQuote(text: string): string {
  return text.replace(/\.' ?$/, " . ' ");
}

function placeholder(index: number): string {
  return `THISISPROTECTED${String(index).padStart(3, '0')}`;
}

/** Separates the full stop of each word that is not an abbreviation and does not occur inside the sentence. */
function partFullStops(words: readonly string[], { prefixes }: TokenizerRules): string {
  return words
    .map((word, index) => {
      const fullStop = fullStopOf(word, prefixes);
      if (fullStop === 'none') return word;
      const next = words[index + 1];
      const stays =
        next !== undefined &&
        (fullStop === 'stays' || startsLowerCase(next) || (fullStop === 'staysBeforeNumber' && startsWithDigit(next)));
      return stays ? word : `${word.slice(0, -1)} .`;
    })
    .join(' ');
}
