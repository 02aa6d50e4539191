import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { configToYaml, defaultConfig } from '../../config/loadConfig.js';
import { serveReport } from './serveReport.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-watch-'));
after(() => rmSync(folder, { recursive: true }));

function get(url: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request(url, { headers }, (response) => {
      let body = '';
      response.on('data', (chunk) => { body += chunk; }).on('end', () => resolve({ status: response.statusCode!, body }));
    }).on('error', reject).end();
  });
}

test('the page of a run under way, sent anew when the run has written; other hosts, paths and ports', async () => {
  const run = join(folder, 'run');
  mkdirSync(run);
  writeFileSync(join(run, 'config.yaml'), configToYaml(defaultConfig()));
  writeFileSync(join(run, 'run.json'), JSON.stringify({ program: 'coldstart', corpus: {}, startedAt: '2026-01-01T00:00:00.000Z' }));
  const log = join(run, 'log.jsonl');
  const line = (update: number, loss: number): string => `${JSON.stringify({ event: 'train', update, epoch: 1, loss, nll: loss, perplexity: 1, lr: 1, gradNormL2: 1, clippedShare: 0, trgTokens: 1, trgTokensPerSecond: 1, seconds: 1 })}\n`;
  writeFileSync(log, line(1, 7.25));
  const server = await serveReport(run, { port: 0 });
  try {
    const page = await get(server.url);
    assert.equal(page.status, 200);
    assert.match(page.body, /7\.250/);
    assert.match(page.body, /new EventSource\('\/events'\)/);
    assert.equal((await get(server.url, { host: 'elsewhere.example' })).status, 403);
    assert.equal((await get(`${server.url}../etc/passwd`)).status, 404);
    const port = Number(new URL(server.url).port);
    await assert.rejects(serveReport(run, { port }), new RegExp(`port ${port} on 127\\.0\\.0\\.1 cannot be used.*--port`));

    const event = new Promise<string>((resolve, reject) => {
      request(`${server.url}events`, (response) => {
        let received = '';
        response.on('data', (chunk) => {
          received += chunk;
          const data = /^data: (.*)$/m.exec(received);
          if (data && received.endsWith('\n\n')) resolve(JSON.parse(data[1]) as string);
        });
      }).on('error', reject).end();
    });
    writeFileSync(log, line(1, 7.25) + line(2, 6.125));
    utimesSync(log, new Date(), new Date(Date.now() + 5000));
    assert.match(await event, /6\.125/);
  } finally {
    await server.close();
  }
});
