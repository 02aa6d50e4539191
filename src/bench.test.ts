import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

// Benchmarks are not part of the build, so no compiler would notice a missing import.
test('every benchmark finds what it imports', async () => {
  const folder = new URL('../../bench/', import.meta.url);
  const scripts = readdirSync(folder).filter((name) => name.endsWith('.mjs'));
  assert.ok(scripts.length >= 5);
  let found = 0;
  for (const script of scripts) {
    const text = readFileSync(new URL(script, folder), 'utf8');
    for (const [, names, from] of text.matchAll(/^import \{([^}]+)\} from '(\.[^']+)'/gm)) {
      const module = (await import(new URL(from, folder).href)) as Record<string, unknown>;
      for (const name of names
        .split(',')
        .map((part) => part.trim().split(' as ')[0])
        .filter(Boolean)) {
        assert.ok(name in module, `bench/${script} imports ${name} from ${from}, which does not export it`);
        found++;
      }
    }
  }
  assert.ok(found > 30, `${found} imports found`);
});
