import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { cutAfter, etagOf, FileServer } from '../../../test/fileServer.js';
import { download, type DownloadOptions } from './download.js';

const server = new FileServer();
const content = randomBytes(300_000);
const sha256 = createHash('sha256').update(content).digest('hex');
let folder: string;
let path: string;

before(() => server.listen());
after(() => server.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coldstart-download-'));
  path = join(folder, 'corpus.tgz');
  server.files.clear();
  server.misbehaviours.clear();
  server.requests.length = 0;
  server.files.set('/corpus.tgz', content);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Serves a stretch of a file and then breaks the connection. */
function cut(
  response: ServerResponse,
  file: Buffer,
  start: number,
  bytes: number,
  headers: Readonly<Record<string, string | number>> = { etag: etagOf(file) },
): true {
  const arrived = (): boolean => existsSync(`${path}.part`) && statSync(`${path}.part`).size >= start + bytes;
  return cutAfter(response, file.subarray(start, start + bytes), arrived, start > 0 ? 206 : 200, {
    'content-length': file.length - start,
    ...(start > 0 && { 'content-range': `bytes ${start}-${file.length - 1}/${file.length}` }),
    ...headers,
  });
}

function startOf(request: IncomingMessage): number {
  return Number(/\d+/.exec(request.headers.range ?? '0'));
}

function fetchFile(options: Partial<DownloadOptions> = {}): ReturnType<typeof download> {
  return download({
    urls: [`${server.address}/corpus.tgz`],
    path,
    patience: { firstWaitMs: 1, attempts: 3, idleTimeoutMs: 2000, maxWaitMs: 50 },
    environment: {},
    ...options,
  });
}

/** @returns the message */
async function failure(options: Partial<DownloadOptions> = {}): Promise<string> {
  let message = '';
  await assert.rejects(fetchFile(options), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'DOWNLOAD_FAILED');
    message = error.message.replaceAll(server.address, 'SERVER').replaceAll(path, 'PATH');
    return true;
  });
  assert.ok(!existsSync(path), 'no file may have the final name');
  return message;
}

test('a download gets its name when it is complete, and nothing else is left', async () => {
  const shown: [number, number | undefined][] = [];
  const result = await fetchFile({ onProgress: (done, total) => shown.push([done, total]) });
  assert.deepEqual(result, { bytes: 300_000, sha256, url: `${server.address}/corpus.tgz` });
  assert.deepEqual(readFileSync(path), content);
  assert.deepEqual(readdirSync(folder), ['corpus.tgz']);
  assert.deepEqual(shown[0], [0, 300_000]);
  assert.deepEqual(shown.at(-1), [300_000, 300_000]);
});

test('a connection cut midway is taken up where it broke', async () => {
  server.misbehaviours.set('/corpus.tgz', (request, response, n) =>
    n < 4 ? cut(response, content, startOf(request), 60_000) : undefined,
  );
  await fetchFile();
  assert.deepEqual(readFileSync(path), content);
  assert.deepEqual(
    server.requests.map(({ range }) => range),
    [undefined, 'bytes=60000-', 'bytes=120000-', 'bytes=180000-'],
  );
});

test('a second call resumes where the first stopped', async () => {
  const stop = new AbortController();
  server.misbehaviours.set('/corpus.tgz', (_request, response, n) => {
    if (n > 1) return undefined;
    response.writeHead(200, { 'content-length': content.length, etag: etagOf(content) });
    response.write(content.subarray(0, 100_000));
    const waiting = setInterval(() => {
      if (!existsSync(`${path}.part`) || statSync(`${path}.part`).size < 100_000) return;
      clearInterval(waiting);
      stop.abort(new Error('stopped by the user'));
    }, 2);
    return true;
  });
  await assert.rejects(fetchFile({ signal: stop.signal }), /stopped by the user/);
  assert.deepEqual(readdirSync(folder).sort(), ['corpus.tgz.part', 'corpus.tgz.part.json']);
  await fetchFile();
  assert.equal(server.requests.at(-1)!.range, 'bytes=100000-');
  assert.deepEqual(readFileSync(path), content);
});

test('a server that ignores Range starts afresh, and the file is right', async () => {
  server.misbehaviours.set('/corpus.tgz', (_request, response, n) => {
    if (n === 1) return cut(response, content, 0, 60_000);
    response.writeHead(200, { 'content-length': content.length }).end(content);
    return true;
  });
  await fetchFile();
  assert.deepEqual(readFileSync(path), content);
});

