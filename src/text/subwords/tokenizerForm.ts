import { behaviors } from './tokenizerSplits.js';

/**
 * The fault in the form of a tokenizer.json, if any: the field, its value and what was expected. The library
 * itself accepts any value, and fails later without naming a place, or silently gives other tokens.
 */
export function checkTokenizerForm(json: unknown): string | undefined {
  try {
    file(json, '');
    return undefined;
  } catch (error) {
    if (error instanceof FormError) return error.message;
    throw error;
  }
}

class FormError extends Error {}

/** Throws FormError for an unexpected value. `at`: its place in the file. */
type Check = (value: unknown, at: string) => void;
type Fields = Readonly<Record<string, Check>>;

function expected(what: string, value: unknown, at: string): FormError {
  const found = value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 40);
  return new FormError(`its ${JSON.stringify(at)} should be ${what}, found ${found}`);
}

const check =
  (what: string, holds: (value: unknown) => boolean): Check =>
  (value, at) => {
    if (!holds(value)) throw expected(what, value, at);
  };
const text = check('a text', (value) => typeof value === 'string');
const nonEmpty = check('a text that is not empty', (value) => typeof value === 'string' && value !== '');
const character = check('one character', (value) => typeof value === 'string' && Array.from(value).length === 1);
const yesOrNo = check('true or false', (value) => typeof value === 'boolean');
const oneOf = (names: readonly string[]): Check =>
  check(`one of ${names.join(', ')}`, (value) => names.includes(value as string));
