#!/usr/bin/env node
// The program of the package. It is here, not in dist/, so that npm and npx find it in a clone that is not built yet:
// npx stores what it found.
import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  console.error('coldstart: this clone is not built. Run ./scripts/quickstart for everything, or "npm ci && npm run build".');
  process.exitCode = 1;
}
