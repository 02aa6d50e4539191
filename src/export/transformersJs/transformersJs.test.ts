import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Tokenizer } from '@huggingface/tokenizers';
import { sampleModel, sampleText } from '../../../test/exportSample.js';
import { readOnnx, type ReadGraph, type ReadModel, type ReadTensor } from '../../../test/onnxReader.js';
import { residualSchemes } from '../../model/config.js';
import { deepNorm } from '../../model/residual.js';
import { Vocabulary } from '../../text/vocabulary.js';
import type { ExportedModel } from '../exportedModel.js';
import { largestFile } from '../onnx/modelFile.js';
import { transposed } from '../onnx/tensors.js';
import { jointTokenizer } from './tokenizer.js';
import { transformersJs, writeTransformersJs } from './transformersJs.js';

const home = mkdtempSync(join(tmpdir(), 'coldstart-tfjs-'));
after(() => rmSync(home, { recursive: true }));

/** The files of an export by name, models read. */
async function exported(model: ExportedModel, dtypes: readonly string[], limit = largestFile) {
  const folder = mkdtempSync(join(home, 'export-'));
  await writeTransformersJs(model, { folder, dtypes }, limit);
  const json = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>;
  const onnx = (stem: string, suffix = ''): ReadModel => readOnnx(join(folder, 'onnx', `${stem}${suffix}.onnx`));
  return {
    folder,
    json,
    encoder: (suffix?: string) => onnx('encoder_model', suffix),
    decoder: (suffix?: string) => onnx('decoder_model_merged', suffix),
  };
}

const floats = ({ bytes }: ReadTensor): Float32Array => new Float32Array(bytes.slice().buffer);
const count = (graph: ReadGraph, op: string): number => graph.nodes.filter((node) => node.op === op).length;
const matrixOf = (stack: string, name: string): boolean => name.startsWith(`${stack}.`);

