// Serves a folder of static files.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** @returns the server, once it listens on this machine */
export function serve(folder, port) {
  const server = createServer(async (request, response) => {
    let path;
    try {
      const { pathname } = new URL(request.url, 'http://localhost');
      path = normalize(decodeURIComponent(pathname)).replace(/^[\\/]+/, '') || 'index.html';
    } catch {
      response.writeHead(400).end(); // "//" is no address, and "%" alone encodes no character
      return;
    }
    try {
      if (path.startsWith('..')) throw new Error('outside the folder');
      const body = await readFile(join(folder, path));
      response.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
