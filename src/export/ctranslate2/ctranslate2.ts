import { join } from 'node:path';
import { ColdstartError } from '../../errors.js';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { exportTokenizer } from '../../text/tokenizerExport/exportTokenizer.js';
import { eosId, unkId } from '../../text/specialIds.js';
import { specialTokens } from '../../text/vocabulary.js';
import { longestSource, type ExportedModel } from '../exportedModel.js';
import type { CardParts, Exporter, WriteOptions } from '../exporter.js';
import { writeForeignJson } from '../foreignJson.js';
import { leastScale, unfoldableScale } from '../foldedResidual.js';
import { writeModelBin } from './modelBin.js';
import { ctranslate2Variables, numPositions, weightTypes, type WeightType } from './variables.js';

const [bos, , eos, unk] = specialTokens;

/** The folder that `ctranslate2.Translator` loads. */
export const ctranslate2: Exporter = {
  name: 'ctranslate2',
  summary: 'CTranslate2, in C++ and Python',
  dtypes: weightTypes,
  defaultDtypes: ['float32'],
  severalDtypes: false,
  refuse(model) {
    if (model.config.residual === 'none')
      return 'model.residual is none, and CTranslate2 adds a residual only where it has a layer norm. Export it with --format transformers-js, or translate with coldstart.';
    const scale = unfoldableScale(model);
    if (scale !== undefined)
      return `its residual scale ${scale}, and weights must be divided by it. Only scales of at least ${leastScale} in size can be moved into other parameters. Export it with --format transformers-js, or translate with coldstart.`;
    return undefined;
  },
  write,
  card,
};

function write(model: ExportedModel, { folder, dtypes, signal }: WriteOptions): Promise<void> {
  const [type] = dtypes as readonly WeightType[];
  writeModelBin(join(folder, 'model.bin'), { name: 'TransformerSpec', revision: 7 }, ctranslate2Variables(model, type));
  signal?.throwIfAborted();
  // keys by name, as its own converters write them
  const config = {
    add_source_bos: false,
    add_source_eos: true,
    bos_token: bos,
    decoder_start_token: eos,
    eos_token: eos,
    layer_norm_epsilon: model.config.layerNormEps,
    multi_query_attention: false,
    unk_token: unk,
  };
  writeForeignJson(join(folder, 'config.json'), config);
  const { src, trg } = model.text.vocabularies;
  if (model.isJoint) writeForeignJson(join(folder, 'shared_vocabulary.json'), src.tokens);
  else {
    writeForeignJson(join(folder, 'source_vocabulary.json'), src.tokens);
    writeForeignJson(join(folder, 'target_vocabulary.json'), trg.tokens);
  }
  for (const [name, text] of tokenizers(model)) writeFileAtomic(join(folder, name), text);
  return Promise.resolve();
}

/**
 * tokenizer.json by file name, one for both sides if they are equal; none if a side has settings that such a file
 * cannot hold.
 */
function tokenizers({ text }: ExportedModel): Map<string, string> {
  try {
    const [src, trg] = (['src', 'trg'] as const).map((side) => exportTokenizer(text, side).files['tokenizer.json']);
    if (src === trg) return new Map([['tokenizer.json', src]]);
    return new Map([
      ['source_tokenizer.json', src],
      ['target_tokenizer.json', trg],
    ]);
  } catch (error) {
    if (error instanceof ColdstartError) return new Map();
    throw error;
  }
}

function card(model: ExportedModel, [type]: readonly string[]): CardParts {
  const names = [...tokenizers(model).keys()];
  const { beamSize, lengthPenalty } = model.decode;
  const search = `beam_size=${beamSize}, length_penalty=${lengthPenalty}`;
  const usage =
    names.length > 0
      ? `In Python, with [CTranslate2](https://pypi.org/project/ctranslate2/) and [tokenizers](https://pypi.org/project/tokenizers/) (\`pip install ctranslate2 tokenizers\`):

\`\`\`python
import json
import ctranslate2
from tokenizers import Tokenizer

folder = "."  # this one
source = Tokenizer.from_file(f"{folder}/${names[0]}")
target = Tokenizer.from_file(f"{folder}/${names.at(-1)}")
src_tokens = json.load(open(f"{folder}/${model.isJoint ? 'shared' : 'source'}_vocabulary.json"))
trg_tokens = json.load(open(f"{folder}/${model.isJoint ? 'shared' : 'target'}_vocabulary.json"))
trg_ids = {token: id for id, token in enumerate(trg_tokens)}
translator = ctranslate2.Translator(folder)

def tokens(sentence):
    ids = source.encode(sentence, add_special_tokens=False).ids
    return [src_tokens[id] if ${eosId + 1} <= id < len(src_tokens) else "${unk}" for id in ids]

for sentence in ["A sentence."]:
    batch = [tokens(sentence)]
    found = translator.translate_batch(batch, ${search}, max_decoding_length=${longest(model)})
    print(target.decode([trg_ids[token] for token in found[0].hypotheses[0]]))
\`\`\``
      : `In Python, with [CTranslate2](https://pypi.org/project/ctranslate2/) (\`pip install ctranslate2\`). It takes and gives tokens of the vocabulary;
cutting this model's text into them needs coldstart (\`coldstart corpus apply-bpe\`), as no tokenizer.json can hold its settings.

\`\`\`python
import ctranslate2

translator = ctranslate2.Translator(".")  # this folder
for line in ["tokens of a sentence"]:
    found = translator.translate_batch([line.split()], ${search}, max_decoding_length=${longest(model)})
    print(" ".join(found[0].hypotheses[0]))
\`\`\``;
  return {
    library: 'ctranslate2',
    usage: `${usage}

Weights are stored as \`${type}\`. CTranslate2 computes with them as they are; \`compute_type\` converts them when it loads the folder.`,
    limits: [
      `Sources and translations have at most ${numPositions} tokens.`,
      'CTranslate2 takes a length in tokens for all sentences (`max_decoding_length`, 256 without it); coldstart bounds each by its source.',
      `\`${specialTokens.slice(0, unkId + 1).join('`, `')}\` in a source are read as the special tokens; coldstart reads them as unknown words.`,
      ...(type === 'int8' ? ['In 8 bits translations differ somewhat from those of coldstart.'] : []),
    ],
  };
}

/** Tokens of the longest translation of a source that `translate` takes without cutting it. */
function longest({ decode: { maxLenA, maxLenB } }: ExportedModel): number {
  return Math.min(numPositions, Math.floor(maxLenA * longestSource + maxLenB));
}
