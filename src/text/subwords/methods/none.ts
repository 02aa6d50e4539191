import { text, type Section } from '../../../field.js';
import { jsonObject, jsonOptional, jsonText } from '../../../storage/jsonFile.js';
import { wordTokenizer } from '../../tokenizerExport/fromWords.js';
import { removeJoiner } from '../bpe.js';
import { defaultJoiner } from '../joiner.js';
import { joinPieces } from '../sentencePiece.js';
import { subwordMethod } from '../subwordMethod.js';

const fields = {
  joiner: text(
    defaultJoiner,
    'How segmented text marks a unit that the next one continues ("@@", "▁" for SentencePiece pieces, "" for whole words).',
  ),
} as const satisfies Section;

/** The text is already split into tokens by spaces. */
export interface NoneOptions {
  readonly method: 'none';
  /** How units were marked: `@@`, `▁` (SentencePiece pieces) or `` (whole words). Default: `defaultJoiner`. */
  readonly joiner?: string;
}

export const none = subwordMethod<typeof fields, NoneOptions>({
  fields,
  ask: ({ joiner }) => ({ method: 'none', joiner }),
  files: {},
  save: ({ joiner }): NoneOptions => ({ method: 'none', joiner }),
  load: (saved) => saved as NoneOptions,
  savedShape: jsonObject({ joiner: jsonOptional(jsonText) }),
  open: ({ joiner = defaultJoiner }) => ({
    segment: (lines) => lines.map((line) => line.split(' ').filter((token) => token !== '')),
    join: (tokens) =>
      joiner === '\u2581'
        ? joinPieces(tokens)
        : joiner === ''
          ? tokens.join(' ')
          : removeJoiner(tokens.join(' '), joiner),
    close: async () => {},
  }),
  tokenizerJson: ({ joiner = defaultJoiner }, vocabulary) => wordTokenizer(vocabulary, joiner),
});
