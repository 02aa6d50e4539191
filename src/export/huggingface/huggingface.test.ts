import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { sampleModel } from '../../../test/exportSample.js';
import type { ModelConfig } from '../../model/config.js';
import { sinusoidalPositions } from '../../model/positions.js';
import { deepNorm } from '../../model/residual.js';
import { readSafetensors } from '../../storage/safetensors.js';
import type { ExportedModel } from '../exportedModel.js';
import { checkExportable } from '../exportModel.js';
import { huggingface } from './huggingface.js';

const home = mkdtempSync(join(tmpdir(), 'coldstart-hf-'));
after(() => rmSync(home, { recursive: true }));

async function exported(model: ExportedModel) {
  const folder = mkdtempSync(join(home, 'export-'));
  await huggingface.write(model, { folder, dtypes: ['float32'] });
  const json = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>;
  const { tensors, metadata } = readSafetensors(join(folder, 'model.safetensors'));
  return { folder, json, tensors, metadata, data: (name: string) => tensors.get(name)?.data };
}

const dataOf = ({ parameters }: ExportedModel, name: string): Float32Array => parameters.get(name)!.data;

describe('files', () => {
  test('a joint vocabulary: one tokenizer, one matrix', async () => {
    const model = sampleModel();
    const { folder, json, tensors, metadata } = await exported(model);
    assert.deepEqual(readdirSync(folder).sort(), [
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    assert.deepEqual(json('config.json'), {
      model_type: 'fsmt',
      architectures: ['FSMTForConditionalGeneration'],
      is_encoder_decoder: true,
      langs: ['src', 'trg'],
      bos_token_id: 0,
      pad_token_id: 1,
      eos_token_id: 2,
      decoder_start_token_id: 2,
      src_vocab_size: 12,
      tgt_vocab_size: 12,
      d_model: 8,
      encoder_layers: 2,
      decoder_layers: 1,
      encoder_attention_heads: 2,
      decoder_attention_heads: 2,
      encoder_ffn_dim: 12,
      decoder_ffn_dim: 12,
      activation_function: 'relu',
      dropout: 0,
      attention_dropout: 0,
      activation_dropout: 0,
      max_position_embeddings: 1024,
      scale_embedding: true,
      tie_word_embeddings: true,
      dtype: 'float32',
    });
    assert.deepEqual(json('generation_config.json'), {
      bos_token_id: 0,
      pad_token_id: 1,
      eos_token_id: 2,
      decoder_start_token_id: 2,
      forced_eos_token_id: 2,
      suppress_tokens: [1],
      begin_suppress_tokens: [2],
      max_length: Math.floor(1.2 * 1024 + 10) + 2,
      num_beams: 5,
      length_penalty: 1,
      early_stopping: true,
    });
    assert.deepEqual(metadata, { format: 'pt' });
    assert.equal(tensors.has('model.encoder.embed_tokens.weight'), false);
    const positions = new Float32Array(1026 * 8);
    positions.set(sinusoidalPositions(1024, 8), 16);
    const expected = new Map([
      ...['encoder', 'decoder'].map((stack): [string, Float32Array] => [
        `model.${stack}.embed_positions.weight`,
        positions,
      ]),
      ...[...model.parameters].map(([name, { data }]): [string, Float32Array] => [
        `model.${name.replace('encoder.embed_tokens', 'decoder.embed_tokens')}`,
        data,
      ]),
    ]);
    assert.deepEqual([...tensors.keys()].sort(), [...expected.keys()].sort());
    for (const [name, { data }] of tensors) assert.deepEqual(data, expected.get(name), name);
  });

  test('two vocabularies: two tokenizers, and matrices as sharing says', async () => {
    for (const sharing of ['decoder-tied', 'none'] as const) {
      const model = sampleModel('separate', { sharing });
      const { folder, json, data } = await exported(model);
      assert.ok(readdirSync(folder).includes('target_tokenizer.json'));
      const { src_vocab_size, tgt_vocab_size, tie_word_embeddings } = json('config.json');
      assert.deepEqual([src_vocab_size, tgt_vocab_size, tie_word_embeddings], [8, 9, false]);
      const output = sharing === 'none' ? 'decoder.output_projection.weight' : 'decoder.embed_tokens.weight';
      assert.deepEqual(data('model.encoder.embed_tokens.weight'), dataOf(model, 'encoder.embed_tokens.weight'));
      assert.deepEqual(data('model.decoder.embed_tokens.weight'), dataOf(model, 'decoder.embed_tokens.weight'));
      assert.deepEqual(data('model.decoder.output_projection.weight'), dataOf(model, output));
      assert.match(huggingface.card(model, ['float32'], 'name').usage, /target_tokenizer\.json/);
    }
  });

  test('float16 is written as such', async () => {
    const folder = mkdtempSync(join(home, 'half-'));
    await huggingface.write(sampleModel(), { folder, dtypes: ['float16'] });
    const bytes = readFileSync(join(folder, 'model.safetensors'));
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE()))) as Record<
      string,
      { dtype: string; shape: number[]; data_offsets: number[] }
    >;
    const { dtype, shape, data_offsets: offsets } = header['model.decoder.embed_tokens.weight'];
    assert.deepEqual([dtype, shape, offsets[1] - offsets[0]], ['F16', [12, 8], 192]);
  });
});

test('Admin and DeepNorm: folded, with tables of positions that are scaled as the tokens are', async () => {
  const positions = sinusoidalPositions(2048, 8);
  for (const residual of ['admin', 'deepnorm'] as const) {
    const model = sampleModel('joint', { residual });
    const { json, data, tensors } = await exported(model);
    assert.equal(json('config.json').tie_word_embeddings, false);
    const table = dataOf(model, 'encoder.embed_tokens.weight');
    for (const stack of ['encoder', 'decoder'] as const) {
      const scale =
        residual === 'admin'
          ? dataOf(model, `${stack}.layers.0.self_attn_residual_scale.weight`)
          : new Float32Array(8).fill(deepNorm(model.config)[stack].alpha);
      const scaled = (values: Float32Array): Float32Array => values.map((value, i) => value * scale[i % 8]);
      assert.deepEqual(data(`model.${stack}.embed_tokens.weight`), scaled(table));
      const stored = data(`model.${stack}.embed_positions.weight`)!;
      assert.equal(stored.length, 2050 * 8);
      assert.deepEqual(stored.subarray(16), scaled(positions)); // the first token has number 2
    }
    assert.deepEqual(data('model.decoder.output_projection.weight'), table);
    assert.ok([...tensors.keys()].every((name) => !name.includes('residual_scale')));
    assert.match(huggingface.card(model, ['float32'], 'name').limits.join(), /at most 2048 tokens/);
  }
});

test('refuses models that FSMT cannot compute, with the reason', () => {
  const refused = (changes: Partial<ModelConfig>, message: RegExp): void =>
    assert.throws(() => checkExportable(sampleModel('joint', changes), huggingface, ['float32']), {
      code: 'USAGE',
      message,
    });
  refused({ residual: 'none' }, /^--format huggingface cannot hold this model: model\.residual is none, and FSMT has/);
  refused({ residual: 'pre-ln' }, /model\.residual is pre-ln, and FSMT has its layer norms after the sublayers\./);
  refused({ layerNormEps: 1e-3 }, /model\.layerNormEps is 0\.001, and FSMT computes with 0\.00001\./);
  for (const residual of ['post-ln', 'deepnorm'] as const)
    checkExportable(sampleModel('joint', { residual }), huggingface, ['float32']);
});
