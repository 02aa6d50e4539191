import { mapWithinTime } from '../boundedTime.js';
import { Bpe, removeJoiner } from './bpe.js';
import { readBpeCodes, readBpeVocabulary } from './bpeCodes.js';
import { joinPieces, SentencePiece } from './sentencePiece.js';
import { TokenizerJson } from './tokenizerJson.js';

/** How lines become tokens. File names are paths; files may end in .gz except SentencePiece models. */
export type SubwordOptions =
  /** The text is already split into tokens by spaces. `joiner`: how units were marked: `@@`, `▁` (SentencePiece
   * pieces) or `` (whole words). Default `@@`. */
  | { readonly method: 'none'; readonly joiner?: string }
  /** Byte-pair encoding with a codes file of subword-nmt. */
  | {
      readonly method: 'bpe';
      readonly codes: string;
      /** subword-nmt vocabulary file: units seen less often than `vocabularyThreshold` are split further. */
      readonly vocabulary?: string;
      readonly vocabularyThreshold?: number;
      /** Regular expressions for words kept whole. */
      readonly glossaries?: readonly string[];
    }
  /** A SentencePiece model. */
  | { readonly method: 'sentencepiece'; readonly model: string }
  /** A tokenizer.json file of Hugging Face's tokenizers. */
  | { readonly method: 'huggingface'; readonly tokenizer: string };

/** Splits lines into tokens and joins tokens into lines. */
export interface Segmenter {
  /** Tokens of each line. */
  segment(lines: readonly string[]): string[][] | Promise<string[][]>;
  /** The text of tokens, subword marks removed: the form for users and scorers. */
  join(tokens: readonly string[]): string;
  close(): Promise<void>;
}

/**
 * Opens the codes or model that the options name.
 *
 * @throws DataError if a file cannot be read or has unexpected contents
 */
export async function openSegmenter(options: SubwordOptions): Promise<Segmenter> {
  switch (options.method) {
    case 'none': {
      const joiner = options.joiner ?? '@@';
      return {
        segment: (lines) => lines.map((line) => line.split(' ').filter((token) => token !== '')),
        join: (tokens) =>
          joiner === '\u2581'
            ? joinPieces(tokens)
            : joiner === ''
              ? tokens.join(' ')
              : removeJoiner(tokens.join(' '), joiner),
        close: async () => {},
      };
    }
    case 'bpe': {
      const vocabulary =
        options.vocabulary === undefined
          ? undefined
          : readBpeVocabulary(options.vocabulary, options.vocabularyThreshold);
      const bpe = new Bpe(readBpeCodes(options.codes), { vocabulary, glossaries: options.glossaries });
      return {
        segment: (lines) => bpe.map(lines, (line) => bpe.segment(line)),
        join: (tokens) => removeJoiner(tokens.join(' ')),
        close: async () => {},
      };
    }
    case 'sentencepiece': {
      const model = await SentencePiece.open(options.model);
      return {
        segment: (lines) => model.encode(lines),
        join: (pieces) => model.decode(pieces),
        close: () => model.close(),
      };
    }
    case 'huggingface': {
      const tokenizer = TokenizerJson.read(options.tokenizer);
      return {
        segment: (lines) => mapWithinTime(options.tokenizer, lines, (line) => tokenizer.segment(line)),
        join: (tokens) => tokenizer.join(tokens),
        close: async () => {},
      };
    }
  }
}

/** Names and paths of the files the options read. */
export function subwordFiles(options: SubwordOptions): {
  readonly codes?: string;
  readonly vocabulary?: string;
  readonly model?: string;
  readonly tokenizer?: string;
} {
  if (options.method === 'bpe')
    return options.vocabulary === undefined
      ? { codes: options.codes }
      : { codes: options.codes, vocabulary: options.vocabulary };
  if (options.method === 'sentencepiece') return { model: options.model };
  if (options.method === 'huggingface') return { tokenizer: options.tokenizer };
  return {};
}
