import { choice, optionalInteger, real, type Section, type Values } from '../../field.js';

/** What configurations may set of splitting the words of the training set again in each epoch. */
export const samplingFields = {
  sampleSubwords: choice(
    ['none', 'src', 'trg', 'both'],
    'none',
    'Sides of the training set that are split into subwords again in each epoch, at random. The corpus needs corpus.vocabulary.allUnits.',
  ),
  subwordDropout: real(0.1, 'BPE-dropout: the probability that a merge is left out; for subwords made of merges.', {
    min: 0,
    max: 1,
  }),
  subwordAlpha: real(
    0.2,
    'Exponent of the probability with which a split is drawn, for unigram models of SentencePiece: 0 draws all alike.',
    { min: 0 },
  ),
  subwordNbest: optionalInteger('Draw among this many most probable splits of a sentence; default: among all.', {
    min: 2,
    max: 1024,
  }),
} as const satisfies Section;

/** How the splits are drawn. */
export type SamplingSettings = Pick<Values<typeof samplingFields>, 'subwordDropout' | 'subwordAlpha' | 'subwordNbest'>;

/** What a text's unknown units are decoded to. They stay as they are. */
export const unknownUnit = '<unk>';

/**
 * Splits text at random.
 * @param units as segmenting gives them, or `unknownUnit`
 * @param random gives numbers of at least 0 and less than 1
 * @returns units of the same text
 */
export type UnitSampler = (units: readonly string[], random: () => number) => string[];

/** How a method's text is split at random. */
export interface UnitSampling<O> {
  /**
   * Every unit that splitting the training set can give: those that were seen, and those that only other splits have.
   * @param seen units of the training set
   */
  units(options: O, seen: Iterable<string>): Set<string>;
  /** @throws UsageError for a model that splits words in one way only */
  open(options: O, settings: SamplingSettings): UnitSampler;
}
