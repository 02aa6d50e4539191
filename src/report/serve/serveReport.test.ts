import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chromium } from 'playwright-core';
import { changeConfig, configToYaml, defaultConfig } from '../../config/loadConfig.js';
import { planAblation } from '../../ablation/ablationPlan.js';
import { writePlan } from '../../ablation/planFile.js';
import { writeCompleteRun } from '../../../test/completeRun.js';
import { serveReport } from './serveReport.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-watch-'));
after(() => rmSync(folder, { recursive: true }));

function get(url: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request(url, { headers }, (response) => {
      let body = '';
      response
        .on('data', (chunk) => {
          body += chunk;
        })
        .on('end', () => resolve({ status: response.statusCode!, body }));
    })
      .on('error', reject)
      .end();
  });
}

const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

test(
  'in a browser: the page updates while runs continue; sorting, opened sections and choices stay',
  { skip: browserPath === undefined && 'no Chromium here (Debian: apt-get install chromium)' },
  async () => {
    const dir = join(folder, 'live');
    const plan = planAblation(
      changeConfig(
        defaultConfig(),
        { 'train.maxUpdates': 10, 'ablation.arms': ['warmup', 'no-warmup', 'gi-adam'], 'ablation.baseline': 'warmup' },
        'test',
      ),
      dir,
    );
    const finish = (i: number, bleu: number): void => writeCompleteRun(plan.runs[i], { bleu });
    finish(0, 30);
    finish(1, 20);
    writePlan(dir, plan);
    const server = await serveReport(dir, { port: 0 });
    const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu'] });
    try {
      const page = await browser.newPage();
      const problems: string[] = [];
      page.on('pageerror', (error) => problems.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });
      page.on('request', (request) => {
        if (!request.url().startsWith(server.url) && !request.url().startsWith('data:')) problems.push(request.url());
      });
      await page.goto(server.url);
      const table = page.locator('table.sortable').first();
      await table.locator('th button', { hasText: 'test BLEU' }).click();
      await table.locator('th button', { hasText: 'test BLEU' }).click();
      await page.locator('.legend button').nth(1).click();
      await page.locator('details').first().locator('summary').click();
      assert.match(await page.locator('main > p').first().innerText(), /3 runs, 2 complete so far/);
      finish(2, 25);
      await page.locator('main > p', { hasText: '3 arms, 3 runs. Baseline' }).waitFor();
      assert.deepEqual(await table.locator('tbody tr td:first-child').allInnerTexts(), [
        'no-warmup',
        'gi-adam',
        'warmup',
      ]);
      assert.equal(await page.locator('.legend button[aria-pressed=true]').innerText(), 'no-warmup');
      assert.equal(await page.locator('details').first().getAttribute('open'), '');
      assert.deepEqual(problems, []);
    } finally {
      await browser.close();
      await server.close();
    }
  },
);

test('a file that is damaged while the page is watched is named, and the next request is answered', async () => {
  const dir = join(folder, 'damaged');
  const plan = planAblation(
    changeConfig(defaultConfig(), { 'train.maxUpdates': 10, 'ablation.arms': { warmup: {} } }, 'test'),
    dir,
  );
  writeCompleteRun(plan.runs[0], { bleu: 30 });
  const server = await serveReport(dir, { port: 0 });
  try {
    writeFileSync(join(dir, 'warmup/seed-1/scores.json'), '{');
    const broken = await get(server.url);
    assert.equal(broken.status, 500);
    assert.match(broken.body, /warmup\/seed-1\/scores\.json is not JSON/);
    writeCompleteRun(plan.runs[0], { bleu: 31 });
    assert.match((await get(server.url)).body, /31\.00/);
  } finally {
    await server.close();
  }
});

test('the page of a current run, sent again when the run has written; other hosts, paths and ports', async () => {
  const run = join(folder, 'run');
  mkdirSync(run);
  writeFileSync(join(run, 'config.yaml'), configToYaml(defaultConfig()));
  writeFileSync(
    join(run, 'run.json'),
    JSON.stringify({ program: 'coldstart', corpus: {}, startedAt: '2026-01-01T00:00:00.000Z' }),
  );
  const log = join(run, 'log.jsonl');
  const line = (update: number, loss: number): string =>
    `${JSON.stringify({ event: 'train', update, epoch: 1, loss, nll: loss, perplexity: 1, lr: 1, gradNormL2: 1, clippedShare: 0, trgTokens: 1, trgTokensPerSecond: 1, seconds: 1 })}\n`;
  writeFileSync(log, line(1, 7.25));
  const server = await serveReport(run, { port: 0 });
  try {
    const page = await get(server.url);
    assert.equal(page.status, 200);
    assert.match(page.body, />7\.25</);
    assert.match(page.body, /new EventSource\('\/events'\)/);
    for (const host of ['elsewhere.example', '127.0.0.1.elsewhere.example', 'localhost.elsewhere.example:80', ':'])
      assert.equal((await get(server.url, { host })).status, 403, host);
    for (const host of ['localhost:9000', 'LOCALHOST', '[::1]:9000', 'report.localhost'])
      assert.equal((await get(server.url, { host })).status, 200, host);
    assert.equal((await get(`${server.url}../etc/passwd`)).status, 404);
    const port = Number(new URL(server.url).port);
    await assert.rejects(
      serveReport(run, { port }),
      new RegExp(`port ${port} on 127\\.0\\.0\\.1 cannot be used.*--port`),
    );

    const event = new Promise<string>((resolve, reject) => {
      request(`${server.url}events`, (response) => {
        let received = '';
        response.on('data', (chunk) => {
          received += chunk;
          const data = /^data: (.*)$/m.exec(received);
          if (data && received.endsWith('\n\n')) resolve(JSON.parse(data[1]) as string);
        });
      })
        .on('error', reject)
        .end();
    });
    writeFileSync(log, line(1, 7.25) + line(2, 6.125));
    utimesSync(log, new Date(), new Date(Date.now() + 5000));
    assert.match(await event, /6\.125/);
  } finally {
    await server.close();
  }
});
