import { ownText } from '../ownText.js';
import { lowercase } from './normalize.js';
import { assignedLater, space } from './perlText.js';

/** The letter case of words within sentences, by their lower-case form. */
export interface TruecaseModel {
  /** The most frequent form of a word. */
  readonly best: ReadonlyMap<string, string>;
  /** Every form that was seen. */
  readonly known: ReadonlySet<string>;
}

/**
 * Words without such a letter (numbers, marks, Chinese) can be written in one way only, and have no place in a model.
 */
const hasCase = new RegExp(`[[\\p{Ll}\\p{Lu}\\p{Lt}\\u{295}]--${assignedLater}]`, 'v');

const sentenceEnds = new Set(['.', ':', '?', '!']);
/** Marks that may precede the first word of a sentence. */
const delaysStart = new Set(['(', '[', '"', "'", '&apos;', '&quot;', '&#91;', '&#93;']);

/**
 * Learns the letter case of words from tokenised text: first words of sentences do not count, since they are
 * capitalised.
 *
 * Source: mosesdecoder, scripts/recaser/train-truecaser.perl.
 */
export class TruecaserTrainer {
  private readonly forms = new Map<string, Map<string, number>>();

  /**
   * @param options.possiblyUseFirstToken count a first word that has no capital, and with a tenth of the weight one
   * that is the only word of its line
   */
  constructor(private readonly options: { readonly possiblyUseFirstToken?: boolean } = {}) {}

  /** Counts the words of a tokenised line. */
  add(line: string): void {
    const { words } = splitMarkup(line);
    let start = 0;
    while (start < words.length && delaysStart.has(words[start])) start++;
    let isFirst = true;
    for (let i = start; i < words.length; i++) {
      if (!isFirst && sentenceEnds.has(words[i - 1])) isFirst = true;
      const weight = !hasCase.test(words[i]) ? 0 : isFirst ? this.firstWordWeight(words[i], words.length) : 1;
      if (weight > 0) this.count(words[i], weight);
      isFirst = false;
    }
  }

  /**
   * The model in Moses' format, which truecase.perl reads: `best (count/total) other (count) ...`. Lines and equal
   * counts are in order of first appearance.
   */
  modelText(): string {
    let text = '';
    for (const counts of this.forms.values()) {
      let [best, bestCount, total] = ['', -1, 0];
      for (const [form, count] of counts) {
        total += count;
        if (count > bestCount) [best, bestCount] = [form, count];
      }
      const others = [...counts]
        .filter(([form]) => form !== best)
        .map(([form, count]) => ` ${form} (${decimal(count)})`);
      text += `${best} (${decimal(bestCount)}/${decimal(total)})${others.join('')}\n`;
    }
    return text;
  }

  private firstWordWeight(word: string, numWords: number): number {
    if (!this.options.possiblyUseFirstToken) return 0;
    const first = String.fromCodePoint(word.codePointAt(0)!);
    return lowercase(first) === first ? 1 : numWords === 1 ? 0.1 : 0;
  }

  private count(word: string, weight: number): void {
    const lower = lowercase(word);
    let counts = this.forms.get(lower);
    if (counts === undefined) this.forms.set(ownText(lower), (counts = new Map()));
    const before = counts.get(word);
    counts.set(before === undefined ? ownText(word) : word, (before ?? 0) + weight);
  }
}

/** Sums of tenths without the digits that only binary fractions have. */
function decimal(count: number): string {
  return String(Number(count.toPrecision(15)));
}

/** A truecasing model from its text. @throws DataError naming a line that is not of the format */
export function parseTruecaseModel(text: string): TruecaseModel {
  const best = new Map<string, string>();
  const known = new Set<string>();
  for (const line of text.split('\n')) {
    // word (count/total) word (count) word (count) ...
    const fields = wordsOf(line);
    if (fields.length === 0) continue;
    best.set(lowercase(fields[0]), fields[0]);
    known.add(fields[0]);
    for (let i = 2; i < fields.length - 1; i += 2) known.add(fields[i]);
  }
  return { best, known };
}

/**
 * A function that gives the words of tokenised lines their usual case: the first word of a sentence gets its most
 * frequent form in the model, others only if their own form is unknown. Its output equals Moses' truecase.perl.
 *
 * Source: mosesdecoder, scripts/recaser/truecase.perl.
 */
export function createTruecaser(model: TruecaseModel): (line: string) => string {
  return (line) => {
    const { words, markup } = splitMarkup(line);
    let text = '';
    let atStart = true;
    words.forEach((whole, i) => {
      const bar = whole.indexOf('|', 1);
      const word = bar < 0 || whole.startsWith('|') ? whole : whole.slice(0, bar);
      const factors = whole.slice(word.length);
      const usual = model.best.get(lowercase(word));
      const written = usual !== undefined && (atStart || !model.known.has(word)) ? usual : word;
      text += `${i > 0 && markup[i] === '' ? ' ' : ''}${markup[i]}${written}${factors}`;
      if (sentenceEnds.has(word)) atStart = true;
      else if (!delaysStart.has(word)) atStart = false;
    });
    return text + markup[words.length];
  };
}

/**
 * The line with a capital at the start of each sentence, and single spaces. Equals Moses' detruecase.perl.
 *
 * Source: mosesdecoder, scripts/recaser/detruecase.perl.
 */
export function detruecase(line: string): string {
  let atStart = true;
  return wordsOf(line)
    .map((word) => {
      const first = atStart ? String.fromCodePoint(word.codePointAt(0)!) : '';
      const written = first.toUpperCase() + word.slice(first.length);
      if (sentenceEnds.has(written)) atStart = true;
      else if (!delaysStart.has(written)) atStart = false;
      return written;
    })
    .join(' ');
}

const spaces = new RegExp(`${space}+`, 'v');

function wordsOf(line: string): string[] {
  return line.split(spaces).filter((word) => word !== '');
}

const tagFirst = new RegExp(`^${space}*(<[^${space}][^>]*>)`, 'v');
const wordFirst = new RegExp(`^${space}*([^${space}<>]+)`, 'v');
const anyFirst = new RegExp(`^${space}*([^${space}]+)`, 'v');

/**
 * Words, and the tags before each of them and at the end; every tag except the line's last mark is followed by a space.
 */
function splitMarkup(line: string): { words: string[]; markup: string[] } {
  if (!line.includes('<') && !line.includes('>')) {
    const words = wordsOf(line);
    return { words, markup: new Array<string>(words.length + 1).fill('') };
  }
  const words: string[] = [];
  const markup = [''];
  for (let rest = line; ;) {
    const tag = tagFirst.exec(rest);
    const word = tag ? null : (wordFirst.exec(rest) ?? anyFirst.exec(rest));
    if (tag) {
      markup[words.length] += `${tag[1]} `;
    } else if (word) {
      words.push(word[1]);
      markup[words.length] = '';
    } else {
      markup[words.length] = markup[words.length].slice(0, -1);
      return { words, markup };
    }
    rest = rest.slice((tag ?? word)![0].length);
  }
}
