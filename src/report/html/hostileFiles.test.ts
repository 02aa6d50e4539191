import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseHTML } from 'linkedom';
import { chromium } from 'playwright-core';
import { gatherAblation } from '../../ablation/gatherAblation.js';
import { ColdstartError } from '../../errors.js';
import { changed, placesOf, withoutChecksum, type Path } from '../../../test/jsonMutations.js';
import { readRunFile } from '../../../test/runFileReaders.js';
import { makeRealAblation } from '../../../test/realAblation.js';
import { ablationPage } from './ablationPage.js';
import { codeElement, html, svgMarkup, type SvgNode } from './html.js';
import { htmlPage } from './htmlPage.js';

const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
const folder = mkdtempSync(join(tmpdir(), 'coldstart-hostile-'));
const ablation = join(folder, 'ablation');
before(() => makeRealAblation(folder));
after(() => rmSync(folder, { recursive: true }));

/** Closes a title, an attribute, a style sheet and a script; requests a picture that does not exist. */
const attack =
  '"\'`--></title></style></script><hostile-tag><img src=x onerror="window.attacked=1"><svg onload=window.attacked=1>';

/** Every element of the page must come from coldstart. */
function checkPage(page: string, what: string): void {
  const { document } = parseHTML(page);
  for (const name of ['hostile-tag', 'img', 'iframe', 'object', 'embed', 'a', 'form', 'base', 'foreignObject'])
    assert.equal(document.querySelectorAll(name).length, 0, `${what}: <${name}>`);
  assert.equal(document.querySelectorAll('script').length, 1, `${what}: one script`);
  assert.equal(document.querySelectorAll('style').length, 1, `${what}: one style sheet`);
  for (const element of document.querySelectorAll('*'))
    for (const { name } of element.attributes)
      assert.ok(!/^on|^style$|^(xlink:)?href$|^src/.test(name) || element.localName === 'link', `${what}: ${name}`);
}

/** Paths to every text, number and other leaf of a JSON document. */
const places = (document: unknown): Path[] =>
  placesOf(document).filter((path) => {
    const value = path.reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], document);
    return typeof value !== 'object' || value === null;
  });

const files = (): string[] =>
  readdirSync(ablation, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(json|jsonl|yaml|hyp|src|ref)$/.test(name),
  );

/** Whether something can be read; otherwise the user gets a message. */
function isAccepted(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    assert.ok(error instanceof ColdstartError, (error as Error).stack);
    return false;
  }
}

/** A text with one of its values changed: JSON, lines of JSON, YAML, or lines of text. */
type Change = (text: string) => string;

