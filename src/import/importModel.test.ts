import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { sampleParameters } from '../../test/exportSample.js';
import type { ModelConfig } from '../model/config.js';
import { sinusoidalPositions } from '../model/positions.js';
import { writeSafetensors, type WrittenTensor } from '../storage/safetensors.js';
import { openTextPipeline } from '../text/textPipeline.js';
import { readCheckpoint } from '../train/checkpoint.js';
import { importModel } from './importModel.js';

const home = mkdtempSync(join(tmpdir(), 'coldstart-import-'));
after(() => rmSync(home, { recursive: true }));

const special = ['<s>', '<pad>', '</s>', '<unk>'];
const srcTokens = [...special, 'a', 'b', 'ab</w>', 'a</w>', 'b</w>'];
const trgTokens = [...special, 'b</w>', 'a', 'ab</w>', 'a</w>', 'b', 'c</w>'];
const model: ModelConfig = {
  srcVocabSize: srcTokens.length,
  trgVocabSize: trgTokens.length,
  dModel: 8,
  dFf: 12,
  numHeads: 2,
  numEncoderLayers: 1,
  numDecoderLayers: 2,
  sharing: 'none',
  layerNormEps: 1e-5,
  dropout: 0.1,
  attentionDropout: 0,
  reluDropout: 0,
};

interface Changes {
  readonly config?: Record<string, unknown>;
  readonly tensors?: Record<string, WrittenTensor | undefined>;
  readonly model?: ModelConfig;
}

let count = 0;

/** A folder of an FSMT model with FSMT's own tokenizer files. */
function foreignFolder({ config = {}, tensors = {}, model: shape = model }: Changes = {}): string {
  const folder = join(home, `foreign-${count++}`);
  mkdirSync(folder);
  const own = {
    model_type: 'fsmt',
    langs: ['en', 'de'],
    d_model: 8,
    encoder_layers: 1,
    decoder_layers: 2,
    encoder_attention_heads: 2,
    decoder_attention_heads: 2,
    encoder_ffn_dim: 12,
    decoder_ffn_dim: 12,
    ...config,
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(own));
  const all = new Map<string, WrittenTensor>(
    [...sampleParameters(shape)].map(([name, { shape: s, data }]) => [
      `model.${name}`,
      { dtype: 'F32', shape: s, data },
    ]),
  );
  for (const [name, tensor] of Object.entries(tensors))
    if (tensor === undefined) all.delete(name);
    else all.set(name, tensor);
  writeSafetensors(join(folder, 'model.safetensors'), all, { metadata: { format: 'pt' } });
  const ids = (tokens: readonly string[]): string => JSON.stringify(Object.fromEntries(tokens.map((t, id) => [t, id])));
  writeFileSync(join(folder, 'vocab-src.json'), ids(srcTokens));
  writeFileSync(join(folder, 'vocab-tgt.json'), ids(trgTokens));
  writeFileSync(join(folder, 'merges.txt'), 'a b</w> 17\n');
  return folder;
}

const outFolder = (): string => join(home, `out-${count++}`);
const positions = (first: number, change = 0): WrittenTensor => {
  const data = new Float32Array((first + 5) * 8);
  data.set(sinusoidalPositions(5, 8), first * 8);
  data[first * 8 + 9] += change;
  return { dtype: 'F32', shape: [first + 5, 8], data };
};

