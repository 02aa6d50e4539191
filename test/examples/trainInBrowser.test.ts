import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chromium, type Browser } from 'playwright-core';
import { selectBackend } from '../../src/backend/select.js';
import { browserArguments, browserPath, bundle, project, serve, withoutBrowser } from './browserScripts.js';
import { tinyTraining, type TinyTraining } from './tinyTraining.js';

describe('training in a browser', { skip: withoutBrowser }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'coldstart-in-browser-'));
  let server: Server;
  let browser: Browser;
  before(async () => {
    mkdirSync(join(folder, 'wasm'));
    await bundle([join(project, 'test/examples/tinyTrainingPage.ts')], folder);
    writeFileSync(
      join(folder, 'index.html'),
      '<!doctype html><script type="module" src="tinyTrainingPage.js"></script>',
    );
    copyFileSync(
      join(project, 'node_modules/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm'),
      join(folder, 'wasm/tfjs-backend-wasm-simd.wasm'),
    );
    copyFileSync(join(project, 'dist/src/backend/wasm/kernels.wasm'), join(folder, 'wasm/kernels.wasm'));
    server = await serve(folder);
    browser = await chromium.launch({ executablePath: browserPath, args: browserArguments });
    await selectBackend('wasm');
  });
  after(async () => {
    await browser?.close();
    server?.close();
    rmSync(folder, { recursive: true });
  });

  const inBrowser = async (backend: string, gamma: number): Promise<TinyTraining | undefined> => {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('pageerror', ({ message }) => complaints.push(message));
    await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction('typeof trainInPage === "function"');
    const found = await page.evaluate<TinyTraining | undefined>(`trainInPage('${backend}', ${gamma})`);
    await page.close();
    assert.deepEqual(complaints, []);
    return found;
  };

  test('wasm: GradInit, updates, validation, checkpoint and translations are those of Node, bit for bit', async () => {
    const gamma = 1; // no norm is so small: second derivatives
    const found = await inBrowser('wasm', gamma);
    assert.equal(found!.losses.length, 2);
    assert.ok(found!.losses.every((loss) => loss > 0));
    assert.deepEqual(found, await tinyTraining(gamma));
  });

  test('WebGPU: the same to four digits, with asynchronous reads only', async (t) => {
    const gamma = 1e9; // a software device takes half a minute to compile what second derivatives need
    const found = await inBrowser('webgpu', gamma);
    if (found === undefined) return t.skip('this Chromium offers no WebGPU, not even in software');
    const inNode = await tinyTraining(gamma);
    const numbers = ({ gradInitLosses, losses, norms, validation }: TinyTraining): number[] => [
      ...gradInitLosses,
      ...losses,
      ...norms,
      ...validation,
    ];
    const expected = numbers(inNode);
    numbers(found).forEach((value, i) =>
      assert.ok(Math.abs(value - expected[i]) <= 1e-4 * Math.abs(expected[i]), `${i}: ${value}, ${expected[i]}`),
    );
    assert.equal(numbers(found).length, expected.length);
    assert.deepEqual(found.translations, inNode.translations);
  });
});
