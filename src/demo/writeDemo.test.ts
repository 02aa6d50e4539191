import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { createPreprocessor } from '../text/preprocessing.js';
import { createPostprocessor, type PreprocessingStep } from '../text/preprocessingSteps.js';
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

  test('the page of a model of preprocessed text does the same steps, or takes tokenised text if asked', async () => {
    const model = await openExportedModel({ run: join(folder, 'moses') });
    const out = join(folder, 'steps');
    await writeDemo(model, { ...options, out });
    assert.match(readFileSync(join(out, 'index.html'), 'utf8'), /data-text="text\/"/);
    assert.deepEqual(readdirSync(join(out, 'text')).sort(), ['steps.json', 'text.js', 'truecase.txt']);
    assert.deepEqual(JSON.parse(readFileSync(join(out, 'text/steps.json'), 'utf8')), {
      src: [
        { step: 'tokenize', language: 'de' },
        { step: 'truecase', model: 'truecase.txt' },
      ],
      trg: [
        { step: 'tokenize', language: 'de' },
        { step: 'truecase', model: 'truecase.txt' },
      ],
    });

    const tokens = join(folder, 'tokens');
    await writeDemo(model, { ...options, out: tokens, takesTokens: true });
    const page = readFileSync(join(tokens, 'index.html'), 'utf8');
    assert.match(page, /tokenised as the training text was/);
    assert.match(page, /data-text=""/);
    assert.ok(!existsSync(join(tokens, 'text')));
  });

  test("the page's script, as a browser gets it, gives the words that training saw and the text that translate gives", async () => {
    const prefixes = join(folder, 'prefixes');
    writeFileSync(prefixes, 'Abk\nNr #NUMERIC_ONLY#\n');
    const truecase = join(folder, 'truecase');
    writeFileSync(truecase, 'das (9/9)\nNATO (3/3)\nanna (1/3) Anna (2)\n');
    const src: PreprocessingStep[] = [
      { step: 'normalize', language: 'de', unicode: 'NFC', punctuation: true, nonPrinting: true },
      { step: 'tokenize', language: 'de', aggressive: true, protectedPatterns: ['\\d+:\\d+'], prefixes },
      { step: 'truecase', model: truecase },
    ];
    const trg: PreprocessingStep[] = [
      { step: 'tokenize', language: 'fr' },
      { step: 'truecase', model: truecase },
    ];
    const model = await openExportedModel({ run: join(folder, 'words') });
    const out = join(folder, 'both');
    await writeDemo({ ...model, text: { ...model.text, preprocessing: { src, trg } } }, { ...options, out });
    const server = createServer((request, response) => {
      const path = join(out, decodeURIComponent(request.url!));
      if (existsSync(path)) response.end(readFileSync(path));
      else response.writeHead(404).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { openPageText } = (await import(join(out, 'text/text.js'))) as {
        openPageText: (folder: string) => Promise<{ prepare(line: string): string; finish(line: string): string }>;
      };
      const page = await openPageText(`${address}/text/`);
      const [prepare, finish] = [createPreprocessor(src), createPostprocessor(trg)];
      assert.equal(
        page.prepare('„Das ist gut“, sagt Nr. 5 um 12:30 Abk. Nato-Staaten & <b>'),
        '&quot; das ist gut &quot; , sagt Nr. 5 um 12:30 Abk. NATO @-@ Staaten &amp; &lt; b &gt;',
      );
      const line = fc.array(
        fc.oneof(
          fc.constantFrom(
            ..."Das|NATO|anna|Nr.|5|12:30|...|a-b|l'eau|\u201e|\u00a0|\u200b|Abk.|.|,|&|<|]|\u00e9".split('|'),
          ),
          fc.string({ unit: 'grapheme', maxLength: 6 }),
        ),
        { maxLength: 12 },
      );
      fc.assert(
        fc.property(line, (words) => {
          const text = words.join(' ').replaceAll(/[\r\n]/g, ' ');
          assert.equal(page.prepare(text), prepare(text));
          assert.equal(page.finish(text), finish(text));
        }),
      );
      rmSync(join(out, 'text/truecase.txt'));
      await assert.rejects(openPageText(`${address}/text/`), /truecase\.txt: 404/);
    } finally {
      server.close();
    }
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
    write('demo/notes.txt', 'mine');
    assert.throws(() => checkDemoFolder(options.out, { force: true }), {
      code: 'FILE_EXISTS',
      message: `${options.out} holds a demo, and also notes.txt, which coldstart-demo.json does not list. Choose another folder with --out, or empty it first.`,
    });
    rmSync(join(options.out, 'notes.txt'));
    write('marked/coldstart-demo.json', '{"dtype":"q8"}');
    assert.throws(() => checkDemoFolder(join(folder, 'marked'), { force: true }), {
      code: 'FILE_EXISTS',
      message: /: format is missing, expected one of "coldstart demo"\. The folder is not known as a demo\./,
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
