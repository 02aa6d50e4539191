import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { sampleModel } from '../../../test/exportSample.js';
import { deepNorm } from '../../model/residual.js';
import { sinusoidalPositions } from '../../model/positions.js';
import type { ExportedModel, ExportedTensor } from '../exportedModel.js';
import { checkExportable } from '../exportModel.js';
import { ctranslate2 } from './ctranslate2.js';

const home = mkdtempSync(join(tmpdir(), 'coldstart-ct2-'));
after(() => rmSync(home, { recursive: true }));

interface Read {
  readonly type: number;
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

/** Aligned, unlike the file's. */
const ownBuffer = ({ bytes }: Read): ArrayBuffer => Uint8Array.from(bytes).buffer;

/** model.bin, read by its layout. */
function readModelBin(path: string) {
  const bytes = readFileSync(path);
  let at = 0;
  const uint32 = (): number => bytes.readUInt32LE((at += 4) - 4);
  const text = (): string => {
    const length = bytes.readUInt16LE(at);
    at += 2 + length;
    assert.equal(bytes[at - 1], 0);
    return bytes.toString('utf8', at - length, at - 1);
  };
  const header = [uint32(), text(), uint32()];
  const variables = new Map<string, Read>();
  for (let left = uint32(); left > 0; left--) {
    const name = text();
    const shape = Array.from({ length: bytes[at++] }, uint32);
    const type = bytes[at++];
    const size = uint32();
    variables.set(name, { type, shape, bytes: bytes.subarray(at, (at += size)) });
  }
  const aliases = new Map<string, string>();
  for (let left = uint32(); left > 0; left--) aliases.set(text(), text());
  assert.equal(at, bytes.length);
  const get = (name: string): Read => variables.get(aliases.get(name) ?? name)!;
  const floats = (name: string): Float32Array => new Float32Array(ownBuffer(get(name)));
  return { header, variables, aliases, get, floats };
}

async function exported(model: ExportedModel, dtype = 'float32') {
  const folder = mkdtempSync(join(home, 'export-'));
  await ctranslate2.write(model, { folder, dtypes: [dtype] });
  const json = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as unknown;
  return { folder, json, ...readModelBin(join(folder, 'model.bin')) };
}

const dataOf = ({ parameters }: ExportedModel, ...names: string[]): Float32Array =>
  Float32Array.from(names.flatMap((name) => [...parameters.get(name)!.data]));

const withParameter = (
  model: ExportedModel,
  name: string,
  data: (old: Float32Array) => Float32Array,
): ExportedModel => {
  const { shape, data: old } = model.parameters.get(name)!;
  const parameters = new Map<string, ExportedTensor>([...model.parameters, [name, { shape, data: data(old) }]]);
  return { ...model, parameters };
};

describe('files', () => {
  test('a joint vocabulary is one file, separate ones are two; settings are those of the model', async () => {
    const { folder, json, header } = await exported(sampleModel('joint', { layerNormEps: 1e-3 }));
    assert.deepEqual(header, [6, 'TransformerSpec', 7]);
    assert.deepEqual(readdirSync(folder).sort(), [
      'config.json',
      'model.bin',
      'shared_vocabulary.json',
      'tokenizer.json',
    ]);
    assert.deepEqual(json('config.json'), {
      add_source_bos: false,
      add_source_eos: true,
      bos_token: '<s>',
      decoder_start_token: '</s>',
      eos_token: '</s>',
      layer_norm_epsilon: 1e-3,
      multi_query_attention: false,
      unk_token: '<unk>',
    });
    const { src, trg } = sampleModel('joint').text.vocabularies;
    assert.deepEqual(json('shared_vocabulary.json'), src.tokens);
    const separate = await exported(sampleModel('separate'));
    assert.deepEqual(readdirSync(separate.folder).sort(), [
      'config.json',
      'model.bin',
      'source_tokenizer.json',
      'source_vocabulary.json',
      'target_tokenizer.json',
      'target_vocabulary.json',
    ]);
    assert.notDeepEqual(separate.json('source_vocabulary.json'), separate.json('target_vocabulary.json'));
    assert.equal(trg.size, src.size);
  });

  test('the card shows how to load the folder', () => {
    const { library, usage } = ctranslate2.card(sampleModel(), ['int8'], 'name');
    assert.equal(library, 'ctranslate2');
    assert.match(usage, /Tokenizer\.from_file\(f"\{folder\}\/tokenizer\.json"\)[^]*beam_size=5, length_penalty=1/);
    assert.match(ctranslate2.card(sampleModel('separate'), ['int8'], 'name').usage, /\/target_tokenizer\.json/);
  });
});

describe('variables', () => {
  test('post-LN: projections of one input are one matrix, tables and projection are what sharing says', async () => {
    for (const [kind, sharing] of [
      ['joint', 'tied'],
      ['separate', 'decoder-tied'],
      ['separate', 'none'],
    ] as const) {
      const model = sampleModel(kind, { sharing });
      const { get, floats, aliases, variables } = await exported(model);
      const layer = 'decoder.layers.0';
      const attention = (name: string, ...kinds: string[]): string[] =>
        kinds.map((each) => `${layer}.${name}.${each}_proj`);
      const expected: [string, string[]][] = [
        ['self_attention/linear_0', attention('self_attn', 'q', 'k', 'v')],
        ['self_attention/linear_1', attention('self_attn', 'out')],
        ['attention/linear_0', attention('encoder_attn', 'q')],
        ['attention/linear_1', attention('encoder_attn', 'k', 'v')],
        ['attention/linear_2', attention('encoder_attn', 'out')],
        ['ffn/linear_0', [`${layer}.fc1`]],
        ['ffn/linear_1', [`${layer}.fc2`]],
      ];
      for (const [name, layers] of expected)
        for (const part of ['weight', 'bias'])
          assert.deepEqual(
            floats(`decoder/layer_0/${name}/${part}`),
            dataOf(model, ...layers.map((each) => `${each}.${part}`)),
            name,
          );
      assert.deepEqual(get('decoder/layer_0/self_attention/linear_0/weight').shape, [24, 8]);
      assert.deepEqual(
        floats('encoder/layer_1/ffn/layer_norm/gamma'),
        dataOf(model, 'encoder.layers.1.final_layer_norm.weight'),
      );
      assert.deepEqual(
        floats('decoder/layer_0/attention/layer_norm/beta'),
        dataOf(model, `${layer}.encoder_attn_layer_norm.bias`),
      );
      const table = sharing === 'tied' ? 'encoder.embed_tokens.weight' : 'decoder.embed_tokens.weight';
      assert.deepEqual(floats('encoder/embeddings_0/weight'), dataOf(model, 'encoder.embed_tokens.weight'));
      assert.deepEqual(floats('decoder/embeddings/weight'), dataOf(model, table));
      assert.deepEqual(
        floats('decoder/projection/weight'),
        dataOf(model, sharing === 'none' ? 'decoder.output_projection.weight' : table),
      );
      assert.equal(aliases.has('encoder/embeddings_0/weight'), sharing === 'tied');
      assert.equal(aliases.has('decoder/projection/weight'), sharing !== 'none');
      assert.equal(aliases.get('encoder/position_encodings/encodings'), 'decoder/position_encodings/encodings');
      assert.deepEqual(floats('decoder/position_encodings/encodings'), sinusoidalPositions(2048, 8));
      const scalars = [...variables].filter(([, { shape }]) => shape.length === 0);
      assert.deepEqual(
        Object.fromEntries(scalars.map(([name, { bytes }]) => [name, bytes.readIntLE(0, bytes.length)])),
        {
          'decoder/activation': 0,
          'decoder/alibi': 0,
          'decoder/alibi_use_positive_positions': 0,
          'decoder/alignment_heads': 1,
          'decoder/alignment_layer': -1,
          'decoder/num_heads': 2,
          'decoder/pre_norm': 0,
          'decoder/scale_alibi': 0,
          'decoder/scale_embeddings': 1,
          'decoder/start_from_zero_embedding': 0,
          'encoder/activation': 0,
          'encoder/embeddings_merge': 0,
          'encoder/multi_query_attention': 0,
          'encoder/num_heads': 2,
          'encoder/pre_norm': 0,
          'encoder/scale_embeddings': 1,
        },
      );
    }
  });

  test('pre-LN: the flag, and the layer norm after each stack', async () => {
    const model = sampleModel('joint', { residual: 'pre-ln' });
    const { get, floats } = await exported(model);
    for (const stack of ['encoder', 'decoder']) {
      assert.equal(get(`${stack}/pre_norm`).bytes[0], 1);
      assert.deepEqual(floats(`${stack}/layer_norm/gamma`), dataOf(model, `${stack}.layer_norm.weight`));
    }
  });

  test('DeepNorm: its constant goes into scale and positions; the table stays that of the projection', async () => {
    const model = sampleModel('joint', { residual: 'deepnorm' });
    const { get, floats, aliases } = await exported(model);
    const constants = deepNorm(model.config);
    for (const stack of ['encoder', 'decoder'] as const) {
      const alpha = Math.fround(constants[stack].alpha);
      const { type, bytes } = get(`${stack}/scale_embeddings`);
      assert.deepEqual([type, bytes.readFloatLE(0)], [0, Math.fround(Math.sqrt(8) * alpha)]);
      assert.deepEqual(
        floats(`${stack}/position_encodings/encodings`),
        sinusoidalPositions(2048, 8).map((value) => value * alpha),
      );
    }
    assert.equal(aliases.get('encoder/embeddings_0/weight'), 'decoder/embeddings/weight');
    assert.equal(aliases.get('decoder/projection/weight'), 'decoder/embeddings/weight');
  });

  test('Admin: the first scale of a stack goes into its table and positions; the projection stays', async () => {
    const model = sampleModel('joint', { residual: 'admin' });
    const { floats } = await exported(model);
    const scale = dataOf(model, 'encoder.layers.0.self_attn_residual_scale.weight');
    const table = dataOf(model, 'encoder.embed_tokens.weight');
    assert.deepEqual(
      floats('encoder/embeddings_0/weight'),
      table.map((value, i) => value * scale[i % 8]),
    );
    assert.deepEqual(floats('decoder/projection/weight'), table);
    assert.deepEqual(
      floats('encoder/position_encodings/encodings'),
      sinusoidalPositions(2048, 8).map((value, i) => value * scale[i % 8]),
    );
  });

  test('int8: rows of matrices with their scales, the rest as it is; a row of zeros', async () => {
    const name = 'decoder.layers.0.fc1.weight';
    const model = withParameter(sampleModel(), name, (old) => old.slice().fill(0, 0, 8));
    const { get, floats, aliases, variables } = await exported(model, 'int8');
    const to = 'decoder/layer_0/ffn/linear_0/weight';
    const scales = floats(`${to}_scale`);
    const values = new Int8Array(ownBuffer(get(to)));
    const matrix = dataOf(model, name);
    assert.deepEqual([get(to).type, get(to).shape, scales.length, scales[0]], [1, [12, 8], 12, 1]);
    for (let row = 0; row < 12; row++) {
      const largest = Math.max(...matrix.subarray(row * 8, row * 8 + 8).map(Math.abs));
      if (row > 0) assert.equal(scales[row], Math.fround(127 / largest));
      for (let i = row * 8; i < row * 8 + 8; i++)
        assert.ok(
          Math.abs(values[i] - matrix[i] * scales[row]) <= 0.5 + 1e-4,
          `${values[i]} ${matrix[i] * scales[row]}`,
        );
    }
    assert.deepEqual(floats('decoder/layer_0/ffn/linear_0/bias'), dataOf(model, 'decoder.layers.0.fc1.bias'));
    assert.deepEqual(floats('decoder/position_encodings/encodings'), sinusoidalPositions(2048, 8));
    assert.equal(aliases.get('decoder/projection/weight'), 'decoder/embeddings/weight');
    assert.ok(!variables.has('decoder/projection/weight_scale') && variables.has('decoder/embeddings/weight_scale'));
  });

  test('float16: the nearest value, ties to even, and an error for what does not fit', async () => {
    const name = 'decoder.layers.0.fc1.bias';
    const written = [1, -2, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65504, 2 ** -24, 2 ** -25, 3 * 2 ** -25, 1e-9, 0, 0.1, -0];
    const model = withParameter(sampleModel(), name, () => Float32Array.from(written));
    const { get } = await exported(model, 'float16');
    const read = get('decoder/layer_0/ffn/linear_0/bias');
    assert.equal(read.type, 4);
    assert.deepEqual(
      [...new Uint16Array(ownBuffer(read))],
      [0x3c00, 0xc000, 0x3c00, 0x3c02, 0x7bff, 1, 0, 2, 0, 0, 0x2e66, 0x8000],
    );
    await assert.rejects(
      exported(
        withParameter(model, name, (old) => old.slice().fill(65520)),
        'float16',
      ),
      {
        message:
          'tensor decoder/layer_0/ffn/linear_0/bias holds 65520, and the largest 16-bit float is 65504. Export it with another --dtype.',
      },
    );
  });
});

test('refuses models that the format cannot hold, with the reason', () => {
  assert.throws(() => checkExportable(sampleModel('joint', { residual: 'none' }), ctranslate2, ['float32']), {
    code: 'USAGE',
    message:
      /^--format ctranslate2 cannot hold this model: model\.residual is none, and CTranslate2 adds a residual only/,
  });
  const name = 'decoder.layers.0.encoder_attn_residual_scale.weight';
  const tiny = withParameter(sampleModel('joint', { residual: 'admin' }), name, (old) => old.slice().fill(0, 3, 4));
  assert.throws(() => checkExportable(tiny, ctranslate2, ['float32']), {
    message:
      /its residual scale decoder\.layers\.0\.encoder_attn_residual_scale\.weight\[3\] is 0, and weights must be/,
  });
  for (const residual of ['post-ln', 'pre-ln', 'admin', 'deepnorm'] as const)
    checkExportable(sampleModel('joint', { residual }), ctranslate2, ['float32']);
});
