import { join } from 'node:path';
import type { ModelConfig } from '../../model/config.js';
import { decoderEmbedding, encoderEmbedding, outputProjection } from '../../model/parameters.js';
import { firstPosition, sinusoidalPositions } from '../../model/positions.js';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { writeSafetensors, type WrittenTensor } from '../../storage/safetensors.js';
import { eosId, unkId } from '../../text/specialIds.js';
import { exportTokenizer } from '../../text/tokenizerExport/exportTokenizer.js';
import { longestSource, parameterNamed, type ExportedModel, type ExportedTensor } from '../exportedModel.js';
import { refusalOf, type CardParts, type Exporter, type WriteOptions } from '../exporter.js';
import { toFloat16 } from '../float16.js';
import { foldResidual, leastScale, scaledColumns, unfoldableScale, type Stack } from '../foldedResidual.js';
import { writeForeignJson } from '../foreignJson.js';
import { generationSettings, modelSettings } from '../transformersConfig.js';

/** PyTorch's default, which FSMT has no setting for. */
const layerNormEps = 1e-5;
/** Positions in the tables. FSMT makes a longer one where a sentence needs it. */
const usualPositions = 1024;
/**
 * Positions in tables that are scaled, which FSMT cannot make: sources and translations of such models cannot be
 * longer.
 */
const scaledPositions = 2048;

/**
 * FSMT, the class of Hugging Face's `transformers` for fairseq's translation models: the same positions, ids and names
 * of parameters.
 */
export const huggingface: Exporter = {
  name: 'huggingface',
  summary: "Hugging Face's transformers, in PyTorch (FSMT)",
  dtypes: ['float32', 'float16'],
  defaultDtypes: ['float32'],
  severalDtypes: false,
  refuse(model) {
    const { residual, layerNormEps: eps } = model.config;
    const instead = 'Export it with --format transformers-js, or translate with coldstart.';
    if (residual === 'none')
      return `model.residual is none, and FSMT has a layer norm after every sublayer. ${instead}`;
    if (residual === 'pre-ln')
      return `model.residual is pre-ln, and FSMT has its layer norms after the sublayers. Export it with --format ctranslate2 or transformers-js.`;
    if (eps !== layerNormEps)
      return `model.layerNormEps is ${eps}, and FSMT computes with ${layerNormEps}. Export it with --format ctranslate2 or transformers-js.`;
    const scale = unfoldableScale(model);
    if (scale !== undefined)
      return `its residual scale ${scale}, and weights must be divided by it. Only scales of at least ${leastScale} in size can be moved into other parameters. ${instead}`;
    return refusalOf(() => tokenizers(model));
  },
  write,
  card,
};

function write(model: ExportedModel, { folder, dtypes: [dtype], signal }: WriteOptions): Promise<void> {
  const { source, files } = tokenizers(model);
  const isTied = storesOneMatrix(model, source.size);
  const isHalf = dtype === 'float16';
  const tensors = new Map<string, WrittenTensor>();
  for (const [name, { shape, data }] of fsmtTensors(model, source.size, isTied))
    tensors.set(name, isHalf ? { dtype: 'F16', shape, data: toFloat16(data, name) } : { dtype: 'F32', shape, data });
  writeSafetensors(join(folder, 'model.safetensors'), tensors, { metadata: { format: 'pt' } });
  signal?.throwIfAborted();
  writeForeignJson(join(folder, 'config.json'), fsmtConfig(model, source.size, isTied, dtype));
  const { beamSize, lengthPenalty } = model.decode;
  writeForeignJson(join(folder, 'generation_config.json'), {
    ...generationSettings(longestTranslation(model)),
    forced_eos_token_id: eosId,
    num_beams: beamSize,
    ...(beamSize > 1 && { length_penalty: lengthPenalty, early_stopping: true }),
  });
  for (const [name, text] of Object.entries(files)) writeFileAtomic(join(folder, name), text);
  return Promise.resolve();
}

/** Tokens of the longest translation with the </s> that decoding starts from. */
function longestTranslation({ config, decode: { maxLenA, maxLenB } }: ExportedModel): number {
  const longest = Math.floor(maxLenA * longestSource + maxLenB) + 2;
  return isScaled(config) ? Math.min(scaledPositions, longest) : longest;
}

/** Whether folding scales what the stacks read, tokens and positions. */
const isScaled = ({ residual }: ModelConfig): boolean => residual === 'admin' || residual === 'deepnorm';
const numPositions = (config: ModelConfig): number => (isScaled(config) ? scaledPositions : usualPositions);

/**
 * Whether all three matrices are one in FSMT, too: not where the tokenizer has more ids than the model, or tables are
 * scaled.
 */
function storesOneMatrix({ config }: ExportedModel, numSourceIds: number): boolean {
  return config.sharing === 'tied' && !isScaled(config) && numSourceIds === config.srcVocabSize;
}

function fsmtConfig(
  { config, run }: ExportedModel,
  numSourceIds: number,
  isTied: boolean,
  dtype: string,
): Readonly<Record<string, unknown>> {
  return {
    model_type: 'fsmt',
    architectures: ['FSMTForConditionalGeneration'],
    ...modelSettings(config),
    langs: [run?.config.corpus.srcLang ?? 'src', run?.config.corpus.trgLang ?? 'trg'],
    src_vocab_size: numSourceIds,
    tgt_vocab_size: config.trgVocabSize,
    dropout: config.dropout,
    attention_dropout: config.attentionDropout,
    activation_dropout: config.reluDropout,
    max_position_embeddings: numPositions(config),
    tie_word_embeddings: isTied,
    dtype,
  };
}

