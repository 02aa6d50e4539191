import { join } from 'node:path';
import { DataError } from '../errors.js';
import {
  jsonBoolean,
  jsonCount,
  jsonNumber,
  jsonObject,
  jsonOptional,
  jsonText,
  readJsonFile,
} from '../storage/jsonFile.js';

/** config.json of a model of Hugging Face's transformers, as far as it is read here. */
export interface ForeignConfig {
  readonly model_type: string;
  readonly d_model?: number;
  readonly encoder_layers?: number;
  readonly decoder_layers?: number;
  readonly encoder_attention_heads?: number;
  readonly decoder_attention_heads?: number;
  readonly encoder_ffn_dim?: number;
  readonly decoder_ffn_dim?: number;
  readonly activation_function?: string;
  readonly scale_embedding?: boolean;
  readonly dropout?: number;
  readonly attention_dropout?: number;
  readonly activation_dropout?: number;
  readonly bos_token_id?: number;
  readonly pad_token_id?: number;
  readonly eos_token_id?: number;
  readonly decoder_start_token_id?: number;
  readonly langs?: readonly unknown[];
}

const advice = 'Name a folder that "save_pretrained" of Hugging Face\'s transformers wrote.';
const names = {
  count: ['d_model', 'encoder_layers', 'decoder_layers', 'encoder_ffn_dim', 'decoder_ffn_dim'],
  heads: ['encoder_attention_heads', 'decoder_attention_heads'],
  ids: ['pad_token_id', 'eos_token_id', 'decoder_start_token_id'],
  rates: ['dropout', 'attention_dropout', 'activation_dropout'],
};
const each = <T>(keys: readonly string[], shape: T): Record<string, T> =>
  Object.fromEntries(keys.map((key) => [key, shape]));

/** @throws DataError naming the field that is not what it should be */
export function readForeignConfig(folder: string): ForeignConfig {
  const path = join(folder, 'config.json');
  const config = readJsonFile<ForeignConfig>(path, {
    what: 'configuration of a model',
    maxBytes: 2 ** 20,
    advice,
    shape: jsonObject({
      model_type: jsonText,
      ...each([...names.count, ...names.heads, ...names.ids], jsonOptional(jsonCount)),
      ...each(names.rates, jsonOptional(jsonNumber)),
      activation_function: jsonOptional(jsonText),
      scale_embedding: jsonOptional(jsonBoolean),
    }),
  });
  return config;
}

/** A number that a model needs. @throws DataError if the configuration lacks it */
export function required(folder: string, config: ForeignConfig, key: keyof ForeignConfig & string): number {
  const value = config[key];
  if (typeof value === 'number') return value;
  throw new DataError(`${join(folder, 'config.json')}: ${key} is missing. ${advice}`);
}
