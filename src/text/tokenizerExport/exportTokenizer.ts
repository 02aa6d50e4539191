import { UsageError } from '../../errors.js';
import type { NamedOptions } from '../subwords/subwordMethod.js';
import { subwordMethods } from '../subwords/subwordMethods.js';
import type { Side, TextPipelineParts } from '../textPipeline.js';
import type { Vocabulary } from '../vocabulary.js';
import { specialTokensMap, tokenizerConfig, tokenizerFile, type TokenizerParts } from './format.js';

/** A tokenizer.json with its companion files, and notes for the user. */
export interface ExportedTokenizer {
  /** Texts by file name: tokenizer.json and the files that Transformers.js and Transformers read next to it. */
  readonly files: Readonly<Record<string, string>>;
  /** Notes for the user: steps before tokenisation, ids beyond the vocabulary. */
  readonly notes: readonly string[];
}

/**
 * A corpus's conversion from words to ids on one side, as a tokenizer.json.
 *
 * @throws UsageError for settings that the format cannot hold: a BPE vocabulary filter, glossaries
 * @throws DataError for codes and models that it cannot hold
 */
export function exportTokenizer(
  { subwords, vocabularies, preprocessing }: TextPipelineParts,
  side: Side,
): ExportedTokenizer {
  const parts = partsOf(subwords[side], vocabularies[side]);
  const notes: string[] = [];
  const steps = preprocessing[side].map(({ step }) => step);
  if (steps.length > 0)
    notes.push(`it expects text after: ${steps.join(', ')} (coldstart corpus ${steps.join(' | coldstart corpus ')})`);
  const { size } = vocabularies[side];
  if (parts.numExtra > 0)
    notes.push(
      `${parts.numExtra} units that the vocabulary lacks have ids from ${size} to ${size + parts.numExtra - 1}; a model of the corpus takes them for <unk> (3)`,
    );
  const json = (value: object): string => `${JSON.stringify(value, null, 1)}\n`;
  return {
    files: {
      'tokenizer.json': json(tokenizerFile(parts)),
      'tokenizer_config.json': json(tokenizerConfig),
      'special_tokens_map.json': json(specialTokensMap),
    },
    notes,
  };
}

function partsOf(options: NamedOptions, vocabulary: Vocabulary): TokenizerParts {
  const method = subwordMethods.method(options.method);
  if (method.tokenizerJson === undefined)
    throw new UsageError(`a tokenizer.json cannot hold subwords of the method ${options.method}.`);
  return method.tokenizerJson(options, vocabulary);
}
