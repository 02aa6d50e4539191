import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chromium, type Browser, type Page } from 'playwright-core';
import { readLog } from '../../src/train/runLog.js';
import { readCheckpoint } from '../../src/train/checkpoint.js';
import { browserArguments, browserPath, buildPage, project, serve, withoutBrowser } from './browserScripts.js';

describe('the page of examples/browser', { skip: withoutBrowser }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'coldstart-browser-page-'));
  const site = join(folder, 'site');
  let server: Server;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];
  before(async () => {
    await buildPage(site);
    shorten(join(site, 'task.json'));
    server = await serve(site);
    browser = await chromium.launch({ executablePath: browserPath, args: browserArguments });
    page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', ({ message }) => complaints.push(message));
    await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/?backend=wasm`);
    await page.waitForSelector('#start:not([disabled])');
  });
  after(async () => {
    await browser?.close();
    server?.close();
    rmSync(folder, { recursive: true });
  });

  /** Fewer iterations of GradInit, and a short validation soon. */
  function shorten(path: string): void {
    const task = JSON.parse(readFileSync(path, 'utf8')) as {
      arms: { gradinit: object; options: object }[];
      pairs: { valid: number };
      sources: string[];
      references: string[];
    };
    for (const arm of task.arms) {
      arm.gradinit = { ...arm.gradinit, iterations: 2, fallBack: false };
      arm.options = { ...arm.options, validateEveryUpdates: 2 };
    }
    task.sources.length = task.references.length = 3;
    task.pairs.valid = 20;
    writeFileSync(path, JSON.stringify(task));
  }

  const stateOf = (arm: string) => page.locator(`[data-arm=${arm}] .state`);
  const until = (arm: string, pattern: RegExp) =>
    stateOf(arm).filter({ hasText: pattern }).waitFor({ timeout: 60_000 });

  test('trains in workers, shows losses and translations, pauses and resumes', async () => {
    await page.uncheck('[data-arm=no-warmup] .chosen');
    await page.uncheck('[data-arm=warmup] .chosen');
    await page.click('#start');
    await until('cold', /GradInit learns scales: iteration \d of 2|update [1-9]/);
    await page.locator('[data-arm=cold] .translations .translation').first().waitFor({ timeout: 60_000 });
    assert.equal(await page.locator('[data-arm=cold] .translations .translation').count(), 3);
    assert.match(
      (await page.textContent('[data-arm=cold] .scores'))!,
      /^Update \d+: validation loss [5-9]\.\d\d, BLEU/,
    );
    await page.click('#pause');
    await until('cold', /^paused at update [1-9]/);
    const before = Number(/\d+/.exec((await stateOf('cold').textContent())!)![0]);
    await page.click('#start'); // reads "Resume"
    await until('cold', /^update \d+ of 1000/);
    await page.waitForFunction(
      `Number(/\\d+/.exec(document.querySelector('[data-arm=cold] .state').textContent)[0]) > ${before + 2}`,
    );
    await page.click('#pause');
    await until('cold', /^paused/);
    assert.equal(await stateOf('warmup').textContent(), 'not started');
    assert.ok(
      await page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth'),
      'it scrolls sideways',
    );
    assert.deepEqual(complaints, []);
  });

  test('the command line resumes the run that the page gives', async () => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.click('[data-arm=cold] button.download'),
    ]);
    assert.equal(download.suggestedFilename(), 'coldstart-cold.tar');
    const archive = join(folder, 'coldstart-cold.tar');
    await download.saveAs(archive);
    const work = join(folder, 'work');
    mkdirSync(join(work, 'runs'), { recursive: true });
    cpSync(join(project, 'configs'), join(work, 'configs'), { recursive: true });
    const untar = spawnSync('tar', ['xf', archive, '-C', join(work, 'runs')]);
    assert.equal(untar.status, 0, String(untar.stderr));
    const run = join(work, 'runs/coldstart-cold');
    const { position } = readCheckpoint(join(run, 'checkpoints/last.safetensors')).training!;
    const command = (...args: string[]) => {
      const { status, stderr } = spawnSync(process.execPath, [join(project, 'dist/src/cli/main.js'), ...args], {
        cwd: work,
        encoding: 'utf8',
        env: { ...process.env, OMP_NUM_THREADS: '1' },
      });
      assert.equal(status, 0, stderr);
      return stderr;
    };
    command('corpus', 'synth', '--out', 'runs/data/builtin/text');
    command('corpus', 'prepare', '-c', 'configs/builtin.yaml');
    const changes = [
      `train.maxUpdates=${position.update + 2}`,
      ...['train.validateBleu=false', 'decode.beamSize=1', 'decode.maxLenA=0', 'decode.maxLenB=5'],
    ];
    const resume = ['train', '-c', 'configs/builtin.yaml', '--run', 'runs/coldstart-cold', '--resume'];
    const said = command(...resume, ...changes.flatMap((change) => ['--set', change]));
    assert.match(said, new RegExp(`resumed from update ${position.update}\\n`));
    const log = readLog(join(run, 'log.jsonl'));
    assert.equal(log.find(({ event }) => event === 'start')?.resumedFrom, position.update);
    const scores = JSON.parse(readFileSync(join(run, 'scores.json'), 'utf8')) as { status: string; updates: number };
    assert.deepEqual([scores.status, scores.updates], ['finished', position.update + 2]);
  });
});
