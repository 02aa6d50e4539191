import { integer, optionalInteger, orInfinity, real, type Section } from '../field.js';

const maxLenB = (min: number) => integer(10, 'See maxLenA.', { min, unit: 'tokens' });

/** What configurations may set of a beam search: bounds, default and help. */
export const beamFields = {
  beamSize: integer(5, 'Beam size; 1 is greedy.', { min: 1, max: 1000 }),
  lengthPenalty: real(1, 'Scores are divided by length to this power.', { min: 0, max: 100 }),
  maxLenA: real(1.2, 'Longest translation: maxLenA times source length plus maxLenB.', { min: 0 }),
  maxLenB: maxLenB(1), // room for a token with any maxLenA
} as const satisfies Section;

/** A library call may set maxLenB to 0 where maxLenA leaves room. */
export const beamSearchFields = { ...beamFields, maxLenB: maxLenB(0) } as const satisfies Section;

/** Batches of decoding. */
export const decodeBatchFields = {
  maxTokens: integer(4096, 'Batch size of decoding, in source tokens.', { min: 1, unit: 'tokens' }),
  maxSentences: integer(128, 'Most sentences per batch of decoding.', { min: 1, unit: 'sentences' }),
} as const satisfies Section;

/** A source that is cut keeps at least one token, and the end mark. */
export const leastSourceTokens = 2;

/** What no configuration sets. */
export const translateFields = {
  maxSourceTokens: orInfinity(
    optionalInteger('Longer sources are cut to this many tokens, the last of them eosId.', {
      min: leastSourceTokens,
      unit: 'tokens',
    }),
  ),
  nbest: integer(1, 'Hypotheses per sentence.', { min: 1, max: 1000 }),
} as const satisfies Section;
