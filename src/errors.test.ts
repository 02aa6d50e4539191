import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { markdownPages } from '../test/markdownPages.js';
import { errorCodes, errorReference } from './errors.js';

const project = fileURLToPath(new URL('../../', import.meta.url));
const sources = new Map(
  readdirSync(join(project, 'src'), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => [path, readFileSync(join(project, 'src', path), 'utf8')]),
);
const codes = Object.keys(errorCodes);

/** Errors whose class has its own code. */
const classes: Readonly<Record<string, string>> = {
  UsageError: 'USAGE',
  DataError: 'DATA',
  ShapeError: 'SHAPE',
  CheckpointError: 'CHECKPOINT',
  DivergenceError: 'DIVERGED',
};

const throws = /(?:new ColdstartError|super)\(\s*'([A-Z_]+)'/g;

/** Codes that a module throws itself: literally, by a class, or by giving one to another function. */
function thrownIn(text: string): Set<string> {
  const code = text.replaceAll(/^\s*(\/\*\*|\*|\/\/).*$/gm, '').replace(/errorCodes = \{[^]*?\n\}/, '');
  return new Set([
    ...[...code.matchAll(/'([A-Z_]+)'/g)].map(([, name]) => name).filter((name) => codes.includes(name)),
    ...Object.entries(classes).flatMap(([name, own]) => (code.includes(`new ${name}(`) ? [own] : [])),
  ]);
}

/** Codes that a module and those that it imports throw, one after the other. */
function reachable(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return new Set();
  seen.add(path);
  const text = sources.get(path) ?? '';
  const found = thrownIn(text);
  for (const [, name] of text.matchAll(/(?:\bfrom|\bimport\(|^import) ?'(\.[^']+)\.js'/gm))
    for (const code of reachable(normalize(join(dirname(path), `${name}.ts`)).replaceAll('\\', '/'), seen))
      found.add(code);
  return found;
}

test('every code is thrown somewhere', () => {
  const literal = [...sources.values()].flatMap((text) => [...text.matchAll(throws)].map(([, code]) => code));
  assert.ok(literal.length > 50, 'what looks for codes finds them');
  const thrown = new Set([...sources.values()].flatMap((text) => [...thrownIn(text)]));
  assert.deepEqual([...thrown].sort(), codes.toSorted());
});

test('docs/reference/errors.md lists them, and is current', () => {
  assert.equal(readFileSync(join(project, 'docs/reference/errors.md'), 'utf8'), errorReference(), 'run "npm run docs"');
});

test('errors named in comments can be thrown there', () => {
  const wrong: string[] = [];
  let named = 0;
  for (const [path, text] of sources) {
    const possible = reachable(path);
    for (const [comment] of text.matchAll(/\/\*\*[^]*?\*\//g)) {
      const promise = /@throws[^]*$/.exec(comment)?.[0] ?? '';
      const described = [
        ...(promise.match(/\b[A-Z]+(_[A-Z]+)*\b/g) ?? []).filter((word) => word.includes('_') || codes.includes(word)),
        ...Object.keys(classes).filter((name) => new RegExp(`\\b${name}\\b`).test(promise)),
      ];
      for (const word of described) {
        // environment variables have names of the same form
        if (word.startsWith('COLDSTART_')) continue;
        named++;
        if (!possible.has(classes[word] ?? word)) wrong.push(`${path}: ${word}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(named > 100, `${named}`);
});

test('an exported function that throws a code says so in its comment', () => {
  const silent: string[] = [];
  for (const [path, text] of sources) {
    if (path.startsWith('cli/') || path === 'errors.ts') continue;
    const declarations = [...text.matchAll(/^(export )?(async |abstract )*(function|class|const|interface|type)\b/gm)];
    for (const match of text.matchAll(throws)) {
      const within = declarations.findLast(({ index }) => index < match.index);
      if (within?.[1] === undefined || within[3] === 'class') continue;
      const before = text.slice(0, within.index).trimEnd();
      const comment = before.endsWith('*/') ? before.slice(before.lastIndexOf('/**')) : '';
      if (!comment.includes(match[1])) silent.push(`${path}: ${match[1]}`);
    }
  }
  assert.deepEqual(silent, []);
});

test('pages name only existing codes', () => {
  for (const [page, text] of markdownPages())
    for (const [, word] of text.matchAll(/\b(?:error|code) `([A-Z_]+)`/g))
      assert.ok(codes.includes(word), `${page}: ${word}`);
});
