import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chromium } from 'playwright-core';
import type { RunData } from '../../ablation/ablationData.js';
import { ablationMarkdown } from '../text/ablationReport.js';
import { ablationSample } from '../../../test/ablationSample.js';
import { ablationPage } from './ablationPage.js';
import { joinSeeds } from './joinSeeds.js';
import { armColour, runsPage, sortableTable } from './page.js';
import { markMissing } from './htmlPage.js';

const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
const skip = browserPath === undefined && 'no Chromium here (Debian: apt-get install chromium)';
const folder = mkdtempSync(join(tmpdir(), 'coldstart-report-'));
after(() => rmSync(folder, { recursive: true }));

test('seeds are joined: mean, least and greatest at updates that they share; many points become few', () => {
  assert.deepEqual(
    joinSeeds([
      [
        { update: 10, value: 1 },
        { update: 20, value: 4 },
      ],
      [
        { update: 10, value: 3 },
        { update: 20, value: NaN },
      ],
      [{ update: 10, value: null }],
    ]),
    [
      { update: 10, mean: 2, least: 1, greatest: 3, seeds: 2 },
      { update: 20, mean: 4, least: 4, greatest: 4, seeds: 1 },
    ],
  );
  const long = joinSeeds([Array.from({ length: 1000 }, (_, i) => ({ update: i + 1, value: i + 1 }))], 100);
  assert.equal(long.length, 100);
  assert.deepEqual(long[0], { update: 10, mean: 5.5, least: 5.5, greatest: 5.5, seeds: 1 });
});

test('runs that end a little apart end together, so that a mean is always that of the same seeds', () => {
  const [a, b] = [
    [250, 500, 750, 941],
    [250, 500, 750, 950, 960],
  ].map((updates) => updates.map((update) => ({ update, value: update })));
  const joined = joinSeeds([a, b, [{ update: 100, value: 1 }]]); // the third diverged early
  assert.deepEqual(
    joined.map(({ update, seeds }) => [update, seeds]),
    [
      [100, 1],
      [250, 2],
      [500, 2],
      [750, 2],
      [950.5, 2],
    ],
  );
  assert.deepEqual([joined[4].mean, joined[4].least, joined[4].greatest], [950.5, 941, 960]);
});

test('sixteen arms: sixteen colours, a panel of each with the baseline in it, and a map of the grid for each measure', () => {
  assert.equal(new Set(Array.from({ length: 16 }, (_, i) => armColour(i))).size, 16);
  const names = ['warmup', ...Array.from({ length: 15 }, (_, i) => `arm-number-${i}`)];
  const page = ablationPage(ablationSample(names));
  const figure = (title: string): string =>
    page.slice(
      page.indexOf(`<strong>${title}</strong>`),
      page.indexOf('</figure>', page.indexOf(`<strong>${title}</strong>`)),
    );
  const curves = figure('Validation loss');
  for (const name of names) assert.ok(curves.includes(`>${name}<title>`), name);
  assert.match(curves, /Dashed: warmup\./);
  for (const title of ['Last validation loss', 'Test BLEU', 'Diverged or stuck runs'])
    assert.ok(figure(`${title} over train.lr and train.beta2`).includes('>arm-number-14<title>'), title);
  assert.match(figure('Diverged or stuck runs over train.lr and train.beta2'), />2\/2<\/text>/);
  assert.match(figure('Scales learned: arm-number-0'), /fc1\.weight: 0</); // a scale of 0 is shown, not left out
  assert.match(figure('Scales learned: arm-number-0'), /decoder\.layers\.0\.fc1\.weight: -2</);
});