test('a file that changes between two attempts is not glued together', async () => {
  const changed = randomBytes(300_000);
  server.misbehaviours.set('/corpus.tgz', (_request, response, n) => {
    if (n > 1) return undefined;
    server.files.set('/corpus.tgz', changed);
    return cut(response, content, 0, 60_000);
  });
  await fetchFile();
  assert.deepEqual(readFileSync(path), changed, 'If-Range makes the server send all of the new file');

  // a server that ignores If-Range: the ETag of its answer shows the change
  rmSync(path);
  server.misbehaviours.set('/corpus.tgz', (request, response) => {
    const n = server.requests.length;
    if (n === 3) return cut(response, content, 0, 60_000);
    if (request.headers.range) return cut(response, changed, startOf(request), 240_000);
    return undefined;
  });
  server.requests.length = 2;
  await fetchFile();
  assert.deepEqual(readFileSync(path), changed);
});

test('without ETag or date a part is continued only if a checksum will verify the result', async () => {
  const silent = (_request: unknown, response: ServerResponse, n: number): true | undefined =>
    n > 1 ? undefined : cut(response, content, 0, 60_000, {});
  server.misbehaviours.set('/corpus.tgz', silent);
  await fetchFile();
  assert.deepEqual(
    server.requests.map(({ range }) => range),
    [undefined, undefined],
  );
  rmSync(path);
  server.requests.length = 0;
  await fetchFile({ expected: { sha256 } });
  assert.deepEqual(
    server.requests.map(({ range }) => range),
    [undefined, 'bytes=60000-'],
  );
  assert.deepEqual(readFileSync(path), content);
});

test('corrupt bytes: the checksum is named, the next mirror is asked, nothing corrupt is kept', async () => {
  const corrupt = Buffer.from(content);
  corrupt[1234] ^= 1;
  server.files.set('/corrupt.tgz', corrupt);
  const corruptSha = createHash('sha256').update(corrupt).digest('hex');
  const notes: string[] = [];
  const urls = [`${server.address}/corrupt.tgz`, `${server.address}/corpus.tgz`];
  const result = await fetchFile({ urls, expected: { sha256 }, onNote: (note) => notes.push(note) });
  assert.equal(result.url, urls[1]);
  assert.match(notes[0], new RegExp(`its SHA-256 is ${corruptSha}, expected ${sha256}`));
  assert.deepEqual(readFileSync(path), content);
  rmSync(path);
  assert.equal(
    await failure({ urls: [urls[0]], expected: { md5: '0'.repeat(32) } }),
    `PATH could not be downloaded:\n  SERVER/corrupt.tgz sent another file than expected: its MD5 is ${createHash('md5').update(corrupt).digest('hex')}, expected ${'0'.repeat(32)}. What came was removed.`,
  );
  assert.deepEqual(readdirSync(folder), []);
});

test('wrong lengths: more than the body, less than the body, and another size than expected', async () => {
  server.misbehaviours.set('/corpus.tgz', (_request, response) =>
    cut(response, content, 0, content.length, { 'content-length': 400_000 }),
  );
  assert.match(
    await failure(),
    /SERVER\/corpus\.tgz failed \d+ times, at last: broke off after \d+ bytes \(aborted\)\.$/,
  );
  server.misbehaviours.set('/corpus.tgz', (_request, response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.socket!.write(content.subarray(0, 50_000));
    response.socket!.end();
    return true;
  });
  assert.match(await failure({ expected: { sha256 } }), /SHA-256 is [0-9a-f]{64}, expected|failed 3 times/);
  server.misbehaviours.clear();
  assert.equal(
    await failure({ expected: { bytes: 299_999 } }),
    'PATH could not be downloaded:\n  SERVER/corpus.tgz has a file of 300000 bytes, expected 299999.',
  );
  // without a length, an excess shows only as it arrives
  server.misbehaviours.set('/corpus.tgz', (_request, response) => {
    response.writeHead(200).end(content);
    return true;
  });
  assert.match(await failure({ expected: { bytes: 200_000 } }), /sends more than the 200000 bytes that are accepted/);
});

test('statuses: 404 asks the next mirror at once, 429 and 500 wait and try again', async () => {
  assert.equal(
    await failure({ urls: [`${server.address}/a`, `${server.address}/b`] }),
    'PATH could not be downloaded:\n  SERVER/a answered 404 Not Found.\n  SERVER/b answered 404 Not Found.',
  );
  assert.equal(server.requests.length, 2);
  server.misbehaviours.set('/corpus.tgz', (_request, response, n) => {
    if (n > 2) return undefined;
    response.writeHead(n === 1 ? 429 : 500, n === 1 ? { 'retry-after': '0' } : {}).end();
    return true;
  });
  const notes: string[] = [];
  await fetchFile({ onNote: (note) => notes.push(note.replaceAll(server.address, 'SERVER')) });
  assert.equal(notes[0], 'SERVER/corpus.tgz answered 429 Too Many Requests; trying again in 0.0 s');
  assert.match(notes[1], /^SERVER\/corpus\.tgz answered 500 Internal Server Error; trying again/);
  rmSync(path);
  server.misbehaviours.set('/corpus.tgz', (_request, response) => {
    response.writeHead(503, { 'retry-after': '3600' }).end();
    return true;
  });
  assert.match(await failure(), /answered 503 Service Unavailable and asks to wait for 3600 s\.$/);
  server.misbehaviours.set('/corpus.tgz', (_request, response) => {
    response
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      .end('<html>Too many users have downloaded this file</html>');
    return true;
  });
  assert.match(await failure(), /sent a web page instead of the file/);
});

