import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { greatest } from '../../extremes.js';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { longestSource, type ExportedModel } from '../exportedModel.js';
import { writeForeignJson } from '../foreignJson.js';
import { generationSettings, modelSettings } from '../transformersConfig.js';
import { refusalOf, type CardParts, type Exporter, type WriteOptions } from '../exporter.js';
import { largestFile, writeOnnxModel } from '../onnx/modelFile.js';
import { decoderGraph, longestTranslations } from './decoderGraph.js';
import { encoderGraph } from './encoderGraph.js';
import { jointTokenizer, type ExportTokenizer } from './tokenizer.js';
import { weightFormats, type WeightFormat } from './weights.js';

/** What Transformers.js appends to the name of a model file. */
const suffixes: Readonly<Record<WeightFormat, string>> = { fp32: '', fp16: '_fp16', q8: '_quantized', q4: '_q4' };

/** ONNX models, tokenizer and settings that `@huggingface/transformers` loads, in Node.js and in browsers. */
export const transformersJs: Exporter = {
  name: 'transformers-js',
  summary: '@huggingface/transformers, in Node.js and in browsers (ONNX)',
  dtypes: weightFormats,
  defaultDtypes: ['fp32', 'q8'],
  severalDtypes: true,
  refuse({ text }) {
    return refusalOf(() => jointTokenizer(text));
  },
  write: (model, options) => writeTransformersJs(model, options, largestFile),
  card,
};

/** @param limit bytes of constants in one file; larger models are divided */
export async function writeTransformersJs(
  model: ExportedModel,
  { folder, dtypes, signal }: WriteOptions,
  limit: number,
): Promise<void> {
  const tokenizer = jointTokenizer(model.text);
  mkdirSync(join(folder, 'onnx'));
  const dataFiles: Record<string, number> = {};
  for (const dtype of dtypes as readonly WeightFormat[]) {
    for (const [stem, graph] of [
      ['encoder_model', () => encoderGraph(model, dtype)],
      ['decoder_model_merged', () => decoderGraph(model, dtype, tokenizer.target)],
    ] as const) {
      signal?.throwIfAborted();
      const name = `${stem}${suffixes[dtype]}.onnx`;
      const files = writeOnnxModel(join(folder, 'onnx', name), graph(), limit);
      if (files > 0) dataFiles[name] = files;
    }
  }
  for (const [name, text] of Object.entries(tokenizer.files)) writeFileAtomic(join(folder, name), text);
  writeForeignJson(join(folder, 'config.json'), modelConfig(model, tokenizer, dtypes, dataFiles));
  writeForeignJson(join(folder, 'generation_config.json'), generationSettings(longestTranslation(model) + 1));
}

/**
 * config.json: a Marian model, whose shape this one has for Transformers.js. What differs from Marian is in the graphs.
 */
function modelConfig(
  { config }: ExportedModel,
  { target }: ExportTokenizer,
  dtypes: readonly string[],
  dataFiles: Readonly<Record<string, number>>,
): object {
  // without a dtype Transformers.js takes fp32 in Node.js and q8 in browsers
  const hasDefaults = ['fp32', 'q8'].every((dtype) => dtypes.includes(dtype));
  const own = {
    ...(!hasDefaults && { dtype: dtypes[0] }),
    ...(Object.keys(dataFiles).length > 0 && { use_external_data_format: dataFiles }),
  };
  return {
    model_type: 'marian',
    architectures: ['MarianMTModel'],
    ...modelSettings(config),
    vocab_size: target.size,
    ...(Object.keys(own).length > 0 && { 'transformers.js_config': own }),
  };
}

/** Tokens of the longest translation, its end included. */
export const longestTranslation = (model: ExportedModel): number => greatest(longestTranslations(model)) + 1;

function card(model: ExportedModel, dtypes: readonly string[], name: string): CardParts {
  const usual = dtypes.includes('q8') ? 'q8' : dtypes[0];
  return {
    library: 'transformers.js',
    usage: `In Node.js or a browser, with [Transformers.js](https://www.npmjs.com/package/@huggingface/transformers) (\`npm install @huggingface/transformers\`):

\`\`\`js
import { env, pipeline } from '@huggingface/transformers';

env.localModelPath = '.'; // the folder that holds this one; in a browser its address
env.allowLocalModels = true;
env.allowRemoteModels = false;
const translator = await pipeline('translation', ${JSON.stringify(name)}, { dtype: '${usual}' });
const sentences = ['${example(model)}'];
for (const { translation_text } of await translator(sentences, { max_new_tokens: ${longestTranslation(model)} }))
  console.log(translation_text);
\`\`\`

Weights are here as ${dtypes.map((dtype) => `\`${dtype}\``).join(', ')}: ${dtypes.map((dtype) => dtypeNotes[dtype as WeightFormat]).join('; ')}.`,
    limits: [
      'Transformers.js searches greedily: it ignores `num_beams` and `length_penalty` without a word.',
      `Without \`max_new_tokens\` its pipeline stops after 256 tokens. The model ends every translation itself.`,
      'The pipeline leaves `<unk>` out of translations; `coldstart translate` writes it.',
      'The words `<s>`, `<pad>`, `</s>` and `<unk>` in a source are read as special tokens; coldstart reads them as unknown words.',
      `Sources longer than ${longestSource} tokens are not cut; \`coldstart translate\` cuts them.`,
    ],
  };
}

const dtypeNotes: Readonly<Record<WeightFormat, string>> = {
  fp32: '`fp32` translates as coldstart does with `--beam 1`',
  fp16: '`fp16` stores 16 bits and computes with 32',
  q8: '`q8` stores and multiplies 8 bits; browsers ask for it by default',
  q4: '`q4` stores layers in 4 bits, embeddings in 8',
};

/** Where a sentence goes in the example. */
const example = ({ run }: ExportedModel): string =>
  run === undefined
    ? 'A sentence.'
    : `A sentence in the language ${run.config.corpus.srcLang.replaceAll(/[^\w-]/g, '')}.`;
