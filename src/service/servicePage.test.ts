import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chromium } from 'playwright-core';
import { wordOf, writeReversingRun } from '../../test/reversingRun.js';
import { startService } from './service.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-page-'));
after(() => rmSync(folder, { recursive: true }));

const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
const skip = browserPath === undefined && 'no Chromium here (Debian: apt-get install chromium)';

test('the page translates, shows attention and alternatives, and treats every text as text', { skip }, async () => {
  const hostile = '<img/src=x/onerror=document.title=1>';
  const run = writeReversingRun(join(folder, 'run'), {
    words: (id) => (id === 39 ? hostile : wordOf(id)),
    preprocess: false,
  });
  const service = await startService({
    models: [run],
    backend: 'wasm',
    windowMs: 1,
    host: '127.0.0.1',
    port: 0,
    maxChars: 2000,
    maxQueue: 8,
    timeout: 30,
  });
  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(service.url);
    assert.equal(await page.title(), 'German → Dutch');
    await page.click('button[type=submit]');
    assert.equal(await page.textContent('#status'), 'Write something to translate.');
    await page.fill('#q', `${hostile} , w37 w25 w70 w87 w6 .\n\nw36`);
    await page.keyboard.press('Control+Enter');
    await page.waitForSelector('.line');
    assert.deepEqual(await page.locator('.line').count(), 3);
    const shown = await page.textContent('.best >> nth=0');
    assert.ok(shown!.startsWith('w6 w87 w70') && shown!.endsWith(hostile), shown!);
    assert.equal(await page.locator('.line >> nth=1 >> .token').count(), 0); // an empty line has nothing to point at
    assert.equal(await page.locator('img').count(), 0);
    assert.ok((await page.locator('.others >> nth=0 >> li').count()) >= 1);
    const targets = page.locator('.line >> nth=0 >> button.token');
    await targets.first().hover();
    const shares = await page.locator('.line >> nth=0 >> span.token').evaluateAll((tokens) =>
      tokens.map((token) => {
        const colour = (token as unknown as { style: { backgroundColor: string } }).style.backgroundColor;
        return Number(/([\d.]+)\)$/.exec(colour)?.[1] ?? 0);
      }),
    );
    assert.equal(shares.length, 9);
    assert.equal(shares.indexOf(Math.max(...shares)), 6, shares.join(' ')); // w6 is the seventh word of the source
    assert.match((await targets.first().getAttribute('title'))!, /^\d+\.\d % probable$/);
    assert.ok(
      await page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth'),
      'it scrolls sideways',
    );
    assert.equal(await page.title(), 'German → Dutch');
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
    await service.stop();
  }
});