const integer = (least: number, most: number): Check =>
  check(
    `an integer from ${least} to ${most}`,
    (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
  );
const optional =
  (inner: Check): Check =>
  (value, at) => {
    if (value !== undefined) inner(value, at);
  };
const nullable = (inner: Check): Check => optional((value, at) => (value === null ? undefined : inner(value, at)));
const list =
  (inner: Check): Check =>
  (value, at) => {
    if (!Array.isArray(value)) throw expected('a list', value, at);
    value.forEach((each, index) => inner(each, `${at}[${index}]`));
  };
const object =
  (fields: Fields): Check =>
  (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw expected('an object', value, at);
    for (const [name, inner] of Object.entries(fields))
      inner((value as Record<string, unknown>)[name], at === '' ? name : `${at}.${name}`);
  };

const deepest = 32;
/** An object whose "type" says which fields it has. */
const variant =
  (types: Readonly<Record<string, Fields>>): Check =>
  (value, at) => {
    object({ type: oneOf(Object.keys(types)) })(value, at);
    if (at.split('.').length > deepest)
      throw new FormError(`its ${JSON.stringify(at.slice(0, 40))} is nested too deeply`);
    object(types[(value as { type: string }).type])(value, at);
  };

const pattern: Check = (value, at) => {
  object({})(value, at);
  const { Regex: regex, String: literal } = value as { Regex?: unknown; String?: unknown };
  if ((typeof regex === 'string') === (typeof literal === 'string'))
    throw expected('{"Regex": ...} or {"String": ...}', value, at);
};

const normalizer: Check = variant({
  BertNormalizer: {
    clean_text: yesOrNo,
    handle_chinese_chars: yesOrNo,
    strip_accents: nullable(yesOrNo),
    lowercase: yesOrNo,
  },
  Precompiled: { precompiled_charsmap: text },
  Sequence: { normalizers: list((value, at) => normalizer(value, at)) },
  Replace: { pattern, content: text },
  NFC: {},
  NFD: {},
  NFKC: {},
  NFKD: {},
  Strip: { strip_left: yesOrNo, strip_right: yesOrNo },
  StripAccents: {},
  Lowercase: {},
  Prepend: { prepend: text },
});

const metaspace: Fields = {
  replacement: optional(character),
  prepend_scheme: optional(oneOf(['always', 'first', 'never'])),
  add_prefix_space: optional(yesOrNo),
  split: optional(yesOrNo),
};

const preTokenizer: Check = variant({
  BertPreTokenizer: {},
  Sequence: { pretokenizers: list((value, at) => preTokenizer(value, at)) },
  Whitespace: {},
  WhitespaceSplit: {},
  Metaspace: metaspace,
  ByteLevel: { add_prefix_space: optional(yesOrNo), trim_offsets: nullable(yesOrNo), use_regex: optional(yesOrNo) },
  Split: { pattern, behavior: oneOf(behaviors), invert: optional(yesOrNo) },
  Punctuation: { behavior: optional(oneOf(behaviors)) },
  Digits: { individual_digits: optional(yesOrNo) },
  FixedLength: { length: integer(1, 2 ** 24) },
});

const decoder: Check = variant({
  ByteLevel: {},
  WordPiece: { prefix: text, cleanup: optional(yesOrNo) },
  Metaspace: metaspace,
  BPEDecoder: { suffix: nullable(nonEmpty) },
  CTC: { pad_token: text, word_delimiter_token: text, cleanup: optional(yesOrNo) },
  Sequence: { decoders: list((value, at) => decoder(value, at)) },
  Replace: { pattern, content: text },
  Fuse: {},
  Strip: { content: character, start: integer(0, 2 ** 24), stop: integer(0, 2 ** 24) },
  ByteFallback: {},
});

const templateItem: Check = (value, at) => {
  object({})(value, at);
  const { SpecialToken: special, Sequence: sequence } = value as { SpecialToken?: unknown; Sequence?: unknown };
  if (special === undefined && sequence === undefined)
    throw expected('{"SpecialToken": ...} or {"Sequence": ...}', value, at);
  if (special !== undefined) object({ id: text, type_id: integer(0, 255) })(special, `${at}.SpecialToken`);
  else object({ id: oneOf(['A', 'B']), type_id: integer(0, 255) })(sequence, `${at}.Sequence`);
};
const tokenAndId = check(
  'a token and its id',
  (value) => Array.isArray(value) && typeof value[0] === 'string' && Number.isInteger(value[1]),
);
const postProcessor: Check = variant({
  TemplateProcessing: { single: list(templateItem), pair: list(templateItem) },
  ByteLevel: {},
  BertProcessing: { sep: tokenAndId, cls: tokenAndId },
  RobertaProcessing: { sep: tokenAndId, cls: tokenAndId },
  Sequence: { processors: list((value, at) => postProcessor(value, at)) },
});

/** Ids index arrays: larger ones than any vocabulary's would only take memory. */
const maxId = 2 ** 24;
const id = integer(0, maxId);

const addedToken = object({
  id,
  content: nonEmpty,
  single_word: optional(yesOrNo),
  lstrip: optional(yesOrNo),
  rstrip: optional(yesOrNo),
  normalized: optional(yesOrNo),
  special: optional(yesOrNo),
});

const file: Check = (json, at) => {
  const { model: given } = (json ?? {}) as { model?: unknown };
  if (typeof given !== 'object' || given === null) throw new FormError('it has no "model"');
  object({
    added_tokens: nullable(list(addedToken)),
    normalizer: nullable(normalizer),
    pre_tokenizer: nullable(preTokenizer),
    post_processor: nullable(postProcessor),
    decoder: nullable(decoder),
    model,
  })(json, at);
};

const model: Check = (value, at) => {
  object({ type: nullable(oneOf(['BPE', 'WordPiece', 'Unigram', 'WordLevel'])) })(value, at);
  const { type, vocab, merges, byte_fallback: byteFallback } = value as Record<string, unknown>;
  if (typeof vocab !== 'object' || vocab === null) throw new FormError('its model has no "vocab"');
  const isScored = (entry: unknown): boolean =>
    Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number';
  const isId = (each: unknown): boolean => Number.isInteger(each) && (each as number) >= 0 && (each as number) <= maxId;
  const isList = Array.isArray(vocab);
  if (isList ? !vocab.every(isScored) || vocab.length === 0 : !Object.values(vocab).every(isId))
    throw new FormError('its "vocab" holds something else than tokens with ids or scores');
  if (type !== undefined && type !== null && isList !== (type === 'Unigram'))
    throw new FormError(
      `its "model.vocab" should be ${isList ? 'tokens with ids' : 'a list of pieces with scores'} for the type ${type as string}`,
    );
  const isMerge = (entry: unknown): boolean =>
    typeof entry === 'string'
      ? entry.split(' ').length === 2
      : Array.isArray(entry) && entry.length === 2 && entry.every((part) => typeof part === 'string');
  if ((merges !== undefined || type === 'BPE') && !(Array.isArray(merges) && merges.every(isMerge)))
    throw new FormError('its "merges" are not pairs');
  if (byteFallback && (merges as unknown[] | undefined)?.some((merge) => /<0x[0-9A-F]{2}>/.test(String(merge))))
    throw new FormError('its "merges" join bytes such as <0xC3>, which is not supported here');
  object({
    unk_token: nullable(text),
    byte_fallback: nullable(yesOrNo),
    fuse_unk: nullable(yesOrNo),
    ignore_merges: nullable(yesOrNo),
    end_of_word_suffix: nullable(text),
    ...(type === 'WordPiece' && {
      unk_token: text,
      continuing_subword_prefix: text,
      max_input_chars_per_word: optional(integer(1, maxId)),
    }),
    ...(type !== 'WordPiece' && { continuing_subword_prefix: nullable(text) }),
    ...(isList && { unk_id: nullable(integer(0, vocab.length - 1)) }),
  })(value, at);
};
