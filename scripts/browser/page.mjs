// npm run browser: builds the page of examples/browser into examples/browser/site, and serves it.
// --port N: another port than 8080. --no-serve: builds only.
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPage } from './buildPage.mjs';
import { serve } from './serve.mjs';

const root = join(import.meta.dirname, '../..');
const usage = 'usage: npm run browser -- [--port N] [--no-serve]';

function stop(message, status = 2) {
  console.error(message);
  process.exit(status);
}

function givenOptions() {
  try {
    return parseArgs({
      options: { port: { type: 'string', default: '8080' }, 'no-serve': { type: 'boolean', default: false } },
    }).values;
  } catch (error) {
    return stop(`${error.message.split('. ', 1)[0]}. ${usage}`);
  }
}

const values = givenOptions();
if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535)
  stop(`--port is "${values.port}", expected an integer from 0 to 65535 (0: any free one). ${usage}`);
if (!existsSync(join(root, 'dist/browser.js'))) stop('Nothing is built (no dist/). Run "npm run build" first.');
const out = join(root, 'examples/browser/site');
// before the build: a port that is taken is reported at once
const server = values['no-serve']
  ? undefined
  : await serve(out, Number(values.port)).catch(({ code, message }) =>
      stop(
        code === 'EADDRINUSE'
          ? `Port ${values.port} is taken by another program. Choose another one: npm run browser -- --port 0`
          : `Port ${values.port} cannot be opened: ${message}. Choose another one: npm run browser -- --port 0`,
        1,
      ),
    );
await buildPage(out);
console.log(`${relative(process.cwd(), out)}: static files, for any file server.`);
if (server) console.log(`http://localhost:${server.address().port} (Ctrl-C ends it)`);