/** @param numSourceIds rows of the encoder's table: those beyond the vocabulary are copies of <unk>'s */
function fsmtTensors(model: ExportedModel, numSourceIds: number, isTied: boolean): Map<string, ExportedTensor> {
  const { parameters, inputScale } = foldResidual(model);
  const encoder = parameterNamed({ parameters }, encoderEmbedding);
  const decoder = parameters.get(decoderEmbedding) ?? encoder;
  const output = parameters.get(outputProjection) ?? decoder;
  const tensors = new Map<string, ExportedTensor>();
  const scaled = (tensor: ExportedTensor, stack: Stack): ExportedTensor => {
    const scale = inputScale[stack];
    return scale === undefined ? tensor : scaledColumns(tensor, scale);
  };
  tensors.set(`model.${decoderEmbedding}`, scaled(decoder, 'decoder'));
  if (!isTied) {
    tensors.set(`model.${encoderEmbedding}`, withUnknownRows(scaled(encoder, 'encoder'), numSourceIds));
    tensors.set(`model.${outputProjection}`, output);
  }
  for (const stack of ['encoder', 'decoder'] as const)
    tensors.set(`model.${stack}.embed_positions.weight`, scaled(positionTable(model.config), stack));
  for (const [name, tensor] of parameters) if (/\.layers\.\d+\./.test(name)) tensors.set(`model.${name}`, tensor);
  return tensors;
}

/** A row for each position number; those before the first one are not used. */
function positionTable(config: ModelConfig): ExportedTensor {
  const { dModel } = config;
  const rows = firstPosition + numPositions(config);
  const data = new Float32Array(rows * dModel);
  data.set(sinusoidalPositions(rows - firstPosition, dModel), firstPosition * dModel);
  return { shape: [rows, dModel], data };
}

function withUnknownRows({ shape: [rows, columns], data }: ExportedTensor, numRows: number): ExportedTensor {
  const all = new Float32Array(numRows * columns);
  all.set(data);
  const unknown = data.subarray(unkId * columns, (unkId + 1) * columns);
  for (let row = rows; row < numRows; row++) all.set(unknown, row * columns);
  return { shape: [numRows, columns], data: all };
}

interface Tokenizers {
  /** Ids that the source's tokenizer can give are below this number. */
  readonly source: { readonly size: number };
  /** Texts by file name. */
  readonly files: Readonly<Record<string, string>>;
  /** The target's, where it is another one. */
  readonly target?: string;
}

/** @throws ColdstartError for text settings that a tokenizer.json cannot hold */
function tokenizers({ config, text }: ExportedModel): Tokenizers {
  const { files } = exportTokenizer(text, 'src');
  const trg = exportTokenizer(text, 'trg').files['tokenizer.json'];
  const { model, added_tokens: added } = JSON.parse(files['tokenizer.json']) as {
    model: { vocab: Record<string, number> | unknown[] };
    added_tokens: { id: number }[];
  };
  const ids = Array.isArray(model.vocab) ? [model.vocab.length - 1] : Object.values(model.vocab);
  const largest = [...ids, ...added.map(({ id }) => id)].reduce((a, b) => Math.max(a, b), config.srcVocabSize - 1);
  const isSame = trg === files['tokenizer.json'];
  return {
    source: { size: largest + 1 },
    files: { ...files, ...(!isSame && { [targetTokenizer]: trg }) },
    ...(!isSame && { target: targetTokenizer }),
  };
}

const targetTokenizer = 'target_tokenizer.json';

function card(model: ExportedModel, [dtype]: readonly string[]): CardParts {
  const { target } = tokenizers(model);
  return {
    library: 'transformers',
    usage: `In Python, with [transformers](https://pypi.org/project/transformers/) and [PyTorch](https://pytorch.org/) (\`pip install transformers torch\`):

\`\`\`python
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer${target === undefined ? '' : ', PreTrainedTokenizerFast'}

folder = "."  # this one
tokenizer = AutoTokenizer.from_pretrained(folder)
${target === undefined ? 'target = tokenizer' : `target = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/${target}")`}
model = AutoModelForSeq2SeqLM.from_pretrained(folder)
batch = tokenizer(["A sentence."], return_tensors="pt", padding=True)
for ids in model.generate(**batch):
    print(target.decode(ids, skip_special_tokens=True))
\`\`\`

Weights are stored as \`${dtype}\`. The class is FSMT (\`FSMTForConditionalGeneration\`), which reads fairseq's models.`,
    limits: [
      'With `skip_special_tokens` `<unk>` is left out of translations; `coldstart translate` writes it.',
      '`max_length` holds for all sentences; coldstart bounds each by its source.',
      ...(isScaled(model.config) ? [`Sources and translations have at most ${scaledPositions} tokens.`] : []),
      ...(dtype === 'float16' ? ['In 16 bits translations can differ from those of coldstart.'] : []),
    ],
  };
}
