import * as library from '@huggingface/tokenizers';

/** A tokenizer.json's splitting of text into words before the model; `checkTokenizerForm` has checked it. */
export type PreTokenizerConfig =
  | { readonly type: 'Sequence'; readonly pretokenizers: readonly PreTokenizerConfig[] }
  | { readonly type: 'BertPreTokenizer' | 'Whitespace' | 'WhitespaceSplit' }
  | ({ readonly type: 'Metaspace' } & MetaspaceConfig)
  | { readonly type: 'ByteLevel'; readonly add_prefix_space?: boolean; readonly use_regex?: boolean }
  | { readonly type: 'Split'; readonly pattern: Pattern; readonly behavior: Behavior; readonly invert?: boolean }
  | { readonly type: 'Punctuation'; readonly behavior?: Behavior }
  | { readonly type: 'Digits'; readonly individual_digits?: boolean }
  | { readonly type: 'FixedLength'; readonly length: number };

interface MetaspaceConfig {
  readonly replacement?: string;
  readonly prepend_scheme?: 'always' | 'first' | 'never';
  /** `prepend_scheme` in older files. */
  readonly add_prefix_space?: boolean;
  readonly split?: boolean;
}

type Pattern = { readonly Regex: string } | { readonly String: string };

/** Exports of the library that its types lack. */
const { ByteLevelPreTokenizer, SplitPreTokenizer } = library as unknown as {
  readonly ByteLevelPreTokenizer: new (config: object) => { pre_tokenize(text: string): string[] };
  /** Compiles an Oniguruma pattern. */
  readonly SplitPreTokenizer: new (config: { pattern: Pattern }) => { readonly pattern: RegExp };
};

/** The treatment of the stretches that a pattern finds. */
export const behaviors = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;
type Behavior = (typeof behaviors)[number];

/** Cuts a text. `section`: how many stretches between added tokens came before it in the line. */
export type PreTokenizer = (text: string, section: number) => string[];

const space = /\p{White_Space}/gu;
const spaces = /\p{White_Space}+/gu;
const punctuation = /[\p{P}!-/:-@[-`{-~]/gu;
const word = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';
/** GPT-2's words, with Unicode's white space. */
const wordsOfBytes =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
const wordsAndMarks = new RegExp(`[${word}]+|[^${word}\\p{White_Space}]+`, 'gu');

/**
 * Cuts as Hugging Face's tokenizers (Rust) does. @huggingface/tokenizers supports only removal and isolation, treats
 * letters beyond ASCII as punctuation in `Whitespace`, has JavaScript's white space, and never cuts at a metaspace.
 *
 * Source: huggingface/tokenizers 0.23, pre_tokenizers/ and NormalizedString::split.
 */
export function createPreTokenizer(config: PreTokenizerConfig): PreTokenizer {
  switch (config.type) {
    case 'Sequence': {
      const steps = config.pretokenizers.map(createPreTokenizer);
      return (text, section) =>
        steps.reduce<string[]>((pieces, step) => pieces.flatMap((piece) => step(piece, section)), [text]);
    }
    case 'WhitespaceSplit':
      return (text) => cut(text, space, 'Removed');
    case 'Whitespace':
      return (text) => cut(text, wordsAndMarks, 'Removed', true);
    case 'BertPreTokenizer':
      return (text) => cut(text, spaces, 'Removed').flatMap((piece) => cut(piece, punctuation, 'Isolated'));
    case 'Punctuation':
      return (text) => cut(text, punctuation, config.behavior ?? 'Isolated');
    case 'Digits':
      return (text) => cut(text, /\p{N}/gu, config.individual_digits ? 'Isolated' : 'Contiguous');
    case 'FixedLength': {
      const pieces = new RegExp(`.{1,${config.length}}`, 'gsu');
      return (text) => text.match(pieces) ?? [];
    }
    case 'Split': {
      const { pattern, behavior, invert = false } = config;
      const compiled =
        'String' in pattern
          ? new RegExp(pattern.String.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu')
          : new SplitPreTokenizer({ type: 'Split', pattern, behavior, invert } as never).pattern;
      return (text) => cut(text, compiled, behavior, invert);
    }
    case 'ByteLevel': {
      const { add_prefix_space: prefix = true, use_regex: cuts = true } = config;
      const bytes = new ByteLevelPreTokenizer({ use_regex: false });
      return (text) => {
        const whole = prefix && !text.startsWith(' ') ? ` ${text}` : text;
        return (cuts ? (whole.match(wordsOfBytes) ?? []) : [whole]).flatMap((piece) => bytes.pre_tokenize(piece));
      };
    }
    case 'Metaspace': {
      const { replacement = '\u2581', add_prefix_space: prefix = true, split = true } = config;
      const scheme = config.prepend_scheme ?? (prefix ? 'always' : 'never');
      const mark = new RegExp(replacement.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&'), 'gu');
      return (text, section) => {
        const marked = text.replaceAll(' ', () => replacement);
        const isPrepended = scheme === 'always' || (scheme === 'first' && section === 0);
        const whole = isPrepended && !marked.startsWith(replacement) ? replacement + marked : marked;
        return split ? cut(whole, mark, 'MergedWithNext') : [whole];
      };
    }
  }
}

/**
 * The pieces of a text, without empty ones. @param invert what the pattern does not find counts as found, and the other
 * way round
 */
function cut(text: string, pattern: RegExp, behavior: Behavior, invert = false): string[] {
  const stretches: { text: string; found: boolean }[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) stretches.push({ text: text.slice(end, match.index), found: invert });
    stretches.push({ text: match[0], found: !invert });
    end = match.index + match[0].length;
  }
  if (end < text.length) stretches.push({ text: text.slice(end), found: invert });
  return joined(stretches, behavior).filter((piece) => piece !== '');
}

function joined(stretches: readonly { text: string; found: boolean }[], behavior: Behavior): string[] {
  if (behavior === 'Isolated') return stretches.map(({ text }) => text);
  if (behavior === 'Removed') return stretches.flatMap(({ text, found }) => (found ? [] : [text]));
  const pieces: string[] = [];
  const fromEnd = behavior === 'MergedWithNext';
  let previous: boolean | undefined = behavior === 'Contiguous' ? undefined : false;
  for (const { text, found } of fromEnd ? [...stretches].reverse() : stretches) {
    const isMerged = behavior === 'Contiguous' ? found === previous : found && !previous;
    if (isMerged && pieces.length > 0) {
      const last = pieces.length - 1;
      pieces[last] = fromEnd ? text + pieces[last] : pieces[last] + text;
    } else pieces.push(text);
    previous = found;
  }
  return fromEnd ? pieces.reverse() : pieces;
}
