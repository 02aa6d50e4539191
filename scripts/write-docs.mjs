// Writes the pages that are generated from the code: `npm run docs`.
import { writeFileSync } from 'node:fs';
import { configReference } from '../dist/src/config/reference.js';
import { errorReference } from '../dist/src/errors.js';

writeFileSync(new URL('../docs/reference/config.md', import.meta.url), configReference());
writeFileSync(new URL('../docs/reference/errors.md', import.meta.url), errorReference());
