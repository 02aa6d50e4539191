import { completed, flag, optionalChoice, type Section } from '../../field.js';
import { assignedLater, other } from './perlText.js';

type Rule = readonly [pattern: RegExp, replacement: string];

/** Rules in their order; those on marks work on single characters, the last of them differ by language. */
const brackets: readonly Rule[] = [
  [/\r/g, ''],
  [/\(/g, ' ('],
  [/\)/g, ') '],
  [/ +/g, ' '],
  [/\) ([.!:?;,])/g, ')$1'],
  [/\( /g, '('],
  [/ \)/g, ')'],
  [/([0-9]) %/g, '$1%'],
  [/ :/g, ':'],
  [/ ;/g, ';'],
];
const asciiQuotes: readonly Rule[] = [
  [/`/g, "'"],
  [/''/g, ' " '],
];
const marks: readonly Rule[] = [
  [/[\u201e\u201c\u201d]/g, '"'],
  [/\u2013/g, '-'],
  [/\u2014/g, ' - '],
  [/ +/g, ' '],
  [/\u00b4/g, "'"],
  [/([a-z])\u2018([a-z])/gi, "$1'$2"],
  [/([a-z])\u2019([a-z])/gi, "$1'$2"],
  [/[\u2018\u201a]/g, "'"],
  [/\u2019/g, '"'],
  [/''/g, '"'],
  [/\u00b4\u00b4/g, '"'],
  [/\u2026/g, '...'],
  [/\u00a0\u00ab\u00a0/g, ' "'],
  [/\u00ab\u00a0/g, '"'],
  [/\u00ab/g, '"'],
  [/\u00a0\u00bb\u00a0/g, '" '],
  [/\u00a0\u00bb/g, '"'],
  [/\u00bb/g, '"'],
  [/\u00a0%/g, '%'],
  [/n\u00ba\u00a0/g, 'n\u00ba '],
  [/\u00a0:/g, ':'],
  [/\u00a0\u00baC/g, ' \u00baC'],
  [/\u00a0cm/g, ' cm'],
  [/\u00a0\?/g, '?'],
  [/\u00a0!/g, '!'],
  [/\u00a0;/g, ';'],
  [/,\u00a0/g, ', '],
  [/ +/g, ' '],
];

const commaStyles: Readonly<Record<'inside' | 'asItIs' | 'outside', readonly Rule[]>> = {
  inside: [[/"([,.]+)/g, '$1"']],
  asItIs: [],
  outside: [
    [/,"/g, '",'],
    [/(\.+)"([\t-\r ]*[^<])/g, '"$1$2'],
  ],
};

/** Something that a rule may change; lines without it do not change. */
const notable = /[\r()`"\u00a0\u00ab\u00b4\u00bb\u2013\u2014\u2018-\u201a\u201c-\u201e\u2026]| [ :;%]|''/;

export interface PunctuationOptions {
  /** Leave backticks and doubled apostrophes, for Penn treebank tokens (-penn). Default false. */
  readonly penn?: boolean;
}

/**
 * A function that replaces typographic punctuation by plain one; its output equals Moses' normalize-punctuation.perl.
 *
 * @param language two-letter code: English puts commas and full stops inside quotation marks, Czech leaves them, all
 *   others put them outside; de, es, cs, fr write a comma for a no-break space between digits, others a full stop
 * @returns lines to lines, without line feeds
 * Source: mosesdecoder, scripts/tokenizer/normalize-punctuation.perl, commit 3445289.
 */
export function createPunctuationNormalizer(
  language: string,
  options: PunctuationOptions = {},
): (line: string) => string {
  const { penn } = completed(options, { penn: normalizeFields.penn });
  const czech = language === 'cs' || language === 'cz';
  const style = commaStyles[language === 'en' ? 'inside' : czech ? 'asItIs' : 'outside'];
  const decimal = czech || ['de', 'es', 'fr'].includes(language) ? '$1,$2' : '$1.$2';
  const rules = [
    ...brackets,
    ...(penn ? [] : asciiQuotes),
    ...marks,
    ...style,
    [/([0-9])\u00a0([0-9])/g, decimal] as const,
  ];
  return (line) => {
    if (!notable.test(line)) return line;
    // the line feed takes part: a full stop and a quotation mark at the end of the line change places because of it
    return rules.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), `${line}\n`).slice(0, -1);
  };
}

const later = new RegExp(assignedLater, 'v');
const known = new RegExp(`[^${assignedLater}]+`, 'gv');

/**
 * Lower case by single characters, as lowercase.perl: every capital sigma gives the ordinary small one, letters after
 * Unicode 14 stay.
 */
export function lowercase(line: string): string {
  const toLower = (text: string): string => text.replaceAll('\u03a3', '\u03c3').toLowerCase();
  return /[\u{870}-\u{10ffff}]/u.test(line) && later.test(line) ? line.replace(known, toLower) : toLower(line);
}

const notPrinting = new RegExp(other, 'gv');

/** The line with control, format and unassigned characters as spaces, as remove-non-printing-char.perl. */
export function removeNonPrinting(line: string): string {
  return line.replace(notPrinting, ' ');
}

/**
 * Unicode's normal forms: NFC composes letters and marks, NFKC also resolves ligatures, full-width forms and the like.
 */
export const unicodeForms = ['NFC', 'NFD', 'NFKC', 'NFKD'] as const;
export type UnicodeForm = (typeof unicodeForms)[number];

/** The fields of `createNormalizer`'s options besides the language. */
export const normalizeFields = {
  unicode: optionalChoice(unicodeForms, 'Unicode normal form.'),
  penn: flag(false, "Leave ` and '' as they are."),
  removeNonPrinting: flag(false, 'Control and format characters become spaces.'),
} as const satisfies Section;

/** The steps of `createNormalizer`. */
export interface NormalizeOptions {
  readonly unicode?: UnicodeForm;
  /** Language whose punctuation is normalised; absent: punctuation stays. */
  readonly punctuation?: string;
  readonly penn?: boolean;
  readonly removeNonPrinting?: boolean;
}

/** A function that normalises a line: Unicode form first, then punctuation, then characters that do not print. */
export function createNormalizer(options: NormalizeOptions): (line: string) => string {
  const { unicode, penn, removeNonPrinting: remove } = completed(options, normalizeFields);
  const { punctuation } = options;
  const plainPunctuation = punctuation === undefined ? undefined : createPunctuationNormalizer(punctuation, { penn });
  return (line) => {
    let text = unicode === undefined ? line : line.normalize(unicode);
    if (plainPunctuation) text = plainPunctuation(text);
    return remove ? removeNonPrinting(text) : text;
  };
}
