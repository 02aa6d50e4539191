import { html } from '../report/html/html.js';
import { htmlPage } from '../report/html/htmlPage.js';
import { translateFormStyle } from '../report/html/translateFormStyle.js';

export interface DemoFacts {
  /** Names of the languages. */
  readonly source: string;
  readonly target: string;
  /** Of the exported weights, as Transformers.js names it. */
  readonly dtype: string;
  /** Tokens of the longest translation. */
  readonly maxNewTokens: number;
  /** Whether the user must type text that is tokenised already. */
  readonly takesTokens: boolean;
  /** Whether steps of the text come before and after the model: the page finds them in text/. */
  readonly preprocesses: boolean;
}

/** The page of a folder that translates in the browser: next to it are the model, Transformers.js and its runtime. */
export function demoPage({ source, target, dtype, maxNewTokens, takesTokens, preprocesses }: DemoFacts): string {
  const content = html`
    <h1>${source} → ${target}</h1>
    <p class="quiet">
      Translates in this browser; nothing that you write is sent anywhere. One sentence a
      line${takesTokens ? ', tokenised as the training text was' : ''}.
    </p>
    <form id="ask" data-dtype="${dtype}" data-max="${maxNewTokens}" data-text="${preprocesses ? 'text/' : ''}">
      <label for="q">${source}</label>
      <textarea id="q" rows="4"></textarea>
      <p class="row">
        <button type="submit" disabled>Translate</button> <span id="status" class="quiet" role="status"></span>
      </p>
    </form>
    <section id="result" aria-live="polite"></section>
    <p class="quiet">
      Greedy search with ${dtype} weights: the best translations come from <code>coldstart translate</code> and
      <code>coldstart serve</code>.
    </p>
  `;
  return htmlPage(`${source} → ${target}`, content, { style, script, connects: true, loads: true });
}

const style = `${translateFormStyle}
#result p { font-size: 1.2rem; margin: .5rem 0; overflow-wrap: anywhere; min-height: 1.5em }
`;

/** Runs in the reader's browser. */
const script = `
const form = document.getElementById('ask');
const input = document.getElementById('q');
const status = document.getElementById('status');
const result = document.getElementById('result');
const button = form.querySelector('button');
function say(text, isError) {
  status.textContent = text;
  status.className = isError ? 'error' : 'quiet';
}
async function open() {
  const { env, pipeline } = await import('./transformers.min.js');
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = new URL('.', location.href).pathname;
  env.useWasmCache = false; // it would load the runtime from a blob, which the page's policy forbids
  env.backends.onnx.wasm.numThreads = 1;
  env.backends.onnx.wasm.wasmPaths = {
    mjs: new URL('runtime/ort-wasm-simd-threaded.mjs', location.href).href,
    wasm: new URL('runtime/ort-wasm-simd-threaded.wasm', location.href).href,
  };
  const [translate, text] = await Promise.all([
    pipeline('translation', 'model', { dtype: form.dataset.dtype, device: 'wasm' }),
    openText(),
  ]);
  return { translate, text };
}
async function openText() {
  if (form.dataset.text === '') return { prepare: (line) => line, finish: (line) => line };
  const folder = new URL(form.dataset.text, location.href).href;
  const { openPageText } = await import(folder + 'text.js');
  return openPageText(folder);
}
say('Loading the model …');
const opened = location.protocol === 'file:'
  ? Promise.reject(new Error('Browsers load no models from files. Serve this folder, e.g. with "npx http-server", and open its address.'))
  : open();
opened.then(
  () => { button.disabled = false; say('Ready.'); },
  (error) => say('The model cannot be loaded: ' + error.message, true),
);
input.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !button.disabled) form.requestSubmit();
});
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (input.value.trim() === '') { say('Write something to translate.', true); input.focus(); return; }
  button.disabled = true;
  say('Translating …');
  const started = performance.now();
  const lines = input.value.split('\\n');
  const shown = lines.map(() => document.createElement('p'));
  result.replaceChildren(...shown);
  try {
    const { translate, text } = await opened;
    for (const [i, line] of lines.entries()) {
      if (line.trim() === '') continue;
      const [{ translation_text: words }] = await translate(text.prepare(line), { max_new_tokens: Number(form.dataset.max) });
      shown[i].textContent = text.finish(words);
      await new Promise((resolve) => setTimeout(resolve)); // the line is shown before the next one is translated
    }
    say(Math.round(performance.now() - started) + ' ms');
  } catch (error) {
    say(error.message, true);
  }
  button.disabled = false;
});
`;
