import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { writeReversingRun } from '../../test/reversingRun.js';
import { openExportedModel } from '../export/exportedModel.js';
import { checkDemoFolder, findTransformers, writeDemo, type DemoOptions } from './writeDemo.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-demo-'));
after(() => rmSync(folder, { recursive: true }));

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};
const transformers = join(folder, 'node_modules/@huggingface/transformers');
const options: DemoOptions = {
  out: join(folder, 'demo'),
  dtype: 'q8',
  transformers,
  source: 'German',
  target: '<b>Dutch',
  takesTokens: false,
};

describe('demo', () => {
  before(() => {
    write(
      'node_modules/@huggingface/transformers/package.json',
      '{"name":"@huggingface/transformers","version":"4.3.2"}',
    );
    write('node_modules/@huggingface/transformers/LICENSE', 'licence');
    write('node_modules/@huggingface/transformers/dist/transformers.min.js', 'library');
    write('node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.mjs', 'runtime');
    write('node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm', 'wasm');
    writeReversingRun(join(folder, 'words'), { preprocess: false });
    writeReversingRun(join(folder, 'moses'));
    for (const run of ['words', 'moses'])
      write(`${run}/run.json`, JSON.stringify({ program: 'coldstart', corpus: {}, startedAt: '2026-01-01T00:00:00Z' }));
  });

  test('a folder with the model, the library, its runtime, and a page that loads nothing from elsewhere', async () => {
    await writeDemo(await openExportedModel({ run: join(folder, 'words') }), options);
    assert.deepEqual(readdirSync(options.out).sort(), [
      'coldstart-demo.json',
      'index.html',
      'model',
      'runtime',
      'transformers.min.js',
      'transformers.min.js.LICENSE',
    ]);
    assert.deepEqual(readdirSync(join(options.out, 'model/onnx')).sort(), [
      'decoder_model_merged_quantized.onnx',
      'encoder_model_quantized.onnx',
    ]);
    assert.equal(readFileSync(join(options.out, 'runtime/ort-wasm-simd-threaded.wasm'), 'utf8'), 'wasm');
    const page = readFileSync(join(options.out, 'index.html'), 'utf8');
    assert.match(page, /<h1>German → &#60;b&#62;Dutch<\/h1>/);
    assert.match(page, /data-dtype="q8" data-max="1239"/); // 1.2 x 1024 + 10 tokens, and the end
    assert.match(
      page,
      /script-src &#39;sha256-[^;]+&#39; &#39;self&#39; &#39;wasm-unsafe-eval&#39;; img-src data:; connect-src &#39;self&#39;/,
    );
    assert.doesNotMatch(page, /https?:\/\//);
  });

  test('a model of preprocessed text needs an explicit option', async () => {
    const model = await openExportedModel({ run: join(folder, 'moses') });
    const out = join(folder, 'tokens');
    await assert.rejects(
      writeDemo(model, { ...options, out }),
      /^UsageError: the model's text is preprocessed \(tokenize, truecase\), which the page cannot do\. Use "coldstart serve", or --tokenized for a page that takes and gives preprocessed text\. A model of raw text needs no such steps: prepare its corpus without them, with corpus\.subwords\.method sentencepiece\.$/,
    );
    assert.equal(existsSync(out), false);
    await writeDemo(model, { ...options, out, takesTokens: true });
    assert.match(readFileSync(join(out, 'index.html'), 'utf8'), /tokenised as the training text was/);
  });

  test('an earlier demo is replaced with --force, and nothing else', async () => {
    const model = await openExportedModel({ run: join(folder, 'words') });
    assert.throws(() => checkDemoFolder(options.out), {
      code: 'FILE_EXISTS',
      message: `${options.out} holds a demo already. Replace it with --force, or choose another folder with --out.`,
    });
    checkDemoFolder(options.out, { force: true });
    await writeDemo(model, { ...options, dtype: 'fp16' });
    assert.deepEqual(readdirSync(join(options.out, 'model/onnx')).length, 2);
    for (const force of [false, true])
      assert.throws(() => checkDemoFolder(transformers, { force }), {
        code: 'FILE_EXISTS',
        message: `${transformers} is not empty and holds no demo. Choose another folder with --out, or empty it first.`,
      });
    // an export of the user's, with other files next to it, is no demo
    write('site/model/coldstart.json', '{}');
    write('site/thesis.txt', 'mine');
    assert.throws(() => checkDemoFolder(join(folder, 'site'), { force: true }), { code: 'FILE_EXISTS' });
    checkDemoFolder(join(folder, 'new'));
  });

  test('Transformers.js is found in a folder or above it; missing files are named', async () => {
    mkdirSync(join(folder, 'a/b'), { recursive: true });
    assert.equal(findTransformers(join(folder, 'a/b')), transformers);
    assert.throws(
      () => findTransformers('/'),
      /Transformers\.js is not installed here\. Run "npm install @huggingface/,
    );
    const model = await openExportedModel({ run: join(folder, 'words') });
    const out = join(folder, 'other');
    rmSync(join(folder, 'node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm'));
    await assert.rejects(writeDemo(model, { ...options, out }), /ort-wasm-simd-threaded\.wasm does not exist/);
    write(
      'node_modules/@huggingface/transformers/package.json',
      '{"name":"@huggingface/transformers","version":"3.8.1"}',
    );
    await assert.rejects(writeDemo(model, { ...options, out }), /is Transformers\.js 3\.8\.1, expected 4\./);
    assert.equal(existsSync(out), false);
  });
});