describe('files', () => {
  test('names, settings, special tokens', async () => {
    const { folder, json, encoder, decoder } = await exported(sampleModel(), transformersJs.dtypes);
    assert.deepEqual(readdirSync(folder).sort(), [
      'config.json',
      'generation_config.json',
      'onnx',
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    assert.deepEqual(
      readdirSync(join(folder, 'onnx')).sort(),
      ['', '_fp16', '_q4', '_quantized']
        .flatMap((suffix) => [`decoder_model_merged${suffix}.onnx`, `encoder_model${suffix}.onnx`])
        .sort(),
    );
    assert.deepEqual(json('config.json'), {
      model_type: 'marian',
      architectures: ['MarianMTModel'],
      is_encoder_decoder: true,
      bos_token_id: 0,
      pad_token_id: 1,
      eos_token_id: 2,
      decoder_start_token_id: 2,
      d_model: 8,
      vocab_size: 12,
      encoder_layers: 2,
      decoder_layers: 1,
      encoder_attention_heads: 2,
      decoder_attention_heads: 2,
      encoder_ffn_dim: 12,
      decoder_ffn_dim: 12,
      activation_function: 'relu',
      scale_embedding: true,
    });
    const { decode } = sampleModel();
    assert.deepEqual(json('generation_config.json'), {
      bos_token_id: 0,
      pad_token_id: 1,
      eos_token_id: 2,
      decoder_start_token_id: 2,
      max_length: Math.floor(decode.maxLenA * 1024 + decode.maxLenB) + 2,
      suppress_tokens: [1],
      begin_suppress_tokens: [2],
    });
    assert.equal(json('tokenizer_config.json').tokenizer_class, 'PreTrainedTokenizerFast');
    for (const suffix of ['', '_fp16', '_quantized'])
      for (const { irVersion, opsets } of [encoder(suffix), decoder(suffix)])
        assert.deepEqual([irVersion, opsets], [8, { '': 17 }]);
    assert.deepEqual(decoder('_q4').opsets, { '': 17, 'com.microsoft': 1 });
  });

  test('a dtype that is not the default of Node.js or browsers is named in config.json', async () => {
    const settings = async (...dtypes: string[]): Promise<unknown> =>
      (await exported(sampleModel(), dtypes)).json('config.json')['transformers.js_config'];
    assert.deepEqual(await settings('q8'), { dtype: 'q8' });
    assert.deepEqual(await settings('q4', 'fp16'), { dtype: 'q4' });
    assert.equal(await settings('q8', 'fp32'), undefined);
  });

  test('models beyond the limit have files of constants, and config.json says how many', async () => {
    const { folder, json, decoder } = await exported(sampleModel('joint', { dModel: 64 }), ['fp32'], 60_000);
    const files = (
      json('config.json')['transformers.js_config'] as { use_external_data_format: Record<string, number> }
    ).use_external_data_format;
    const names = readdirSync(join(folder, 'onnx'));
    for (const stem of ['encoder_model.onnx', 'decoder_model_merged.onnx'])
      assert.equal(names.filter((name) => name.startsWith(`${stem}_data`)).length, files[stem], stem);
    assert.ok(files['decoder_model_merged.onnx'] > 1);
    const { external } = decoder().graph.tensors.get('encoder.embed_tokens.weight')!;
    assert.equal(external.length, String(12 * 64 * 4));
  });

  test('an abort leaves the writing', async () => {
    const signal = AbortSignal.abort(new Error('stopped'));
    await assert.rejects(
      transformersJs.write(sampleModel(), { folder: mkdtempSync(join(home, 'x-')), dtypes: ['q8'], signal }),
      /stopped/,
    );
  });
});

describe('graphs', () => {
  for (const residual of residualSchemes) {
    test(`${residual}: every parameter once, as it is, and the nodes of its scheme`, async () => {
      const model = sampleModel('joint', { residual, numDecoderLayers: 3 });
      const files = await exported(model, ['fp32']);
      const graphs = { encoder: files.encoder().graph, decoder: files.decoder().graph };
      const found = new Set<string>();
      for (const [stack, { tensors }] of Object.entries(graphs)) {
        for (const [name, tensor] of tensors) {
          const parameter = model.parameters.get(name);
          if (parameter === undefined) continue;
          found.add(name);
          assert.ok(matrixOf(stack, name) || name === 'encoder.embed_tokens.weight', `${name} in ${stack}`);
          const isLinear = parameter.shape.length === 2 && !name.includes('embed');
          const [rows, columns] = parameter.shape;
          assert.deepEqual(tensor.shape, isLinear ? [columns, rows] : parameter.shape, name);
          assert.deepEqual(floats(tensor), isLinear ? transposed(parameter.data, rows, columns) : parameter.data, name);
        }
      }
      assert.deepEqual([...found].sort(), [...model.parameters.keys()].sort());
      assert.ok(graphs.encoder.tensors.has('encoder.embed_tokens.weight'));
      assert.ok(graphs.decoder.tensors.has('encoder.embed_tokens.weight'));
      // a linear layer per parameter pair, two products of attention in each of 2 + 6
      assert.equal(count(graphs.encoder, 'MatMul'), 2 * (6 + 2));
      const linearOfTwoBranches = 3 * 2;
      assert.equal(count(graphs.decoder, 'MatMul'), 3 * (10 + 4) - linearOfTwoBranches);
      const norms = residual === 'none' ? [0, 0] : residual === 'pre-ln' ? [5, 10] : [4, 9];
      assert.deepEqual(
        [count(graphs.encoder, 'LayerNormalization'), count(graphs.decoder, 'LayerNormalization')],
        norms,
      );
      const epsilon = graphs.encoder.nodes.find(({ op }) => op === 'LayerNormalization')?.attributes.epsilon;
      if (residual !== 'none') assert.equal(epsilon, Math.fround(1e-5));
      const { encoder, decoder } = deepNorm(model.config);
      for (const [graph, { alpha }] of [
        [graphs.encoder, encoder],
        [graphs.decoder, decoder],
      ] as const) {
        const uses = graph.nodes.filter(({ inputs }) => inputs.includes(`float ${alpha}`)).length;
        assert.equal(uses, residual === 'deepnorm' ? norms[graph === graphs.encoder ? 0 : 1] : 0);
        const scales = graph.nodes.filter(({ inputs }) =>
          inputs.some((name) => name.endsWith('residual_scale.weight')),
        );
        assert.equal(scales.length, residual === 'admin' ? norms[graph === graphs.encoder ? 0 : 1] : 0);
      }
    });
  }

  test('pre-LN normalises what keys, values and queries are made of, and what a stack returns', async () => {
    const { encoder } = await exported(sampleModel('joint', { residual: 'pre-ln', numEncoderLayers: 1 }), ['fp32']);
    const { nodes } = encoder().graph;
    const maker = (value: string) => nodes.find(({ outputs }) => outputs.includes(value))!;
    const key = nodes.find(({ inputs }) => inputs.includes('encoder.layers.0.self_attn.k_proj.weight'))!;
    assert.equal(maker(key.inputs[0]).inputs[1], 'encoder.layers.0.self_attn_layer_norm.weight');
    assert.equal(maker(maker('last_hidden_state').inputs[0]).inputs[1], 'encoder.layer_norm.weight');
  });

  test('no 64-bit floats: ONNX Runtime for browsers has none', async () => {
    const files = await exported(sampleModel('separate'), transformersJs.dtypes);
    for (const suffix of ['', '_fp16', '_quantized', '_q4'])
      for (const { graph } of [files.encoder(suffix), files.decoder(suffix)]) {
        assert.deepEqual(
          [...graph.tensors.values()].filter(({ type }) => type === 11),
          [],
        );
        assert.deepEqual(
          graph.nodes.filter(({ op, attributes }) => op === 'Cast' && attributes.to === 11),
          [],
        );
      }
  });

  test("inputs and outputs under Transformers.js's names; what varies has a name, the rest is a number", async () => {
    const { encoder, decoder } = await exported(sampleModel('joint', { numDecoderLayers: 2 }), ['fp32']);
    const shown = (values: ReadGraph['inputs']): string[] =>
      values.map(({ name, type, shape }) => `${name} ${type} ${shape.join(',')}`);
    assert.deepEqual(shown(encoder().graph.inputs), [
      'input_ids 7 batch_size,encoder_sequence_length',
      'attention_mask 7 batch_size,encoder_sequence_length',
    ]);
    assert.deepEqual(shown(encoder().graph.outputs), ['last_hidden_state 1 batch_size,encoder_sequence_length,8']);
    const cache = (prefix: string, layer: number, length: string): string[] =>
      ['decoder.key', 'decoder.value', 'encoder.key', 'encoder.value'].map(
        (name) =>
          `${prefix}.${layer}.${name} 1 batch_size,2,${name.startsWith('d') ? length : 'encoder_sequence_length_out'},4`,
      );
    assert.deepEqual(shown(decoder().graph.inputs), [
      'input_ids 7 batch_size,decoder_sequence_length',
      'encoder_attention_mask 7 batch_size,encoder_sequence_length',
      'encoder_hidden_states 1 batch_size,encoder_sequence_length,8',
      ...[0, 1].flatMap((layer) => cache('past_key_values', layer, 'past_decoder_sequence_length')),
    ]);
    assert.deepEqual(shown(decoder().graph.outputs), [
      'logits 1 batch_size,decoder_sequence_length,12',
      ...[0, 1].flatMap((layer) => cache('present', layer, 'total_decoder_sequence_length')),
    ]);
  });

  test("one If makes the source's keys and values, or passes on those of the cache", async () => {
    const { decoder } = await exported(sampleModel('joint', { numDecoderLayers: 2 }), ['fp32']);
    const { graph } = decoder();
    const [{ attributes, outputs }, ...further] = graph.nodes.filter(({ op }) => op === 'If');
    assert.deepEqual([further.length, outputs.length], [0, 8 / 2]);
    const [make, pass] = [attributes.then_branch as ReadGraph, attributes.else_branch as ReadGraph];
    assert.equal(count(make, 'MatMul'), 4);
    assert.deepEqual(
      pass.nodes.map(({ op, inputs }) => `${op} ${inputs[0]}`),
      [0, 1].flatMap((i) => ['key', 'value'].map((kind) => `Identity past_key_values.${i}.encoder.${kind}`)),
    );
  });

  test('every input of a node is made before it, and every constant is used', async () => {
    for (const kind of ['joint', 'separate'] as const) {
      const files = await exported(sampleModel(kind), transformersJs.dtypes);
      for (const suffix of ['', '_fp16', '_quantized', '_q4'])
        for (const { graph } of [files.encoder(suffix), files.decoder(suffix)]) {
          const used = new Set<string>();
          const check = ({ nodes, inputs, tensors, outputs }: ReadGraph, outer: ReadonlySet<string>): void => {
            const known = new Set([...outer, ...inputs.map(({ name }) => name), ...tensors.keys()]);
            for (const node of nodes) {
              for (const input of node.inputs) {
                assert.ok(known.has(input), `${node.op} reads ${input} before it is made`);
                used.add(input);
              }
              for (const value of Object.values(node.attributes))
                if (typeof value === 'object' && 'nodes' in value) check(value, known);
              for (const output of node.outputs) {
                assert.ok(!known.has(output), `${output} is made twice`);
                known.add(output);
              }
            }
            for (const { name } of outputs) assert.ok(known.has(name), name);
          };
          check(graph, new Set());
          assert.deepEqual(
            [...graph.tensors.keys()].filter((name) => !used.has(name)),
            [],
          );
        }
    }
  });

  test('the rule of the longest translation is that of the run', async () => {
    const model = { ...sampleModel(), decode: { ...sampleModel().decode, maxLenA: 1.3, maxLenB: 7 } };
    const { tensors } = (await exported(model, ['q8'])).decoder('_quantized').graph;
    const longest = new BigInt64Array(tensors.get('longest translations')!.bytes.slice().buffer);
    assert.equal(longest.length, 1025);
    longest.forEach((length, tokens) => assert.equal(Number(length), Math.floor(1.3 * tokens + 7)));
    const only = floats(tensors.get('only 2')!);
    assert.deepEqual([only[2], only.filter((value) => value === Math.fround(-1e9)).length], [0, 11]);
  });
});

describe('dtypes', () => {
  for (const sharing of ['tied', 'decoder-tied', 'none'] as const) {
    test(`${sharing}: 8 bits are within half a scale, and each table is stored once`, async () => {
      const model = sampleModel('joint', { sharing });
      const files = await exported(model, ['q8', 'q4']);
      for (const [stack, suffix] of [
        ['encoder', '_quantized'],
        ['decoder', '_quantized'],
        ['encoder', '_q4'],
        ['decoder', '_q4'],
      ] as const) {
        const { tensors } = files[stack](suffix).graph;
        const output =
          sharing === 'none'
            ? 'decoder.output_projection.weight'
            : sharing === 'tied'
              ? 'encoder.embed_tokens.weight'
              : 'decoder.embed_tokens.weight';
        for (const [name, { shape, data }] of model.parameters) {
          const isTable = name.includes('embed') || name.includes('output_projection');
          if (shape.length === 1 || (suffix === '_q4' && !isTable)) continue;
          const tensor = tensors.get(name);
          const used = isTable
            ? (stack === 'encoder') === (name === 'encoder.embed_tokens.weight') ||
              (name === output && stack === 'decoder')
            : matrixOf(stack, name);
          assert.equal(tensor !== undefined, used, `${name} in ${stack}`);
          if (tensor === undefined) continue;
          const [rows, columns] = shape;
          const isTransposed = !isTable || (name === output && stack === 'decoder');
          assert.deepEqual([tensor.type, tensor.shape], [2, isTransposed ? [columns, rows] : shape], name);
          const values = isTransposed ? transposed(tensor.bytes, columns, rows) : tensor.bytes;
          const scales = floats(tensors.get(`${name}.scales`)!);
          data.forEach((value, i) => {
            const scale = scales[Math.floor(i / columns)];
            assert.ok(Math.abs((values[i] - 128) * scale - value) <= scale * 0.5001, name);
          });
        }
        const matrices = [...tensors.values()].filter(({ type }) => type === 2 && tensors.has('zero point'));
        assert.equal(new Set(matrices.map(({ name }) => name)).size, matrices.length);
      }
    });
  }

  test('4 bits: sizes of MatMulNBits, values within a scale', async () => {
    const model = sampleModel('joint', { dModel: 40, numHeads: 4 });
    const { graph } = (await exported(model, ['q4'])).encoder('_q4');
    const product = graph.nodes.find(({ inputs }) => inputs.includes('encoder.layers.1.fc1.weight'))!;
    assert.deepEqual(
      [product.op, product.domain, product.attributes],
      ['MatMulNBits', 'com.microsoft', { K: 40, N: 12, bits: 4, block_size: 32 }],
    );
    const packed = graph.tensors.get('encoder.layers.1.fc1.weight')!;
    const scales = floats(graph.tensors.get('encoder.layers.1.fc1.weight.scales')!);
    assert.deepEqual([packed.shape, scales.length], [[12, 2, 16], 24]);
    model.parameters.get('encoder.layers.1.fc1.weight')!.data.forEach((value, i) => {
      const [row, column] = [Math.floor(i / 40), i % 40];
      const quartet = (packed.bytes[row * 32 + (column >> 1)] >> (column % 2 === 0 ? 0 : 4)) & 15;
      const scale = scales[row * 2 + (column >> 5)];
      assert.ok(Math.abs((quartet - 8) * scale - value) <= Math.abs(scale) * 1.0001);
    });
  });

  test('16 bits: matrices only, brought to 32 before they are used', async () => {
    const model = sampleModel();
    const { graph } = (await exported(model, ['fp16'])).decoder('_fp16');
    for (const [name, { shape, data }] of model.parameters) {
      const tensor = graph.tensors.get(name);
      if (tensor === undefined) continue;
      assert.equal(tensor.type, shape.length === 2 ? 10 : 1, name);
      if (shape.length === 1) assert.deepEqual(floats(tensor), data);
      else {
        const reader = graph.nodes.filter(({ inputs }) => inputs.includes(name));
        assert.ok(reader.every(({ op, attributes }) => op === 'Cast' && attributes.to === 1));
      }
    }
    // the table that is looked up and projects is brought to 32 bits once
    assert.equal(graph.nodes.filter(({ inputs }) => inputs[0] === 'encoder.embed_tokens.weight').length, 1);
  });
});

describe('two vocabularies in one tokenizer', () => {
  const open = (files: Readonly<Record<string, string>>): Tokenizer =>
    new Tokenizer(JSON.parse(files['tokenizer.json']) as object, JSON.parse(files['tokenizer_config.json']) as object);

  test('source text has the ids of the source, target ids behind them decode as the target', () => {
    const { files, target } = jointTokenizer(sampleText('separate'));
    // 4 special ones and 4 tokens of the source; 5 of the target
    assert.deepEqual(target, { firstOrdinary: 8, size: 13 });
    const tokenizer = open(files);
    assert.deepEqual(tokenizer.encode('ein haus a da@@ s').ids, [4, 5, 3, 6, 7, 2]);
    assert.deepEqual(tokenizer.encode('\ue000a house').ids, [8, 3, 2]);
    assert.equal(tokenizer.decode([8, 9, 10, 11, 12, 2], { skip_special_tokens: true }), 'a house the is');
    assert.equal(tokenizer.decode([0, 2, 2], { skip_special_tokens: true }), '');
  });

  test('whole words, which need no decoder', () => {
    const text = sampleText('separate');
    const words = { method: 'none', joiner: '' } as const;
    const tokenizer = open(jointTokenizer({ ...text, subwords: { src: words, trg: words } }).files);
    assert.equal(tokenizer.decode([8, 9, 12], { skip_special_tokens: true }), 'a house is');
  });

  test('a character for private use that tokens hold is not taken for the mark', () => {
    const text = sampleText('separate');
    const trg = Vocabulary.parse('\ue000 2\nb 1\n', 'trg');
    const { files } = jointTokenizer({ ...text, vocabularies: { ...text.vocabularies, trg } });
    const tokenizer = open(files);
    assert.equal(tokenizer.decode([8, 9], { skip_special_tokens: true }), '\ue000 b');
    assert.deepEqual(tokenizer.encode('\ue001b').ids, [9, 2]);
  });

  test('equal sides keep the tokenizer as it is, and its ids', () => {
    const { files, target } = jointTokenizer(sampleText('joint'));
    assert.deepEqual(target, { firstOrdinary: 4, size: 12 });
    assert.doesNotMatch(files['tokenizer.json'], /[\ue000-\uf8ff]/);
  });

  test('the graph maps ids both ways, and never chooses a token of the source', async () => {
    const model = sampleModel('separate');
    const { decoder, json } = await exported(model, ['fp32']);
    const { graph } = decoder();
    assert.equal(json('config.json').vocab_size, 13);
    assert.deepEqual(graph.outputs[0].shape, ['batch_size', 'decoder_sequence_length', 13]);
    const slices = graph.nodes.filter(({ op }) => op === 'Slice').map(({ inputs }) => inputs.slice(1, 3));
    assert.deepEqual(slices, [
      ['ints 0', 'ints 4'],
      ['ints 4', 'ints 9'],
    ]);
    const gap = graph.nodes.find(({ op }) => op === 'Expand')!;
    assert.equal(gap.inputs[0], 'float -1000000000');
    const shape = graph.nodes.find(({ outputs }) => outputs[0] === gap.inputs[1])!;
    assert.equal(shape.inputs[1], 'ints 4');
    const moved = graph.nodes.find(({ op, inputs }) => op === 'Sub' && inputs[0] === 'input_ids')!;
    assert.equal(moved.inputs[1], 'ints scalar 4');
    assert.deepEqual(
      floats(graph.tensors.get('decoder.output_projection.weight')!),
      model.parameters.get('decoder.output_projection.weight')!.data,
    );
  });
});

test('text that a tokenizer.json cannot hold is refused with the reason', () => {
  const text = sampleText('joint');
  const filtered = { method: 'bpe', codes: 'none', vocabulary: 'none' } as const;
  assert.equal(
    transformersJs.refuse({ ...sampleModel(), text: { ...text, subwords: { src: filtered, trg: filtered } } }, ['q8']),
    'the corpus was segmented with a BPE vocabulary filter, which a tokenizer.json cannot hold. Prepare it without vocabulary and vocabularyThreshold.',
  );
  assert.equal(transformersJs.refuse(sampleModel(), ['q8']), undefined);
});