describe('FSMT', () => {
  test('parameters are taken as they are; text is cut and joined as its tokenizer does it', async () => {
    const table = positions(2);
    const folder = foreignFolder({
      tensors: { 'model.encoder.embed_positions.weight': table, 'model.decoder.embed_positions.weight': table },
    });
    const out = outFolder();
    const { checkpoint, notes } = await importModel(folder, out);
    assert.equal(checkpoint, join(out, 'model.safetensors'));
    assert.match(notes[0], /except that full-width punctuation is left as it is/);
    const { config, params } = readCheckpoint(checkpoint);
    assert.deepEqual(config, model);
    for (const [name, { data }] of sampleParameters(model)) assert.deepEqual(params.get(name)!.data, data, name);
    const text = await openTextPipeline(join(out, 'text'));
    assert.deepEqual(
      (await text.encodeSources(['ab, x', 'ba'])).map((ids) => [...ids]),
      [
        [6, 3, 3, 2],
        [5, 7, 2],
      ],
    );
    assert.equal(text.decodeTarget([5, 4, 6, 9, 2]), 'ab ab c');
    await text.close();
    const record = JSON.parse(readFileSync(join(out, 'import.json'), 'utf8')) as Record<string, unknown>;
    assert.deepEqual([record.format, record.kind], ['coldstart import', 'fsmt']);
    assert.ok(!existsSync(join(out, 'text', 'merges.txt.part')));
  });

  test('an uncased model makes its text small first', async () => {
    const folder = foreignFolder({});
    const out = outFolder();
    writeFileSync(join(folder, 'tokenizer_config.json'), '{ "do_lower_case": true, "langs": ["de", "en"] }');
    await importModel(folder, out);
    const text = await openTextPipeline(join(out, 'text'));
    assert.deepEqual([...(await text.encodeSources(['AB, X']))[0]], [6, 3, 3, 2]);
    await text.close();
    writeFileSync(join(folder, 'tokenizer_config.json'), '{ "do_lower_case": "yes" }');
    await assert.rejects(importModel(folder, outFolder()), /do_lower_case is "yes", expected true or false/);
  });

  test('sharing follows from the matrices: one is stored, two are equal, or all differ', async () => {
    const { data, shape } = sampleParameters({ ...model, sharing: 'none' }).get('decoder.embed_tokens.weight')!;
    const same: WrittenTensor = { dtype: 'F32', shape, data };
    const output = 'model.decoder.output_projection.weight';
    const sharingOf = async (tensors: Changes['tensors']): Promise<string> =>
      (await importModel(foreignFolder({ tensors }), outFolder())).model.sharing;
    assert.equal(await sharingOf({}), 'none');
    assert.equal(await sharingOf({ [output]: same }), 'decoder-tied');
    const folder = foreignFolder({ tensors: { [output]: undefined, 'model.encoder.embed_tokens.weight': undefined } });
    writeFileSync(join(folder, 'vocab-src.json'), readFileSync(join(folder, 'vocab-tgt.json')));
    assert.equal((await importModel(folder, outFolder())).model.sharing, 'tied');
  });

  test('16-bit floats are read as the numbers they are', async () => {
    const name = 'model.decoder.layers.1.fc1.bias';
    const bits = [0x3c00, 0xc000, 0x3555, 0x0001, 0x8000, 0x7bff, 0, 0, 0, 0, 0, 0];
    const folder = foreignFolder({ tensors: { [name]: { dtype: 'F16', shape: [12], data: Uint16Array.from(bits) } } });
    const { checkpoint } = await importModel(folder, outFolder());
    assert.deepEqual(
      [...readCheckpoint(checkpoint).params.get('decoder.layers.1.fc1.bias')!.data.subarray(0, 6)],
      [1, -2, 0.333251953125, 2 ** -24, -0, 65504],
    );
    // the same bytes as bfloat16: the upper halves of float32
    const path = join(folder, 'model.safetensors');
    const bytes = readFileSync(path);
    const end = 8 + Number(bytes.readBigUInt64LE());
    const json = bytes.toString('utf8', 8, end).trimEnd().replace('"F16"', '"BF16"');
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    writeFileSync(path, Buffer.concat([length, Buffer.from(json), bytes.subarray(end)]));
    const { checkpoint: other } = await importModel(folder, outFolder());
    assert.deepEqual(
      [...readCheckpoint(other).params.get('decoder.layers.1.fc1.bias')!.data.subarray(0, 2)],
      [2 ** -7, -2],
    );
  });

  test('what computes something else is rejected with every reason', async () => {
    const refuse = async (changes: Changes, ...reasons: RegExp[]): Promise<void> => {
      const out = outFolder();
      const failed = await importModel(foreignFolder(changes), out).then(
        () => undefined,
        (error: Error & { code: string }) => error,
      );
      assert.equal(failed?.code, 'USAGE');
      assert.match(failed!.message, /coldstart cannot compute what the model in \S+ computes:\n/);
      for (const reason of reasons) assert.match(failed!.message, reason);
      assert.ok(!existsSync(out));
    };
    await refuse(
      { config: { activation_function: 'gelu', scale_embedding: false, decoder_attention_heads: 4, eos_token_id: 0 } },
      /activation_function is gelu: feed-forward layers here have ReLU/,
      /scale_embedding is false: embeddings here are multiplied by sqrt\(d_model\)/,
      /decoder_attention_heads is 4: encoder_attention_heads is 2, and both stacks here have the same/,
      /eos_token_id is 0: <\/s> here is 2/,
    );
    await refuse(
      { tensors: { 'model.encoder.embed_positions.weight': positions(2, 0.01) } },
      /model\.encoder\.embed_positions\.weight is not fairseq's table of positions/,
    );
  });

  test('weights that do not fit their config.json are named', async () => {
    const refuse = (changes: Changes, message: RegExp): Promise<void> =>
      assert.rejects(importModel(foreignFolder(changes), outFolder()), { code: 'DATA', message });
    const bias: WrittenTensor = { dtype: 'F32', shape: [3], data: new Float32Array(3) };
    await refuse(
      { tensors: { 'model.decoder.layers.0.fc1.bias': bias } },
      /fc1\.bias" has shape \[3\], config\.json and the other tensors call for \[12\]/,
    );
    await refuse(
      { tensors: { 'model.decoder.layers.0.fc1.bias': undefined } },
      /has no tensor "model\.decoder\.layers\.0\.fc1\.bias"/,
    );
    await refuse(
      { tensors: { 'model.extra': bias } },
      /holds a tensor "model\.extra" that a model of its config\.json does not have/,
    );
    await refuse(
      {
        tensors: {
          'model.decoder.layers.0.fc2.bias': { dtype: 'F32', shape: [8], data: new Float32Array(8).fill(NaN) },
        },
      },
      /fc2\.bias" holds NaN at 0/,
    );
    await refuse({ config: { d_model: undefined } }, /config\.json: d_model is missing/);
    await refuse({ config: { d_model: 'x' } }, /d_model is "x", expected an integer/);
  });
});