/** The file as earlier versions wrote it: without checksums, which would make every change an error. */
function withoutRecords(name: string, text: string): string {
  if (!name.endsWith('scores.json')) return text.replace(/^# CRC-32 of.*\n/m, '');
  const { files: _, ...scores } = withoutChecksum(text) as Record<string, unknown>;
  return JSON.stringify(scores);
}

/** Changes of every value of a file, one each. */
function changesOf(name: string, text: string): Change[] {
  const inJson = (json: string, place: Path): string => JSON.stringify(changed(withoutChecksum(json), place, attack));
  if (name.endsWith('.json')) return places(withoutChecksum(text)).map((place) => (json) => inJson(json, place));
  const inLine =
    (i: number, change: Change): Change =>
    (all) =>
      all
        .split('\n')
        .map((line, at) => (at === i ? change(line) : line))
        .join('\n');
  const lines = text.trimEnd().split('\n');
  if (name.endsWith('.jsonl')) {
    const kinds = lines.map((line) => (JSON.parse(line) as { event: string }).event);
    return lines.flatMap((line, i) =>
      // lines of one kind are read in the same way
      kinds.indexOf(kinds[i]) === i
        ? places(withoutChecksum(line)).map((place) => inLine(i, (json) => inJson(json, place)))
        : [],
    );
  }
  if (name.endsWith('.yaml'))
    return lines.flatMap((line, i) =>
      /: \S/.test(line) ? [inLine(i, (setting) => setting.replace(/: .*/, () => `: ${JSON.stringify(attack)}`))] : [],
    );
  return [(all) => all.replace(/^.*$/gm, () => attack)];
}

test('every field of every file that a report reads: hostile text stays text', () => {
  const attackedFiles = new Set<string>();
  const read = (): ReturnType<typeof gatherAblation> => gatherAblation(ablation, { bootstrapSamples: 0 });
  /** Shows a page in which every readable value of these files is hostile at once. */
  const attempt = (names: readonly string[]): void => {
    const originals = names.map((name) => readFileSync(join(ablation, name), 'utf8'));
    try {
      names.forEach((name, n) => {
        const path = join(ablation, name);
        const original = withoutRecords(name, originals[n]);
        const accepted = changesOf(name, original).filter((change) => {
          writeFileSync(path, change(original));
          return isAccepted(() => readRunFile(path));
        });
        // each may be readable by itself, but not all together
        let text = original;
        for (const change of accepted) {
          writeFileSync(path, change(text));
          if (isAccepted(() => readRunFile(path))) text = change(text);
        }
        writeFileSync(path, text);
        if (!isAccepted(read)) writeFileSync(path, originals[n]);
        else if (text.includes('hostile')) attackedFiles.add(name.replace(/.*\//, ''));
      });
      const page = ablationPage(read());
      assert.ok(page.includes('hostile'), names.join(', '));
      checkPage(page, names.join(', '));
    } finally {
      names.forEach((name, n) => writeFileSync(join(ablation, name), originals[n]));
    }
  };
  const ownFiles = files().filter((name) => name.startsWith('gradinit-adam/') && !name.includes('/text/'));
  attempt(ownFiles.filter((name) => !/test\.|scores/.test(name)));
  const scores = ownFiles.filter((name) => name.endsWith('scores.json'));
  attempt([...scores, ...ownFiles.filter((name) => /test\.(src|ref|hyp)$/.test(name))]);
  attempt(['plan.json']);
  for (const name of ['scores.json', 'run.json', 'test.hyp', 'plan.json', 'config.yaml'])
    assert.ok(attackedFiles.has(name), `${name} is shown: ${[...attackedFiles].join(', ')}`);
});

test('names of arms and of folders are text', () => {
  const dir = join(folder, '<img src=x onerror=window.attacked=1>');
  cpSync(ablation, dir, { recursive: true });
  const page = ablationPage(gatherAblation(dir, { bootstrapSamples: 0 }));
  assert.match(page, /<h1>&#60;img src=x onerror=window\.attacked=1&#62;<\/h1>/);
  checkPage(page, 'name of the folder');
});

test('templates: inserted values are text, in content, in attributes and in lists; markup stays markup', () => {
  assert.equal(
    html`<p title="${'"><b>'}">${['<i>', html`<u>${'&'}</u>`, 1, undefined]}</p>`.toString(),
    '<p title="&#34;&#62;&#60;b&#62;">&#60;i&#62;<u>&#38;</u>1</p>',
  );
  const forged = { markup: '<b>', toString: () => '<b>' };
  assert.equal(html`${forged as never}`.toString(), '&#60;b&#62;'); // only this module makes markup
  assert.throws(() => codeElement('script', 'a = "</script>"'), /must not contain the beginning of a tag/);
  const { document } = parseHTML(
    '<svg onload="x()" style="fill:url(http://x)" class="a&quot;b"><script>x()</script><a href="javascript:x()"><path d="M0"/></a><text>&lt;b&gt;</text><foreignObject></foreignObject></svg>',
  );
  assert.equal(
    svgMarkup(document.querySelector('svg') as unknown as SvgNode).toString(),
    '<svg class="a&#34;b"><text>&#60;b&#62;</text></svg>',
  );
});

test(
  'in a browser: the policy stops a script, a handler, a style and a picture that got into the page all the same',
  { skip: browserPath === undefined && 'no Chromium here (Debian: apt-get install chromium)' },
  async () => {
    const page = htmlPage(
      'page',
      html`<p id="shown">text</p>
        <div class="bar"><svg class="fill s1" width="50%"></svg></div>`,
      {
        script: 'window.own = 1;',
      },
    );
    const intruders =
      '<img src="data:image/png;base64,x" onerror="window.attacked=1"><script>window.attacked=2</script><script src="http://127.0.0.1:9/x.js"></script><p id="styled" style="color:red">x</p><style>#shown{color:red}</style>';
    const file = join(folder, 'page.html');
    writeFileSync(
      file,
      page.replace('</main>', () => `${intruders}</main>`),
    );
    const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu'] });
    try {
      const tab = await browser.newPage();
      const requests: string[] = [];
      tab.on('requestfinished', (request) => requests.push(request.url()));
      await tab.goto(`file://${file}`);
      assert.equal(await tab.evaluate('window.own'), 1);
      assert.equal(await tab.evaluate('window.attacked'), undefined);
      const colour = (id: string): Promise<unknown> => tab.evaluate(`getComputedStyle(${id}).color`);
      assert.notEqual(await colour('shown'), 'rgb(255, 0, 0)');
      assert.notEqual(await colour('styled'), 'rgb(255, 0, 0)');
      const [bar, fill] = (await tab.evaluate(
        `['.bar', '.fill'].map((name) => document.querySelector(name).getBoundingClientRect().width)`,
      )) as number[];
      assert.ok(Math.abs(fill - bar / 2) < 1, `a bar of half the width: ${fill} of ${bar}`);
      assert.ok(
        requests.every((url) => url.startsWith('file:') || url.startsWith('data:')),
        requests.join(),
      );
    } finally {
      await browser.close();
    }
  },
);
