// npm run browser: builds the page of examples/browser into examples/browser/site, and serves it.
// --port N: another port than 8080. --no-serve: builds only.
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPage } from './buildPage.mjs';
import { serve } from './serve.mjs';

const root = join(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: { port: { type: 'string', default: '8080' }, 'no-serve': { type: 'boolean', default: false } },
});
if (!existsSync(join(root, 'dist/browser.js'))) {
  console.error('Nothing is built (no dist/). Run "npm run build" first.');
  process.exit(2);
}
const out = join(root, 'examples/browser/site');
await buildPage(out);
console.log(`${relative(process.cwd(), out)}: static files, for any file server.`);
if (!values['no-serve']) {
  const { port } = (await serve(out, Number(values.port))).address();
  console.log(`http://localhost:${port} (Ctrl-C ends it)`);
}