test('Marian: every reason why such models are something else here', async () => {
  const zeros: WrittenTensor = { dtype: 'F32', shape: [1, 10], data: new Float32Array(10).fill(0.5) };
  const folder = foreignFolder({
    config: {
      model_type: 'marian',
      activation_function: 'swish',
      scale_embedding: true,
      eos_token_id: 0,
      pad_token_id: 9,
      decoder_start_token_id: 9,
    },
    tensors: { final_logits_bias: zeros },
  });
  await assert.rejects(importModel(folder, outFolder()), (error: Error) => {
    for (const reason of [
      /activation_function is swish/,
      /eos_token_id is 0/,
      /pad_token_id is 9: <pad> here is 1/,
      /decoder_start_token_id is 9: translations here start from <\/s>, which is 2/,
      /final_logits_bias is not zero: the output projection here has no bias/,
      /encoder\.embed_positions\.weight is not stored, and Marian's own positions have other frequencies and start at 0, here at 2/,
    ])
      assert.match(error.message, reason);
    return true;
  });
});

test("a Marian model that computes the same is taken: fairseq's positions are stored", async () => {
  const folder = foreignFolder({
    config: {
      model_type: 'marian',
      activation_function: 'relu',
      scale_embedding: true,
      eos_token_id: 2,
      pad_token_id: 1,
    },
    tensors: {
      final_logits_bias: { dtype: 'F32', shape: [1, 10], data: new Float32Array(10) },
      'model.encoder.embed_positions.weight': positions(0),
      'model.decoder.embed_positions.weight': positions(0),
    },
  });
  const { model: found } = await importModel(folder, outFolder());
  assert.deepEqual(found, model);
});