test('the page holds every number and nothing from elsewhere; names cannot inject markup', () => {
  const page = ablationPage(ablationSample());
  for (const text of [
    '31.50 ± 0.50',
    '−10.00 ± 0.00',
    'Gradient variance by layer',
    'Relative gradient variance by layer',
    'lower in seeds',
    'Scales learned',
    'a <u>cat</u>',
    'train.warmupInitLr: -1',
  ])
    assert.ok(page.includes(text), text);
  assert.ok(!page.replace(/="[^"]*"/g, '').includes('<b>warmup')); // in the value of an attribute it is text
  const hostile = ablationSample(['<i>base</i>', ...Array.from({ length: 7 }, (_, i) => `<i>arm ${i}</i>`)]);
  const learned = hostile.runs.map((run) =>
    run.learned
      ? {
          ...run,
          learned: {
            ...run.learned,
            tensors: run.learned.tensors.map((tensor) => ({ ...tensor, name: `<i>${tensor.name}</i>` })),
          },
        }
      : run,
  );
  const other = ablationPage({ ...hostile, name: '<i>name</i>', runs: learned, baseline: '<i>base</i>' });
  assert.ok(!other.replace(/="[^"]*"/g, '').includes('<i>'));
  // of the second arm's layer as drawn: variance 2^2 by the squared norm of the mean, 2^2
  assert.match(page, /encoder embeddings, as drawn: 1<\/title>/);
  const addresses = (page.match(/(?:https?:)?\/\/[\w.]+/g) ?? []).filter(
    (address) => !address.endsWith('//www.w3.org'),
  );
  assert.deepEqual(addresses, []);
});

test('translations of validation sentences during training, of each arm by its first run', () => {
  const page = ablationPage(ablationSample());
  const section = page.slice(page.indexOf('Translations during training'));
  const blocks = section.split('<summary>').slice(1, 3);
  assert.match(blocks[0], /^<span class="key c0"><\/span>warmup, seed 1<\/summary>/);
  const rows = [...blocks[0].matchAll(/<th>(.*?)<\/th>\s*<td>(.*?)<\/td>/g)].map(([, head, text]) => [head, text]);
  assert.deepEqual(rows, [
    ['source', '&#60;i&#62;source&#60;/i&#62;'],
    ['reference', 'a b'],
    ['update 10', 'a &#60;<u>i</u>&#62;<u>at</u> <u>10</u>&#60;/<u>i</u>&#62;'],
    ['update 20', 'a &#60;<u>i</u>&#62;<u>at</u> <u>20</u>&#60;/<u>i</u>&#62;'],
  ]);
});

test('words are marked that no reference has, and those beyond the times that one has them', () => {
  assert.equal(
    markMissing('The the cat & the dog', ['the <dog> and the mouse', 'a dog dog']).toString(),
    'The the <u>cat</u> &#38; <u>the</u> dog',
  );
});

test(
  'in a browser, wide and narrow: no label is cut or leaves the page, however long the names are',
  { skip },
  async () => {
    const long = 'a-very-long-name-of-an-arm-with-every-setting-in-it-lr-0.001-beta2-0.98-warmup-4000';
    const file = join(folder, 'long.html');
    const sample = ablationSample(['warmup', long, ...Array.from({ length: 10 }, (_, i) => `arm ${i}`)]);
    const text = 'a'.repeat(200); // as untrained models write
    const samples = [{ line: 1, src: text, ref: text, hyps: { [sample.runs[0].key]: text } }];
    writeFileSync(file, ablationPage({ ...sample, samples }));
    const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu'] });
    try {
      for (const width of [1280, 390]) {
        const page = await browser.newPage({ viewport: { width, height: 900 } });
        await page.goto(`file://${file}`);
        const [pageWidth, outside, labels] = (await page.evaluate(`(() => {
        const labels = [...document.querySelectorAll('figure svg text')].filter((label) => label.getBoundingClientRect().width > 0);
        const isOutside = (label) => {
          const { left, right } = label.getBoundingClientRect();
          const chart = label.closest('svg').getBoundingClientRect();
          return left < chart.left - 1 || right > chart.right + 1;
        };
        return [document.documentElement.scrollWidth, labels.filter(isOutside).map((label) => label.textContent), labels.length];
      })()`)) as [number, string[], number];
        assert.equal(pageWidth, width);
        assert.deepEqual(outside, []);
        assert.ok(labels > 100, `${labels} labels`);
        assert.ok(
          (await page.locator('tbody tr').allInnerTexts()).some((row) => row.replaceAll('\n', '').includes(long)),
        );
        await page.close();
      }
    } finally {
      await browser.close();
    }
  },
);

test('an ablation whose runs all failed has their reasons in place of empty tables', () => {
  const sample = ablationSample();
  const failures = ['disk <full>', 'no\nmemory'];
  const runs = sample.runs.map((run, i): RunData => {
    const { scores: _, ...rest } = run;
    return { ...rest, valid: [], train: [], state: 'failed', failure: failures[Math.min(i, 1)] };
  });
  const data = { ...sample, runs, samples: [] };
  const page = ablationPage(data);
  assert.match(page, /<strong>0 complete so far, 16 failed<\/strong>/);
  assert.match(
    page,
    /<h2>Results<\/h2>\s*<p>All runs failed, so there are no results\. The same command tries them again\.<\/p>/,
  );
  assert.ok(!page.includes('Validation and cost'));
  assert.match(
    page,
    /<h3>Why runs failed<\/h3>\s*<ul>\s*<li class="anywhere"><strong>0\/0\.001,0\.9\/seed-1<\/strong>: disk &#60;full&#62;<\/li>/,
  );
  assert.equal(page.match(/no\nmemory<\/li>/g)?.length, 1); // once for all runs with this reason
  assert.match(
    ablationMarkdown(data),
    /\n- 0\/0\.001,0\.9\/seed-1 failed: disk <full>\n- 0\/\S+, .* failed: no memory$/,
  );
});

test('in a browser: columns of times and of probabilities sort by size', { skip }, async () => {
  const file = join(folder, 'times.html');
  const times = ['3m46s', '49s', '', '1h02m', '0.5s', '12m'];
  writeFileSync(
    file,
    runsPage(
      'times',
      sortableTable(
        ['arm', 'time', 'p'],
        times.map((time, i) => [`arm ${i}`, time, ['0.010', '<0.001', '', '0.500', '1.000', '−2.5'][i]]),
      ),
    ),
  );
  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const page = await browser.newPage();
    await page.goto(`file://${file}`);
    const column = (i: number): Promise<string[]> => page.locator(`tbody tr td:nth-child(${i})`).allInnerTexts();
    await page.locator('th button').nth(1).click();
    assert.deepEqual(await column(2), ['1h02m', '12m', '3m46s', '49s', '0.5s', '']);
    await page.locator('th button').nth(2).click();
    await page.locator('th button').nth(2).click();
    assert.deepEqual(await column(3), ['−2.5', '<0.001', '0.010', '0.500', '1.000', '']);
    assert.equal(await page.locator('th').nth(2).getAttribute('aria-sort'), 'ascending');
  } finally {
    await browser.close();
  }
});

test(
  'in a browser: tables sort, a legend singles out an arm, charts are drawn, nothing is wider than a phone',
  { skip },
  async () => {
    const file = join(folder, 'report.html');
    writeFileSync(file, ablationPage(ablationSample()));
    const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu'] });
    try {
      const page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
      const problems: string[] = [];
      page.on('pageerror', (error) => problems.push(error.message));
      page.on('request', (request) => {
        if (!request.url().startsWith('file:')) problems.push(request.url());
      });
      await page.goto(`file://${file}`);
      const firstArm = (): Promise<string> =>
        page.locator('table.sortable').first().locator('tbody tr td').first().innerText();
      const bleuHead = page.locator('table.sortable').first().locator('th button', { hasText: 'test BLEU' }).first();
      await bleuHead.click();
      assert.match(await firstArm(), /^warmup/); // descending
      await bleuHead.click();
      assert.match(await firstArm(), /^no <b>/);
      assert.ok((await page.locator('figure svg:visible path').count()) > 20);
      assert.match((await page.locator('figure svg title').first().textContent()) ?? '', /seed 1: 31\.00/);

      await page.locator('.legend button').nth(1).click();
      const faded = await page.locator('[data-arm].faded').count();
      assert.ok(faded > 0 && faded < (await page.locator('svg [data-arm]').count()));
      await page.locator('.legend button').nth(1).click();
      assert.equal(await page.locator('.faded').count(), 0);

      await page.setViewportSize({ width: 390, height: 800 });
      assert.ok(
        await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth'),
        'the page scrolls sideways on a phone',
      );
      assert.deepEqual(problems, []);
    } finally {
      await browser.close();
    }
  },
);
