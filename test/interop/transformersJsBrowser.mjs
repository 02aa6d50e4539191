// transformersJsBrowser.mjs NPM_FOLDER EXPORT DTYPE SOURCE OUTPUT: greedy translations of Transformers.js in headless
// Chromium. A server on 127.0.0.1 gives out the library, ONNX Runtime's WebAssembly and the export; nothing comes from
// elsewhere.
import { createReadStream, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize, resolve } from 'node:path';
import { chromium } from 'playwright-core';
import { browserPath } from './browserPath.mjs';

const [npm, folder, dtype, source, output] = process.argv.slice(2);
const modules = join(resolve(npm), 'node_modules');
const roots = { '/npm/': modules, '/models/export/': resolve(folder) };
const types = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};

const page = `<!doctype html><meta charset="utf-8"><script type="module">
import { env, pipeline } from '/npm/@huggingface/transformers/dist/transformers.min.js';
env.localModelPath = '/models/';
env.allowLocalModels = true;
env.allowRemoteModels = false;
env.useBrowserCache = false;
env.backends.onnx.wasm.wasmPaths = '/npm/onnxruntime-web/dist/';
env.backends.onnx.wasm.numThreads = 1;
window.open_ = async (dtype) => { window.translator = await pipeline('translation', 'export', { dtype, device: 'wasm' }); };
window.translate = async (lines) =>
  (await window.translator(lines, { max_new_tokens: 1300 })).map(({ translation_text }) => translation_text);
window.ready = true;
</script>`;

const server = createServer((request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname));
  if (path === '/') return void response.writeHead(200, { 'content-type': 'text/html' }).end(page);
  const root = Object.keys(roots).find((prefix) => path.startsWith(prefix));
  const file = root && join(roots[root], path.slice(root.length));
  if (!file || !existsSync(file) || !statSync(file).isFile()) return void response.writeHead(404).end();
  response.writeHead(200, {
    'content-type': types[extname(file)] ?? 'application/octet-stream',
    'content-length': statSync(file).size,
  });
  createReadStream(file).pipe(response);
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));

const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu'] });
try {
  const tab = await browser.newPage();
  tab.setDefaultTimeout(0);
  tab.on('pageerror', (error) => console.error(String(error)));
  tab.on('requestfailed', (request) => console.error(`not loaded: ${request.url()}`));
  await tab.goto(`http://127.0.0.1:${server.address().port}/`);
  await tab.waitForFunction('window.ready', undefined, { timeout: 120_000 });
  await tab.evaluate((name) => globalThis.open_(name), dtype);
  const lines = readFileSync(source, 'utf8').replace(/\n$/, '').split('\n');
  const translations = [];
  for (let i = 0; i < lines.length; i += 32)
    translations.push(...(await tab.evaluate((part) => globalThis.translate(part), lines.slice(i, i + 32))));
  writeFileSync(output, translations.map((line) => `${line}\n`).join(''));
} finally {
  await browser.close();
  server.close();
  server.closeAllConnections();
}
