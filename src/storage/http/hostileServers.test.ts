import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ColdstartError } from '../../errors.js';
import { download, type DownloadOptions } from './download.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-hostile-'));
after(() => rmSync(folder, { recursive: true }));

const head = (...lines: string[]): string => `${['HTTP/1.1 200 OK', ...lines].join('\r\n')}\r\n\r\n`;
/** What a server sends once it is asked; the connection then stays open unless it is ended. */
const servers: Record<string, (socket: Socket) => void> = {
  'sends nothing': () => {},
  'closes at once': (socket) => socket.end(),
  'resets at once': (socket) => socket.resetAndDestroy(),
  'uses another protocol': (socket) => socket.end('220 smtp ready\r\n'),
  'breaks off in the status line': (socket) => socket.end('HTTP/1.1 2'),
  'stalls in the headers': (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Le'),
  'resets in the headers': (socket) => void socket.write('HTTP/1.1 200 OK\r\nX: ', () => socket.resetAndDestroy()),
  'has headers without end': (socket) =>
    void socket.write(`HTTP/1.1 200 OK\r\n${`X-A: ${'a'.repeat(900)}\r\n`.repeat(60)}`),
  'has a malformed header': (socket) => socket.end(head('no colon here', 'Content-Length: 4') + 'body'),
  'names two lengths': (socket) => socket.end(head('Content-Length: 4', 'Content-Length: 9') + 'body'),
  'names a negative length': (socket) => socket.end(head('Content-Length: -4') + 'body'),
  'names a length and chunks': (socket) =>
    socket.end(head('Content-Length: 4', 'Transfer-Encoding: chunked') + 'zz\r\nbody'),
  'stalls in the body': (socket) => void socket.write(head('Content-Length: 100') + 'begin'),
  'ends in the body': (socket) => socket.end(head('Content-Length: 100') + 'begin'),
  'resets in the body': (socket) =>
    void socket.write(head('Content-Length: 100') + 'begin', () => setTimeout(() => socket.resetAndDestroy(), 20)),
  'sends chunks of no length': (socket) => socket.end(`${head('Transfer-Encoding: chunked')}xyz\r\nbody\r\n0\r\n\r\n`),
  'stalls in a chunk': (socket) => void socket.write(`${head('Transfer-Encoding: chunked')}ff\r\nbegin`),
  'breaks a chunk': (socket) => void socket.write(`${head('Transfer-Encoding: chunked')}5\r\nbegin4\r\nmore\r\n`),
  'ends in a chunk': (socket) => socket.end(`${head('Transfer-Encoding: chunked')}ff\r\nbegin`),
  'redirects to itself': (socket) => socket.end('HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n'),
  'redirects to a file': (socket) =>
    socket.end('HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n'),
  'redirects and stalls': (socket) =>
    void socket.write('HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 9\r\n\r\n'),
  'upgrades the connection': (socket) =>
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
  'sends its headers in drops': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    const drops = setInterval(() => socket.write('X'), 30);
    socket.on('close', () => clearInterval(drops));
  },
  'sends its body in drops': (socket) => {
    socket.write(head('Content-Length: 1000000'));
    const drops = setInterval(() => socket.write('x'), 30);
    socket.on('close', () => clearInterval(drops));
  },
  'sends a chunk in drops': (socket) => {
    socket.write(`${head('Transfer-Encoding: chunked')}ffffff\r\n`);
    const drops = setInterval(() => socket.write('x'), 30);
    socket.on('close', () => clearInterval(drops));
  },
  'names a chunk beyond all numbers': (socket) =>
    socket.end(`${head('Transfer-Encoding: chunked')}fffffffffffffffffff\r\nbody\r\n0\r\n\r\n`),
  'names a negative chunk': (socket) => socket.end(`${head('Transfer-Encoding: chunked')}-1\r\nbody\r\n0\r\n\r\n`),
  'has a chunk extension without end': (socket) =>
    void socket.write(`${head('Transfer-Encoding: chunked')}4;${'a'.repeat(100_000)}`),
  'has trailers without end': (socket) =>
    void socket.write(`${head('Transfer-Encoding: chunked')}4\r\nbody\r\n0\r\n${'X-A: aaaaaaaa\r\n'.repeat(8000)}`),
  'names a length beyond all numbers': (socket) => socket.end(head(`Content-Length: ${'9'.repeat(40)}`) + 'body'),
  'names a length in words': (socket) => socket.end(head('Content-Length: 0x4') + 'body'),
  'promises more than disks hold': (socket) => void socket.write(head('Content-Length: 99999999999999') + 'body'),
  'says continue without end': (socket) => {
    const more = setInterval(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'), 5);
    socket.on('close', () => clearInterval(more));
  },
  'has no content': (socket) => socket.end('HTTP/1.1 204 No Content\r\n\r\n'),
  'says not modified': (socket) => socket.end('HTTP/1.1 304 Not Modified\r\n\r\n'),
  'redirects to a script': (socket) =>
    socket.end('HTTP/1.1 308 Moved\r\nLocation: javascript:alert(1)\r\nContent-Length: 0\r\n\r\n'),
  'redirects to data': (socket) =>
    socket.end('HTTP/1.1 303 Other\r\nLocation: data:text/plain,body\r\nContent-Length: 0\r\n\r\n'),
  'redirects nowhere': (socket) => socket.end('HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n'),
  'asks to wait for days': (socket) =>
    socket.end('HTTP/1.1 429 Slow\r\nRetry-After: 999999999999\r\nContent-Length: 0\r\n\r\n'),
  'sends a web page': (socket) => socket.end(head('Content-Type: Text/HTML', 'Content-Length: 4') + 'body'),
  'sends a part nobody asked for': (socket) =>
    socket.end('HTTP/1.1 206 Partial\r\nContent-Range: bytes 5-8/9\r\nContent-Length: 4\r\n\r\nbody'),
};

describe('a hostile server ends a download with an error that names it', () => {
  for (const withSignal of [false, true])
    for (const [name, answer] of Object.entries(servers))
      test(`${name}${withSignal ? ', with a signal' : ''}`, async () => {
        const open = new Set<Socket>();
        const server = createServer((socket) => {
          open.add(socket);
          socket.on('error', () => {});
          socket.once('data', () => answer(socket));
        }).listen(0, '127.0.0.1');
        await once(server, 'listening');
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
        const path = join(folder, 'file');
        try {
          await assert.rejects(
            download({
              urls: [url],
              path,
              patience: { idleTimeoutMs: 150, attempts: 2, firstWaitMs: 1, maxWaitMs: 5 },
              environment: {},
              ...(withSignal && { signal: new AbortController().signal }),
            }),
            (error: Error) =>
              error instanceof ColdstartError && error.code === 'DOWNLOAD_FAILED' && error.message.includes(url),
          );
          await new Promise((resolve) => setTimeout(resolve, 20)); // for errors that no test awaits
          assert.equal(existsSync(path), false);
        } finally {
          for (const socket of open) socket.destroy();
          server.close();
          for (const name of ['file.part', 'file.part.json']) rmSync(join(folder, name), { force: true });
        }
      });
});

test('a server without TLS at an https address is named', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${head('Content-Length: 4')}body`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
  await assert.rejects(
    download({
      urls: [url],
      path: join(folder, 'tls'),
      patience: { idleTimeoutMs: 500, attempts: 2, firstWaitMs: 1, maxWaitMs: 5 },
      environment: {},
    }),
    (error: Error) => (error as ColdstartError).code === 'DOWNLOAD_FAILED' && error.message.includes(url),
  );
  assert.equal(existsSync(join(folder, 'tls')), false);
  server.close();
});

/** What a download of the server's body ends with; a server that is asked again sends it again. */
async function downloadFrom(
  send: (socket: Socket) => void,
  options: Pick<DownloadOptions, 'expected' | 'maxBytes'>,
): Promise<{ message: string; left: string[] }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => send(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const place = mkdtempSync(join(folder, 'endless-'));
  try {
    const message = await download({
      urls: [`http://127.0.0.1:${(server.address() as AddressInfo).port}/file`],
      path: join(place, 'file'),
      patience: { idleTimeoutMs: 2000, attempts: 2, firstWaitMs: 1, maxWaitMs: 5 },
      environment: {},
      ...options,
    }).then(
      ({ bytes }) => `${bytes} bytes`,
      (error: ColdstartError) => `${error.code} ${error.message}`,
    );
    return { message, left: readdirSync(place) };
  } finally {
    server.close();
  }
}