test('values that no model here has are named as the file names them', async () => {
  for (const [config, message] of [
    [
      { encoder_attention_heads: 3, decoder_attention_heads: 3 },
      /config\.json: d_model is 8, expected a multiple of encoder_attention_heads \(3\)\./,
    ],
    [{ dropout: 1.5 }, /config\.json: dropout is 1\.5, expected a number from 0 to 0\.99/],
    [{ activation_dropout: 2 }, /config\.json: activation_dropout is 2, expected/],
    [{ encoder_layers: 0 }, /config\.json: encoder_layers is 0, expected/],
  ] as const)
    await assert.rejects(importModel(foreignFolder({ config }), outFolder()), (error: Error) => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /model\.(dModel|numHeads|dropout|reluDropout|numEncoderLayers)/);
      return true;
    });
});

test('embeddings of another shape are named before anything is written', async () => {
  const embedding = (shape: number[]): Record<string, WrittenTensor> => ({
    'model.encoder.embed_tokens.weight': { dtype: 'F32', shape, data: new Float32Array(72) },
  });
  const output = { dtype: 'F32', shape: [9, 8], data: new Float32Array(72) } as const;
  for (const [tensors, message] of [
    [embedding([18, 4]), /encoder\.embed_tokens\.weight" has shape \[18,4\], config\.json .* call for \[18,8\]/],
    [embedding([72]), /encoder\.embed_tokens\.weight" has shape \[72\], config\.json .* call for \[72,8\]/],
    [
      { 'model.decoder.output_projection.weight': output },
      /output_projection\.weight" has shape \[9,8\], config\.json .* call for \[10,8\]/,
    ],
  ] as const) {
    const out = outFolder();
    await assert.rejects(importModel(foreignFolder({ tensors }), out), message);
    assert.ok(!existsSync(out));
  }
});

test('a tokenizer that cannot be used is found by the import, not by the first translation', async () => {
  const vocab = Object.fromEntries(srcTokens.map((token, id) => [token, id]));
  for (const [changed, message] of [
    [null, /tokenizer\.json: model\.vocab is no list of tokens/],
    [{ ...vocab, 'a\nb': 5 }, /tokenizer\.json: the token of id 5 is "a\\nb", expected a text of one line/],
    [{ ...vocab, x: 'y' }, /its "vocab" holds something else than tokens with ids or scores/],
  ] as const) {
    const folder = foreignFolder();
    writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify({ model: { type: 'BPE', vocab: changed } }));
    const out = outFolder();
    await assert.rejects(importModel(folder, out), message);
    assert.ok(!existsSync(out));
  }
});

test('files that cannot be read: pickles, parts, other models, wrong special tokens', async () => {
  const pickle = foreignFolder();
  renameSync(join(pickle, 'model.safetensors'), join(pickle, 'pytorch_model.bin'));
  await assert.rejects(importModel(pickle, outFolder()), {
    code: 'USAGE',
    message:
      /a pickle: reading one runs whatever code is in it, so it is not read\. .*sys\.argv\[2\]\)' \S+ \S+-safetensors/,
  });
  writeFileSync(join(pickle, 'model.safetensors.index.json'), '{}');
  await assert.rejects(importModel(pickle, outFolder()), { message: /divided into several files, .*max_shard_size/ });
  await assert.rejects(importModel(foreignFolder({ config: { model_type: 't5' } }), outFolder()), {
    message: /model_type is "t5", expected fsmt or marian/,
  });
  const tokens = foreignFolder();
  writeFileSync(join(tokens, 'vocab-tgt.json'), '{"<pad>":0,"<s>":1,"</s>":2,"<unk>":3}');
  await assert.rejects(importModel(tokens, outFolder()), {
    message:
      /vocab-tgt\.json: id 0 is "<pad>", expected <s>: special tokens here are <s>, <pad>, <\/s>, <unk>, from 0\./,
  });
  rmSync(join(tokens, 'vocab-tgt.json'));
  await assert.rejects(importModel(tokens, outFolder()), { message: /neither tokenizer\.json nor vocab-tgt\.json/ });
  const huge = foreignFolder();
  const header = Buffer.alloc(9, '{');
  header.writeBigUInt64LE(2n ** 60n);
  writeFileSync(join(huge, 'model.safetensors'), header);
  await assert.rejects(importModel(huge, outFolder()), { message: /its header claims \d+ bytes, at most 100000000/ });
});
