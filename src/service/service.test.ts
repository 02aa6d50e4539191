import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { wordOf, writeReversingRun } from '../../test/reversingRun.js';
import { ColdstartError } from '../errors.js';
import { startService, type Service, type ServiceOptions } from './service.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-service-'));
after(() => rmSync(folder, { recursive: true }));

const run = join(folder, 'run');
const options: ServiceOptions = {
  models: [run],
  backend: 'wasm',
  windowMs: 5,
  host: '127.0.0.1',
  port: 0,
  maxChars: 2000,
  maxQueue: 50,
  timeout: 30,
};

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

/** One request on a new connection. */
function ask(
  { url }: Pick<Service, 'url'>,
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(new URL(path, url), { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('error', reject).on('end', () =>
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          text,
          json: /json/.test(response.headers['content-type'] ?? '')
            ? (JSON.parse(text) as Record<string, unknown>)
            : {},
        }),
      );
    });
    request.on('error', reject).end(body);
  });
}

const json = (value: unknown): { method: string; headers: Record<string, string>; body: string } => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: typeof value === 'string' ? value : JSON.stringify(value),
});
const form = (fields: Record<string, string>): { method: string; headers: Record<string, string>; body: string } => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(fields).toString(),
});
const pair = { source: 'de', target: 'nl' };
const sentence = 'Hund, w37 w25 w70 w87 w6.';
/** Its translations with a beam of 3. */
const reversed = 'W6 w87 w70 w25 w37,, hund';
/** Sentences of several lengths, none equal to another. */
const sentences = Array.from({ length: 20 }, (_, i) =>
  Array.from({ length: 1 + (i % 7) }, (_unused, j) => wordOf(12 + ((i * 11 + j * 5) % 80))).join(' '),
);