test('a body without end is broken off at the size that the file has, and nothing of it is left', async () => {
  const block = Buffer.alloc(2 ** 16, 'x');
  const endless = (before: string, pack: (bytes: Buffer) => Buffer) => (socket: Socket) => {
    socket.write(before);
    const more = (): void => {
      while (!socket.destroyed && socket.write(pack(block)));
    };
    socket.on('drain', more);
    more();
  };
  const chunk = (bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
  for (const send of [
    endless(head('Transfer-Encoding: chunked'), chunk),
    endless(head('Content-Type: application/gzip'), (bytes) => bytes),
  ])
    for (const options of [{ expected: { bytes: 100_000 } }, { maxBytes: 100_000 }]) {
      const { message, left } = await downloadFrom(send, options);
      assert.match(
        message,
        /^DOWNLOAD_FAILED .*\/file could not be downloaded:\n {2}http:\S+ sends more than the 100000 bytes that are accepted\.$/,
      );
      assert.deepEqual(left, []);
    }
});

test('a body that is packed on the way is stored as it comes: a bomb stays as small as it was sent', async () => {
  const bomb = gzipSync(Buffer.alloc(50 * 2 ** 20));
  const send = (socket: Socket): void => {
    socket.write(head('Content-Encoding: gzip', `Content-Length: ${bomb.length}`));
    socket.end(bomb);
  };
  const { message, left } = await downloadFrom(send, {});
  assert.deepEqual([message, left], [`${bomb.length} bytes`, ['file']]);
  // and is refused where the file is known
  const other = await downloadFrom(send, { expected: { bytes: bomb.length, md5: '0'.repeat(32) } });
  assert.match(
    other.message,
    /sent another file than expected: its MD5 is [0-9a-f]{32}, expected 0{32}\. What came was removed/,
  );
  assert.deepEqual(other.left, []);
});

test('a link planted in place of the part is not written through', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(`${head('Content-Length: 4')}body`));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'untouched');
  symlinkSync(secret, join(folder, 'linked.part'));
  await download({ urls: [url], path: join(folder, 'linked'), environment: {} });
  assert.equal(readFileSync(join(folder, 'linked'), 'utf8'), 'body');
  assert.equal(readFileSync(secret, 'utf8'), 'untouched');
  server.close();
});
