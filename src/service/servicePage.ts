import { html } from '../report/html/html.js';
import { htmlPage } from '../report/html/htmlPage.js';
import { translateFormStyle } from '../report/html/translateFormStyle.js';
import { languageName } from '../report/text/languageName.js';
import type { ServiceOffer } from './translateRequest.js';

/** The number of alternatives that the page requests, if the beam finds that many. */
const alternatives = 3;

/** The page for trying a service. The script shows text only: it makes no markup from answers. */
export function servicePage(offer: ServiceOffer, models: readonly string[], needsKey: boolean): string {
  const { source, target, beam, maxChars } = offer;
  const [from, to] = [languageName(source), languageName(target)];
  const content = html`
    <h1>${from} → ${to}</h1>
    <p class="quiet anywhere">
      ${models.length === 1 ? 'Model' : 'Models, translating together'}: ${models.join(', ')}. One sentence a line.
    </p>
    <form
      id="ask"
      data-source="${source}"
      data-target="${target}"
      data-alternatives="${Math.min(alternatives, beam - 1)}"
    >
      <label for="q">${from}</label>
      <textarea id="q" rows="4" lang="${source}" maxlength="${maxChars}" spellcheck="true"></textarea>
      ${
        needsKey
          ? html`<label for="key">API key</label><input id="key" type="password" autocomplete="current-password" />`
          : undefined
      }
      <p class="row"><button type="submit">Translate</button> <span id="status" class="quiet" role="status"></span></p>
    </form>
    <section id="result" aria-live="polite" lang="${target}"></section>
    <p id="hint" class="quiet" hidden>
      Point at a word of the translation, or tap it, to see which words of the source it attends to. Paler words are
      less certain.
    </p>
    <p class="quiet">
      For programs: <code>POST /translate</code> and <code>GET /languages</code> as LibreTranslate has them,
      <code>/health</code>, <code>/metrics</code>.
    </p>
  `;
  return htmlPage(`${from} → ${to}`, content, { style, script, connects: true });
}

const style = `${translateFormStyle}
.line { border-top: 1px solid var(--line); padding: .8rem 0 }
.best { font-size: 1.2rem; margin: 0 0 .5rem; overflow-wrap: anywhere }
.tokens { display: flex; flex-wrap: wrap; gap: .15rem .25rem; margin: .25rem 0 }
.tokens > b { flex: none; width: 5.5rem; font-weight: 600; font-size: .87rem; color: var(--quiet); padding-top: .15rem }
.tokens > div { display: flex; flex-wrap: wrap; gap: .15rem .25rem; flex: 1; min-width: 0 }
.token { font: inherit; font-size: .93rem; color: inherit; background: none; border: 1px solid var(--line); border-radius: 5px; padding: .1rem .35rem; max-width: 100%; overflow-wrap: anywhere; text-align: left }
button.token { cursor: pointer }
button.token.chosen { border-color: var(--s1); box-shadow: 0 0 0 1px var(--s1) }
.others { margin: .5rem 0 0; padding-left: 1.2rem; overflow-wrap: anywhere } .others span { color: var(--quiet); font-size: .87rem; margin-left: .5rem; white-space: nowrap }
@media (max-width: 36rem) { .tokens { display: block } .tokens > b { display: block; padding: 0 } }
`;

/** Runs in the reader's browser. */
const script = `
const form = document.getElementById('ask');
const input = document.getElementById('q');
const key = document.getElementById('key');
const status = document.getElementById('status');
const result = document.getElementById('result');
const hint = document.getElementById('hint');
const button = form.querySelector('button');
function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
function say(text, isError) {
  status.textContent = text;
  status.className = isError ? 'error' : 'quiet';
}
input.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (input.value.trim() === '') { say('Write something to translate.', true); input.focus(); return; }
  button.disabled = true;
  say('Translating …');
  const started = performance.now();
  try {
    const { source, target, alternatives } = form.dataset;
    const response = await fetch('/translate', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ q: input.value, source, target, alternatives: Number(alternatives), details: true, api_key: key ? key.value : undefined }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    result.replaceChildren(...answer.details.map((line) => lineElement(line)));
    hint.hidden = !answer.details.some((line) => line.nbest[0].tokens.length > 1);
    say(Math.round(performance.now() - started) + ' ms');
  } catch (error) {
    say(error instanceof TypeError ? 'The service cannot be reached.' : error.message, true);
  }
  button.disabled = false;
});
function lineElement({ sourceTokens, nbest }) {
  const line = element('div', 'line');
  const [best, ...others] = nbest;
  line.append(element('p', 'best', best.text));
  if (best.tokens.length > 1) {
    const sources = sourceTokens.map((text) => element('span', 'token', text));
    const targets = best.tokens.map(({ text, logProbability }, t) => {
      const token = element('button', 'token', text);
      token.type = 'button';
      token.title = (100 * Math.exp(logProbability)).toFixed(1) + ' % probable';
      token.style.opacity = String(0.6 + 0.4 * Math.exp(logProbability));
      const show = () => {
        for (const other of targets) other.classList.toggle('chosen', other === token);
        best.attention[t].forEach((share, s) => { sources[s].style.backgroundColor = 'rgb(31 111 209 / ' + Math.round(80 * share) + '%)'; });
      };
      for (const name of ['mouseenter', 'focus', 'click']) token.addEventListener(name, show);
      return token;
    });
    line.append(tokensElement('Source', sources), tokensElement('Translation', targets));
  }
  const texts = new Set([best.text]);
  const different = others.filter(({ text }) => !texts.has(text) && texts.add(text));
  if (different.length > 0) {
    const list = element('ol', 'others');
    list.start = 2;
    for (const { text, score } of different) {
      const item = element('li', '', text);
      item.append(element('span', '', score.toFixed(2)));
      list.append(item);
    }
    line.append(list);
  }
  return line;
}
function tokensElement(name, tokens) {
  const row = element('div', 'tokens');
  const list = element('div');
  list.append(...tokens);
  row.append(element('b', '', name), list);
  return row;
}
`;
