import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What a test server does with the nth request (from 1) for a path; `undefined` lets it serve the file as it should.
 */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse, n: number) => true | undefined;

/** A file server of this machine for tests of downloads. Knows ranges, ETags and If-Range. */
export class FileServer {
  readonly files = new Map<string, Buffer>();
  readonly misbehaviours = new Map<string, Misbehaviour>();
  /** Requests so far: path and Range header. */
  readonly requests: { path: string; range?: string }[] = [];
  private readonly server = createServer((request, response) => this.answer(request, response));

  async listen(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url!.startsWith('http') ? new URL(request.url!).pathname : request.url!;
    this.requests.push({ path, range: request.headers.range });
    const n = this.requests.filter((earlier) => earlier.path === path).length;
    if (this.misbehaviours.get(path)?.(request, response, n)) return;
    const file = this.files.get(path);
    if (file === undefined) {
      response.writeHead(404).end('nothing here');
      return;
    }
    const etag = etagOf(file);
    const [, start] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
    const unchanged = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
    if (start === undefined || !unchanged) {
      response.writeHead(200, { 'content-length': file.length, etag }).end(file);
    } else if (Number(start) >= file.length) {
      response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
    } else {
      response
        .writeHead(206, {
          'content-length': file.length - Number(start),
          'content-range': `bytes ${start}-${file.length - 1}/${file.length}`,
          etag,
        })
        .end(file.subarray(Number(start)));
    }
  }
}

export function etagOf(file: Buffer): string {
  return `"${file.length}-${file.subarray(0, 4).toString('hex')}"`;
}

/**
 * Sends the beginning of a body and breaks the connection after it has arrived. The client loses whatever it has not
 * stored when a connection breaks, so an earlier break would make tests depend on chance.
 *
 * @param headers instead of those that the file would have
 */
export function cutAfter(
  response: ServerResponse,
  body: Buffer,
  arrived: () => boolean,
  status: number,
  headers: Readonly<Record<string, string | number>>,
): true {
  response.writeHead(status, headers);
  response.write(body, () => {
    const waiting = setInterval(() => {
      if (!arrived() && !response.destroyed) return;
      clearInterval(waiting);
      response.destroy();
    }, 2);
  });
  return true;
}
