import { leastSourceTokens } from '../decode/decodeOptions.js';
import { integer, optionalInteger, type Section } from '../field.js';

/** The fields of `Translator.stream`, beyond those of `translate`. */
export const streamFields = {
  bufferLines: integer(10_000, 'Lines that a stream reads before they are translated together.', {
    min: 1,
    unit: 'lines',
  }),
} as const satisfies Section;
export const defaultBufferLines = streamFields.bufferLines.default;
/** Longest line in tokens, the end mark included. */
export const defaultMaxSourceTokens = 1024;
/** Longest line that is scored, in tokens: attention's memory grows with the square of a line's length. */
export const maxScoredTokens = 10_000;
/** What `translate --max-source-tokens` may be: attention's memory bounds it as it does for lines that are scored. */
export const maxSourceTokensField = optionalInteger('Longer lines are cut to as many tokens, the end mark included.', {
  min: leastSourceTokens,
  max: maxScoredTokens,
  unit: 'tokens',
});