describe('service', () => {
  let service: Service;
  before(async () => {
    writeReversingRun(run, { settings: { 'decode.beamSize': 3 } });
    service = await startService(options);
  });
  after(() => service.stop());

  test('one text, in JSON and in both kinds of form', async () => {
    const { status, headers, json: answer } = await ask(service, '/translate', json({ q: sentence, ...pair }));
    assert.deepEqual([status, answer], [200, { translatedText: reversed }]);
    assert.equal(headers['content-type'], 'application/json; charset=utf-8');
    assert.equal(headers['access-control-allow-origin'], undefined);
    assert.deepEqual((await ask(service, '/translate', form({ q: sentence, ...pair, format: 'text' }))).json, answer);
    const multipart = new FormData();
    for (const [name, value] of Object.entries({ q: sentence, ...pair })) multipart.set(name, value);
    const sent = await fetch(new URL('/translate', service.url), { method: 'POST', body: multipart });
    assert.deepEqual(await sent.json(), answer);
    const query = new URLSearchParams({ q: sentence, ...pair });
    assert.deepEqual((await ask(service, `/translate?${query}`, { method: 'POST' })).json, answer);
    assert.deepEqual((await ask(service, '/translate', json({ q: sentence, ...pair, source: 'auto' }))).json, {
      translatedText: reversed,
      detectedLanguage: { confidence: 0, language: 'de' },
    });
  });

  test('several texts and several lines keep their order, empty lines too', async () => {
    const list = await ask(service, '/translate', json({ q: [sentence, '', 'w36'], ...pair }));
    const [first, second, third] = list.json.translatedText as string[];
    assert.deepEqual([first, second], [reversed, '']);
    const text = await ask(service, '/translate', json({ q: `w36\r\n\n${sentence}\n`, ...pair }));
    assert.equal(text.json.translatedText, `${third}\n\n${reversed}\n`);
  });

  test('alternatives: other translations, best first, none twice', async () => {
    const { json: answer } = await ask(
      service,
      '/translate',
      json({ q: ['w36 w67', sentence], ...pair, alternatives: 2 }),
    );
    const { translatedText, alternatives } = answer as { translatedText: string[]; alternatives: string[][] };
    assert.equal(alternatives.length, 2);
    alternatives.forEach((others, i) => {
      assert.ok(others.length > 0);
      assert.equal(new Set([translatedText[i], ...others]).size, others.length + 1);
    });
    const many = await ask(service, '/translate', json({ q: 'w36', ...pair, alternatives: 3 }));
    assert.deepEqual(
      [many.status, many.json],
      [400, { error: 'Invalid request: alternatives is 3, expected an integer from 0 to 2' }],
    );
  });

  test('details: tokens, probabilities and attention, as the page shows them', async () => {
    const { json: answer } = await ask(service, '/translate', json({ q: `w36\n${sentence}`, ...pair, details: true }));
    const details = answer.details as {
      sourceTokens: string[];
      nbest: { text: string; tokens: { text: string; logProbability: number }[]; attention: number[][] }[];
    }[];
    assert.equal(details.length, 2);
    assert.deepEqual(details[1].sourceTokens.slice(0, 2), ['hund', ',']);
    const [{ text, tokens, attention }] = details[1].nbest;
    assert.equal(text, reversed);
    assert.deepEqual([tokens.at(-1)!.text, attention.length, attention[0].length], ['</s>', tokens.length, 9]);
  });

  test('languages, health, metrics and the page', async () => {
    assert.deepEqual((await ask(service, '/languages')).json, [
      { code: 'de', name: 'German', targets: ['nl'] },
      { code: 'nl', name: 'Dutch', targets: [] },
    ]);
    assert.deepEqual((await ask(service, '/health')).json, { status: 'ok' });
    await ask(service, '/nowhere');
    const { text, headers } = await ask(service, '/metrics');
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(text, /^coldstart_up 1$/m);
    assert.match(text, /^coldstart_queue_requests 0$/m);
    assert.match(text, /^coldstart_requests_total\{path="\/health",status="200"\} 1$/m);
    assert.match(text, /^coldstart_requests_total\{path="other",status="404"\} 1$/m);
    const count = /^coldstart_request_seconds_count (\d+)$/m.exec(text)![1];
    assert.match(text, new RegExp(`^coldstart_request_seconds_bucket\\{le="\\+Inf"\\} ${count}$`, 'm'));
    assert.match(text, /^coldstart_batch_lines_bucket\{le="1"\} \d+$/m);
    const page = await ask(service, '/');
    assert.match(page.headers['content-type']!, /^text\/html/);
    assert.match(page.text, /<h1>German → Dutch<\/h1>/);
    assert.match(String(page.headers['content-security-policy']), /frame-ancestors 'none'/);
  });

  const refused: readonly [
    what: string,
    path: string,
    sent: Parameters<typeof ask>[2],
    status: number,
    message: string,
  ][] = [
    ['no text', '/translate', json(pair), 400, 'Invalid request: missing q parameter'],
    ['an empty text', '/translate', form({ q: '', ...pair }), 400, 'Invalid request: missing q parameter'],
    ['an empty list', '/translate', json({ q: [], ...pair }), 400, 'Invalid request: missing q parameter'],
    ['no source', '/translate', json({ q: 'a', target: 'nl' }), 400, 'Invalid request: missing source parameter'],
    ['no target', '/translate', json({ q: 'a', source: 'de' }), 400, 'Invalid request: missing target parameter'],
    [
      'another source',
      '/translate',
      json({ q: 'a', source: 'fr', target: 'nl' }),
      400,
      'fr is not supported as source language, expected de',
    ],
    [
      'another target',
      '/translate',
      json({ q: 'a', source: 'de', target: 'de' }),
      400,
      'de is not available as a target language from de, expected nl',
    ],
    [
      'HTML',
      '/translate',
      json({ q: 'a', ...pair, format: 'html' }),
      400,
      'Invalid request: html format is not supported, expected text',
    ],
    ['a number', '/translate', json({ q: 3, ...pair }), 400, 'Invalid request: q is a number, expected a string'],
    [
      'a list in a list',
      '/translate',
      json({ q: ['a', ['b']], ...pair }),
      400,
      'Invalid request: q[1] is a list, expected a string',
    ],
    ['null', '/translate', json({ q: null, ...pair }), 400, 'Invalid request: q is null, expected a string'],
    [
      'a language that is a list',
      '/translate',
      json({ q: 'a', source: ['de'], target: 'nl' }),
      400,
      'Invalid request: source is a list, expected a string',
    ],
    ['JSON that is a list', '/translate', json([]), 400, 'Invalid request: the body is a list, expected a JSON object'],
    [
      'no JSON',
      '/translate',
      json('{"q":'),
      400,
      'Invalid request: the body is not JSON: Unexpected end of JSON input',
    ],
    [
      'no UTF-8',
      '/translate',
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: Buffer.from([0x22, 0xff, 0x22]) },
      400,
      'Invalid request: the body is not valid UTF-8',
    ],
    [
      'a broken form',
      '/translate',
      { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: '--y' },
      400,
      'Invalid request: the body is not a form (multipart/form-data)',
    ],
    [
      'plain text',
      '/translate',
      { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'a' },
      415,
      'Invalid request: content type text/plain is not supported, expected application/json or a form',
    ],
    [
      'a packed body',
      '/translate',
      { method: 'POST', headers: { 'content-encoding': 'gzip' }, body: 'a' },
      415,
      'Invalid request: the body is packed (content-encoding gzip), expected plain text',
    ],
    [
      'another charset',
      '/translate',
      { method: 'POST', headers: { 'content-type': 'application/json; charset="UTF-16"' }, body: '{}' },
      415,
      'Invalid request: charset UTF-16 is not supported, expected utf-8',
    ],
    [
      'a field twice',
      '/translate?target=nl',
      {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'q=a&q=b&source=de',
      },
      400,
      'Invalid request: q is given twice, expected once; several texts need a list in JSON',
    ],
    [
      'too much text',
      '/translate',
      json({ q: ['a'.repeat(1500), 'b'.repeat(501)], ...pair }),
      413,
      'Invalid request: request (2001) exceeds text limit (2000)',
    ],
    [
      'a word for a number',
      '/translate',
      json({ q: 'a', ...pair, alternatives: 'two' }),
      400,
      'Invalid request: alternatives is two, expected an integer from 0 to 2',
    ],
    [
      'lists in lists, deeper than JSON can be written',
      '/translate',
      json(`{"q":"a","source":"de","target":"nl","alternatives":${'['.repeat(20_000)}${']'.repeat(20_000)}}`),
      400,
      'Invalid request: alternatives is a list, expected an integer from 0 to 2',
    ],
    ['GET', '/translate', {}, 405, 'GET is not possible for /translate, expected POST'],
    ['another address', '/translate/', {}, 404, '/translate/ is not an address of this service'],
    ['a name of every object', '/__proto__', {}, 404, '/__proto__ is not an address of this service'],
  ];
  for (const [what, path, sent, status, message] of refused)
    test(`refused: ${what}`, async () => {
      const answer = await ask(service, path, sent);
      assert.deepEqual([answer.status, answer.json], [status, { error: message }]);
    });

  test('lone surrogates and control characters are text like any other', async () => {
    const { status } = await ask(
      service,
      '/translate',
      json(`{"q":"w36 \\ud800 \\u0000 \\u2028 w67","source":"de","target":"nl"}`),
    );
    assert.equal(status, 200);
  });

  test('a body that is too large is refused before it is read, and the client sees the answer', async () => {
    const limit = 6 * 2000 + 65_536;
    const message = { error: `Invalid request: the body is larger than ${limit} bytes` };
    const known = await ask(service, '/translate', json({ q: 'a'.repeat(8_000_000), ...pair }));
    assert.deepEqual([known.status, known.json], [413, message]);
    const chunked = { ...json({ q: 'a'.repeat(4_000_000), ...pair }) };
    const unknown = await ask(service, '/translate', {
      ...chunked,
      headers: { ...chunked.headers, 'transfer-encoding': 'chunked' },
    });
    assert.deepEqual([unknown.status, unknown.json], [413, message]);
    assert.equal((await ask(service, '/health')).status, 200);
  });

  test('20 requests at once get the same translations as one at a time', async () => {
    const alone: unknown[] = [];
    for (const q of sentences)
      alone.push((await ask(service, '/translate', json({ q, ...pair, alternatives: 1 }))).json);
    const together = await Promise.all(
      sentences.map((q) => ask(service, '/translate', json({ q, ...pair, alternatives: 1 }))),
    );
    assert.deepEqual(
      together.map((answer) => answer.json),
      alone,
    );
    const largest = (await ask(service, '/metrics')).text;
    const [, one] = /^coldstart_batch_lines_bucket\{le="4"\} (\d+)$/m.exec(largest)!;
    const [, all] = /^coldstart_batch_lines_count (\d+)$/m.exec(largest)!;
    assert.ok(Number(all) > Number(one), 'no batch held more than 4 lines');
  });

  test('a page of another site may not use the service; its own page may', async () => {
    const sent = json({ q: 'w36', ...pair });
    const foreign = await ask(service, '/translate', {
      ...sent,
      headers: { ...sent.headers, origin: 'https://example.org' },
    });
    assert.deepEqual(
      [foreign.status, foreign.json],
      [403, { error: 'pages of https://example.org may not use this service' }],
    );
    const own = { ...sent.headers, origin: new URL(service.url).origin };
    assert.equal((await ask(service, '/translate', { ...sent, headers: own })).status, 200);
    assert.equal((await ask(service, '/translate', { method: 'OPTIONS' })).status, 405);
  });

  test('it answers to names of this machine only: another site could point its name to it', async () => {
    const { port } = new URL(service.url);
    const named = async (host: string): Promise<number> =>
      (await ask(service, '/languages', { headers: { host } })).status;
    for (const host of ['localhost', `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'my.localhost'])
      assert.equal(await named(host), 200, host);
    for (const host of ['example.org', `evil.example:${port}`, '127.0.0.1.example.org', '10.0.0.1', 'a b'])
      assert.equal(await named(host), 403, host);
    const { json: refusal } = await ask(service, '/', {
      headers: { host: 'rebound.example', origin: 'http://rebound.example' },
    });
    assert.deepEqual(refusal, {
      error: 'this service listens on 127.0.0.1 and does not answer to the name "rebound.example"',
    });
  });

  test('text that is not HTTP gets an answer', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(service.url).port), '127.0.0.1', () => socket.write('what?\r\n\r\n'));
      let text = '';
      socket
        .on('data', (part) => (text += String(part)))
        .on('end', () => resolve(text))
        .on('error', reject);
    });
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n[^]*\{"error":"Invalid request: it is not HTTP"\}\n$/);
  });

  test('a port that is taken is named', async () => {
    const port = Number(new URL(service.url).port);
    await assert.rejects(startService({ ...options, port }), (error: ColdstartError) => {
      assert.equal(error.code, 'PORT');
      assert.match(error.message, /^port \d+ on 127\.0\.0\.1 cannot be used: .*EADDRINUSE/);
      return true;
    });
    await assert.rejects(startService({ ...options, models: [join(folder, 'none')] }), (error: ColdstartError) => {
      assert.deepEqual([error.code, error.exitCode], ['USAGE', 2]);
      assert.match(error.message, /none does not exist/);
      return true;
    });
    // the port is tried before models are opened
    const broken = join(folder, 'broken');
    cpSync(run, broken, { recursive: true });
    writeFileSync(join(broken, 'checkpoints/best.safetensors'), 'x');
    await assert.rejects(startService({ ...options, port, models: [broken] }), { code: 'PORT' });
    await assert.rejects(startService({ ...options, models: [broken] }), /best\.safetensors/);
    const checkpoint = join(run, 'checkpoints/best.safetensors');
    await assert.rejects(
      startService({ ...options, models: [checkpoint] }),
      /does not say its languages\. Give --source/,
    );
  });
});

describe('service with keys and a small queue', () => {
  let service: Service;
  const ends: string[] = [];
  before(async () => {
    service = await startService({
      ...options,
      apiKeys: ['secret', 'other'],
      cors: ['https://example.org'],
      maxQueue: 2,
      windowMs: 1500,
      onWorkerEnd: (how) => ends.push(how),
    });
  });
  after(() => service.stop());
  const body = { q: 'w36', ...pair };

  test('a request needs one of the keys', async () => {
    const answers = await Promise.all([
      ask(service, '/translate', json(body)),
      ask(service, '/translate', json({ ...body, api_key: 'wrong' })),
    ]);
    assert.deepEqual(
      answers.map((answer) => [answer.status, answer.json.error]),
      [
        [403, 'Please contact the server operator to get an API key'],
        [403, 'Invalid API key'],
      ],
    );
    assert.equal((await ask(service, '/translate', json({ ...body, api_key: 'other' }))).status, 200);
    const bearer = json(body);
    const headers = { ...bearer.headers, authorization: 'Bearer secret' };
    assert.equal((await ask(service, '/translate', { ...bearer, headers })).status, 200);
    assert.match((await ask(service, '/')).text, /<input id="key" type="password"/);
  });

  test('more requests than the queue holds are refused', async () => {
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => ask(service, '/translate', json({ ...body, api_key: 'secret' }))),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 429, 429, 429]);
    const full = answers.find(({ status }) => status === 429)!;
    assert.deepEqual(full.json, { error: 'Too many requests: 2 wait already' });
    assert.equal(full.headers['retry-after'], '1');
  });

  /** The status of a request whose body never comes. */
  const statusWithoutBody = (headers: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(service.url).port), '127.0.0.1', () =>
        socket.write(
          `POST /translate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n${headers}\r\n`,
        ),
      );
      socket.once('data', (part) => {
        socket.destroy();
        resolve(/^HTTP\/1\.1 (\d+)/.exec(String(part))![1]);
      });
      socket.on('error', reject);
    });

  test('a wrong key and a full queue are refused before the body is read', async () => {
    assert.equal(await statusWithoutBody('authorization: Bearer wrong\r\n'), '403');
    const waiting = Array.from({ length: 2 }, () => ask(service, '/translate', json({ ...body, api_key: 'secret' })));
    for (let queued = ''; !queued.includes('coldstart_queue_requests 2');)
      // they wait 1.5 s for others
      queued = await (await fetch(new URL('/metrics', service.url))).text();
    assert.equal(await statusWithoutBody('authorization: Bearer secret\r\n'), '429');
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ status }) => status),
      [200, 200],
    );
  });

  test('requests whose bodies are still arriving count: each may hold as much as a body', async () => {
    const { port } = new URL(service.url);
    const arriving = Array.from({ length: 2 }, () => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.write(
        'POST /translate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n',
      );
      return socket;
    });
    const status = async (): Promise<number> =>
      (await ask(service, '/translate', json({ ...body, api_key: 'secret' }))).status;
    try {
      while ((await status()) !== 429); // until both are there
    } finally {
      for (const socket of arriving) socket.destroy();
    }
    while ((await status()) === 429); // until the service has seen that both are gone
    assert.equal(await status(), 200);
  });

  test('the name of a listed origin is one of the service', async () => {
    const named = async (host: string): Promise<number> =>
      (await ask(service, '/health', { headers: { host } })).status;
    assert.deepEqual([await named('example.org'), await named('example.com')], [200, 403]);
  });

  test('a listed origin may use it, after a preflight', async () => {
    const headers = { origin: 'https://example.org' };
    const preflight = await ask(service, '/translate', { method: 'OPTIONS', headers });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers['access-control-allow-origin'], 'https://example.org');
    assert.equal(preflight.headers['access-control-allow-headers'], 'content-type, authorization');
    const other = await ask(service, '/translate', { method: 'OPTIONS', headers: { origin: 'https://example.com' } });
    assert.equal(other.status, 403);
    assert.equal(other.headers['access-control-allow-origin'], undefined);
  });

  test('the translating process is started again when it ends; waiting clients get an error', async () => {
    const waiting = ask(service, '/translate', json({ ...body, api_key: 'secret' }));
    await sleep(100);
    process.kill(service.workerPid()!, 'SIGKILL');
    const answer = await waiting;
    assert.deepEqual(
      [answer.status, answer.json],
      [503, { error: 'the process that translates ended (SIGKILL); ask again' }],
    );
    assert.deepEqual(ends, ['SIGKILL']);
    assert.deepEqual((await ask(service, '/health')).json, { status: 'starting' });
    for (let i = 0; (await ask(service, '/health')).status !== 200; i++) {
      assert.ok(i < 200, 'it is not ready again');
      await sleep(100);
    }
    assert.equal((await ask(service, '/translate', json({ ...body, api_key: 'secret' }))).status, 200);
    assert.match((await ask(service, '/metrics')).text, /^coldstart_worker_restarts_total 1$/m);
  });
});

describe('service with little time', () => {
  let service: Service;
  before(async () => {
    service = await startService({ ...options, timeout: 1, windowMs: 1000, maxChars: 1_000_000 });
  });
  after(() => service.stop());

  test('a client that sends too slowly gets 408', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(service.url).port), '127.0.0.1', () =>
        socket.write(
          'POST /translate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
        ),
      );
      let text = '';
      socket
        .on('data', (part) => (text += String(part)))
        .on('close', () => resolve(text))
        .on('error', reject);
    });
    assert.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n[^]*\{"error":"the request did not arrive in time"\}\n$/);
  });

  test('details of a length that nobody reads are refused', async () => {
    const q = Array.from({ length: 3 }, () => Array.from({ length: 900 }, () => 'w36').join(' ')).join('\n');
    const answer = await ask(service, '/translate', json({ q, ...pair, details: true }));
    assert.deepEqual(
      [answer.status, answer.json],
      [
        413,
        {
          error:
            'Invalid request: details would have about 2435403 numbers, at most 2000000 are given. Ask for shorter lines or fewer alternatives, or without details',
        },
      ],
    );
  });

  test('a request that waits too long is refused, and not translated', async () => {
    const q = Array.from({ length: 3000 }, (_, i) => sentences[i % 20]).join('\n');
    const answer = await ask(service, '/translate', json({ q, ...pair }));
    assert.deepEqual([answer.status, answer.json], [503, { error: 'it was not translated within 1 s' }]);
  });
});

/** Sends text on a new connection, whose answers are not read. */
function sendUnread({ url }: Pick<Service, 'url'>, text: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(text));
  return socket.on('error', () => {}).pause();
}

const numEnded = async (service: Service): Promise<number> => {
  const { text } = await ask(service, '/metrics');
  return Number(/requests_total\{path="\/translate",status="499"\} (\d+)/.exec(text)?.[1] ?? 0);
};

test(
  'clients that leave requests behind others, or read no answers, do not hold up the end',
  { timeout: 30_000 },
  async () => {
    const service = await startService({ ...options, timeout: 2, maxChars: 50_000 });
    const { body } = json({ q: Array.from({ length: 600 }, (_, i) => sentences[i % 20]).join('\n'), ...pair });
    const request = `POST /translate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    const left = sendUnread(service, request.repeat(3));
    await sleep(300);
    left.destroy();
    for (let tries = 0; tries < 250 && (await numEnded(service)) < 3; tries++) await sleep(20);
    assert.equal(await numEnded(service), 3);
    assert.match((await ask(service, '/metrics')).text, /^coldstart_queue_requests 0$/m);
    const unread = sendUnread(service, 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(3000)); // about 40 MB of answers
    await sleep(200);
    await service.stop();
    unread.destroy();
  },
);