test('redirects are followed, but not in circles, and not from https to http or to other places', async () => {
  const redirect =
    (to: string) =>
    (_request: unknown, response: ServerResponse): true => {
      response.writeHead(302, { location: to }).end();
      return true;
    };
  server.misbehaviours.set('/start', redirect('/next'));
  server.misbehaviours.set('/next', redirect(`${server.address}/corpus.tgz`));
  await fetchFile({ urls: [`${server.address}/start`] });
  assert.deepEqual(readFileSync(path), content);
  rmSync(path);
  server.misbehaviours.set('/loop', redirect('/loop'));
  assert.match(await failure({ urls: [`${server.address}/loop`] }), /redirects more than 10 times/);
  server.misbehaviours.set('/file', redirect('file:///etc/passwd'));
  assert.match(
    await failure({ urls: [`${server.address}/file`] }),
    /redirects to "file:\/\/\/etc\/passwd", which is no web address/,
  );
});

test('a silent server is given up', async () => {
  server.misbehaviours.set('/corpus.tgz', () => true);
  assert.match(
    await failure({ patience: { idleTimeoutMs: 30, attempts: 2, firstWaitMs: 1 } }),
    /failed 2 times, at last: nothing came from 127\.0\.0\.1:\d+ for 0\.03 s\.$/,
  );
});

test('no server: the attempts are counted', async () => {
  assert.match(
    await failure({ urls: ['http://127.0.0.1:1/x'] }),
    /failed 3 times, at last: connect ECONNREFUSED 127\.0\.0\.1:1\.$/,
  );
});

test('another process at the same download is respected; a dead one is not', async () => {
  writeFileSync(`${path}.part`, content.subarray(0, 1000));
  writeFileSync(`${path}.part.lock`, `${process.ppid} ${hostname()}`);
  await assert.rejects(fetchFile(), {
    code: 'BUSY',
    message: new RegExp(`process ${process.ppid} is downloading .*corpus\\.tgz already`),
  });
  writeFileSync(`${path}.part.lock`, `${spawnSync(process.execPath, ['-e', '']).pid} ${hostname()}`);
  writeFileSync(`${path}.part.json`, 'damaged');
  await fetchFile();
  assert.deepEqual(readFileSync(path), content);
  assert.deepEqual(readdirSync(folder), ['corpus.tgz']);
});

test('of two downloads of a file that begin together one is refused, before either asks for it', async () => {
  const [first, second] = await Promise.allSettled([fetchFile(), fetchFile()]);
  assert.equal(first.status, 'fulfilled');
  assert.equal((second as PromiseRejectedResult).reason.code, 'BUSY');
  assert.equal(server.requests.length, 1);
  assert.deepEqual(readFileSync(path), content);
  assert.deepEqual(readdirSync(folder), ['corpus.tgz']);
});

test('http goes through the proxy by its full address, https through a tunnel; no_proxy is honoured', async () => {
  const seen: string[] = [];
  const proxy = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`);
    response.writeHead(200, { 'content-length': content.length }).end(content);
  });
  proxy.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.url}`);
    if (request.url === 'refused.example:443') socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    else {
      // the server behind the tunnel has no TLS: the failed handshake shows that the tunnel leads there
      const onward = connect(
        (server as never as { server: { address(): AddressInfo } }).server.address().port,
        '127.0.0.1',
        () => socket.write('HTTP/1.1 200 Connected\r\n\r\n'),
      );
      onward.pipe(socket).pipe(onward);
      for (const end of [onward, socket]) end.on('error', () => {});
    }
  });
  await new Promise<void>((resume) => proxy.listen(0, '127.0.0.1', resume));
  const address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  try {
    await fetchFile({
      urls: ['http://corpora.example/corpus.tgz?x=1'],
      environment: { HTTP_PROXY: `http://me:se%40cret@${address}` },
    });
    assert.deepEqual(seen, [
      `GET http://corpora.example/corpus.tgz?x=1 Basic ${Buffer.from('me:se@cret').toString('base64')}`,
    ]);
    rmSync(path);
    assert.match(
      await failure({ urls: ['https://corpora.example/x'], environment: { https_proxy: address } }),
      /wrong version number|EPROTO|socket|packet length/i,
    );
    assert.match(
      await failure({ urls: ['https://refused.example/x'], environment: { https_proxy: address } }),
      /refuses to connect to refused\.example:443: 403 Forbidden/,
    );
    seen.length = 0;
    await fetchFile({ environment: { http_proxy: address, no_proxy: 'example.com, 127.0.0.1' } });
    assert.deepEqual(seen, []);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});
