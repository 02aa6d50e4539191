/** The part of a model of @huggingface/tokenizers that is used; `bpe` and `tokenize` are those of its two kinds. */
export interface LibraryModel {
  readonly config: ModelConfig;
  readonly tokens_to_ids: ReadonlyMap<string, number>;
  readonly unk_token_id?: number;
  readonly unk_token?: string | null;
  readonly end_of_word_suffix?: string | null;
  fuse_unk: boolean;
  encode(words: readonly string[]): string[];
  bpe?(word: string): string[];
  tokenize?(word: string): string[];
}

interface ModelConfig {
  readonly type?: string;
  readonly byte_fallback?: boolean;
  readonly fuse_unk?: boolean;
  readonly ignore_merges?: boolean;
  readonly continuing_subword_prefix?: string | null;
}

/**
 * Makes a model of the library treat text that its vocabulary lacks like Hugging Face's tokenizers (Rust): word by
 * word, so that unknown stretches of two words stay two; as bytes where the model falls back on them, also for Unigram;
 * and a character that BPE has neither a piece nor an unknown token for is dropped before its neighbours are merged.
 *
 * Source: huggingface/tokenizers 0.23, models/unigram/model.rs (tokenize) and models/bpe/model.rs (merge_word).
 */
export function treatUnknownAsRust(model: LibraryModel): void {
  const encodeWord = wordEncoder(model);
  model.fuse_unk = false; // the library would fuse across words
  model.encode = (words) => words.flatMap(encodeWord);
}

function wordEncoder(model: LibraryModel): (word: string) => readonly string[] {
  const { byte_fallback: byteFallback, fuse_unk: fuses } = model.config;
  if (model.tokenize) {
    const tokenize = model.tokenize.bind(model);
    return (word) =>
      joinUnknown(tokenize(word), model).flatMap((piece) =>
        model.tokens_to_ids.has(piece) || !byteFallback ? [piece] : (bytePieces(piece, model) ?? [piece]),
      );
  }
  const encode = model.encode.bind(model);
  if (!model.bpe || model.end_of_word_suffix || model.config.continuing_subword_prefix)
    return (word) =>
      encode([word]).filter((piece, at, all) => !fuses || piece !== model.unk_token || piece !== all[at - 1]);
  return bpeEncoder(model, encode, model.bpe.bind(model));
}

/** Runs of characters that the vocabulary has go through the merges; what it lacks ends a run. */
function bpeEncoder(
  model: LibraryModel,
  encode: (words: readonly string[]) => string[],
  merge: (run: string) => readonly string[],
): (word: string) => readonly string[] {
  const { byte_fallback: byteFallback, fuse_unk: fuses, ignore_merges: ignoresMerges } = model.config;
  return (word) => {
    const characters = Array.from(word);
    if (characters.every((character) => model.tokens_to_ids.has(character))) return encode([word]);
    if (ignoresMerges && model.tokens_to_ids.has(word)) return [word];
    const pieces: string[] = [];
    let run = '';
    let unknownDue = false; // the Rust code writes it before the next known character, or at the end
    const endRun = (): void => {
      if (run !== '') for (const piece of merge(run)) pieces.push(piece);
      run = '';
    };
    const writeUnknown = (): void => {
      if (unknownDue) pieces.push(model.unk_token!);
      unknownDue = false;
    };
    for (const character of characters) {
      if (model.tokens_to_ids.has(character)) {
        writeUnknown();
        run += character;
        continue;
      }
      const bytes = byteFallback ? bytePieces(character, model) : undefined;
      if (bytes) {
        endRun();
        pieces.push(...bytes);
      } else if (model.unk_token_id !== undefined) {
        endRun();
        if (!fuses) writeUnknown();
        unknownDue = true;
      }
    }
    endRun();
    writeUnknown();
    return pieces;
  };
}

/** Unknown neighbours as one piece. */
function joinUnknown(
  pieces: readonly string[],
  { tokens_to_ids: ids, unk_token_id: unknownId }: LibraryModel,
): string[] {
  const joined: string[] = [];
  let previous = false;
  for (const piece of pieces) {
    const unknown = (ids.get(piece) ?? unknownId) === unknownId;
    if (unknown && previous) joined[joined.length - 1] += piece;
    else joined.push(piece);
    previous = unknown;
  }
  return joined;
}

/** A text's bytes in UTF-8 as pieces such as `<0xE2>`, or nothing where the vocabulary lacks one of them. */
function bytePieces(text: string, { tokens_to_ids: ids }: LibraryModel): string[] | undefined {
  const pieces = Array.from(Buffer.from(text), (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  return pieces.every((piece) => ids.has(piece)) ? pieces : undefined;
}
