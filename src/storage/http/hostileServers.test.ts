import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ColdstartError } from '../../errors.js';
import { download } from './download.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-hostile-'));
after(() => rmSync(folder, { recursive: true }));

const head = (...lines: string[]): string => `${['HTTP/1.1 200 OK', ...lines].join('\r\n')}\r\n\r\n`;
/** What a server sends once it is asked; the connection then stays open unless it is ended. */
const servers: Record<string, (socket: Socket) => void> = {
  'sends nothing': () => {},
  'closes at once': (socket) => socket.end(),
  'resets at once': (socket) => socket.resetAndDestroy(),
  'speaks another protocol': (socket) => socket.end('220 smtp ready\r\n'),
  'breaks off in the status line': (socket) => socket.end('HTTP/1.1 2'),
  'stalls in the headers': (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Le'),
  'resets in the headers': (socket) => void socket.write('HTTP/1.1 200 OK\r\nX: ', () => socket.resetAndDestroy()),
  'has headers without end': (socket) =>
    void socket.write(`HTTP/1.1 200 OK\r\n${`X-A: ${'a'.repeat(900)}\r\n`.repeat(60)}`),
  'has a header that is none': (socket) => socket.end(head('no colon here', 'Content-Length: 4') + 'body'),
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
          await new Promise((resolve) => setTimeout(resolve, 20)); // for errors that nobody waits for
          assert.equal(existsSync(path), false);
        } finally {
          for (const socket of open) socket.destroy();
          server.close();
          for (const name of ['file.part', 'file.part.json']) rmSync(join(folder, name), { force: true });
        }
      });
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
