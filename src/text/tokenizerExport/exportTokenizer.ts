import { readFileSync } from 'node:fs';
import { UsageError } from '../../errors.js';
import { readBpeCodes } from '../subwords/bpeCodes.js';
import { parseSentencePieceModel } from '../subwords/sentencePieceModel.js';
import type { SubwordOptions } from '../subwords/segmenter.js';
import type { Side, TextPipelineParts } from '../textPipeline.js';
import type { Vocabulary } from '../vocabulary.js';
import { bpeTokenizer } from './fromBpe.js';
import { sentencePieceTokenizer } from './fromSentencePiece.js';
import { renumberedTokenizer } from './fromTokenizerJson.js';
import { wordTokenizer } from './fromWords.js';
import { specialTokensMap, tokenizerConfig, tokenizerFile, type TokenizerParts } from './format.js';

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

function partsOf(options: SubwordOptions, vocabulary: Vocabulary): TokenizerParts {
  switch (options.method) {
    case 'none':
      return wordTokenizer(vocabulary, options.joiner ?? '@@');
    case 'bpe':
      if (options.vocabulary !== undefined)
        throw new UsageError(
          'the corpus was segmented with a BPE vocabulary filter, which a tokenizer.json cannot hold. Prepare it without vocabulary and vocabularyThreshold.',
        );
      if (options.glossaries !== undefined && options.glossaries.length > 0)
        throw new UsageError(
          'the corpus was segmented with glossaries, which a tokenizer.json cannot hold. Prepare it without.',
        );
      return bpeTokenizer(readBpeCodes(options.codes), vocabulary, options.codes);
    case 'sentencepiece':
      return sentencePieceTokenizer(
        parseSentencePieceModel(readFileSync(options.model), options.model),
        vocabulary,
        options.model,
      );
    case 'huggingface':
      return renumberedTokenizer(options.tokenizer, vocabulary);
  }
}
