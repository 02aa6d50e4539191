import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../../', import.meta.url));

/** A module and what it imports: modules of the project by their path in src, packages by their name. */
interface Module {
  readonly path: string;
  readonly imports: readonly string[];
}

const modules: readonly Module[] = readdirSync(join(project, 'src'), { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => /\.[mc]?ts$/.test(path))
  .map((path) => {
    const text = readFileSync(join(project, 'src', path), 'utf8');
    const found = [...text.matchAll(/(?:\bfrom|^import|\bimport\() ?'([^']+)'/gm)].map(([, name]) => name);
    return {
      path,
      imports: found.map((name) =>
        name.startsWith('.') ? normalize(join(dirname(path), name)).replaceAll('\\', '/') : name,
      ),
    };
  });
/** The modules built for users: without tests and their helpers. */
const shipped = modules.filter(({ path }) => !path.endsWith('.test.ts'));
const folderOf = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '');

/** The order of folders on the page on the architecture, from those that import to those that are imported. */
const levels = /```\n(cli → .+)\n```/
  .exec(readFileSync(join(project, 'docs/architecture.md'), 'utf8'))![1]
  .split(' → ')
  .map((names) => names.split(', '));
const levelOf = (folder: string): number => levels.findIndex((names) => names.includes(folder));

describe('imports', () => {
  test('every folder has its place on the page, and nothing else has', () => {
    const folders = new Set(shipped.map(({ path }) => folderOf(path)).filter((folder) => folder !== ''));
    assert.deepEqual([...folders].sort(), levels.flat().sort());
    assert.ok(
      modules.length > 200 && shipped.flatMap(({ imports }) => imports).length > 1000,
      'the reader of imports finds none',
    );
  });

  test('point one way: from a folder to those after it', () => {
    const against = shipped
      .filter(({ path }) => folderOf(path) !== '')
      .flatMap(({ path, imports }) =>
        imports
          .filter((name) => name.endsWith('.js') && folderOf(name) !== '' && folderOf(name) !== folderOf(path))
          .filter((name) => !(levelOf(folderOf(name)) > levelOf(folderOf(path))))
          .map((name) => `${path} imports ${name}`),
      );
    assert.deepEqual(against, []);
  });

  test('folders import only these modules from outside of folders: counts in words, errors, fields of settings, numbers for people, suggestions, the package', () => {
    const outside = shipped.flatMap(({ path, imports }) =>
      imports.filter((name) => folderOf(path) !== '' && /^[^/]+\.js$/.test(name)),
    );
    assert.deepEqual([...new Set(outside)].sort(), [
      'counted.js',
      'errors.js',
      'extremes.js',
      'field.js',
      'format.js',
      'package.js',
      'suggest.js',
    ]);
    for (const { path, imports } of shipped.filter(({ path: own }) =>
      /^(counted|errors|extremes|field|format|package|suggest)\.ts$/.test(own),
    ))
      assert.deepEqual(
        imports.filter((name) => !name.startsWith('node:') && name !== 'errors.js'),
        [],
        path,
      );
  });

  const forbidden: readonly [folder: string, what: string, RegExp][] = [
    ['data', 'makes no tensors', /^@tensorflow\/|^backend\//],
    ['text', 'makes no tensors', /^@tensorflow\/|^backend\//],
    ['corpus', 'makes no tensors', /^@tensorflow\/|^backend\//],
    ['score', 'makes no tensors', /^@tensorflow\/|^backend\//],
    ['storage', 'makes no tensors', /^@tensorflow\//],
    ['model', 'reads no files', /^node:fs|^node:http|^storage\//],
    [
      'gradinit',
      'knows nothing of translation, and reads no files',
      /^(model|data|text|corpus|score|decode|train|config|storage)\/|^node:fs/,
    ],
    ['report', 'computes nothing', /^@tensorflow\/|^backend\//],
  ];
  for (const [folder, what, pattern] of forbidden) {
    test(`${folder} ${what}`, () => {
      const found = shipped
        .filter(({ path }) => folderOf(path) === folder)
        .flatMap(({ path, imports }) =>
          imports.filter((name) => pattern.test(name)).map((name) => `${path} imports ${name}`),
        );
      assert.deepEqual(found, []);
    });
  }

  test('no module that users get imports a test or its helpers', () => {
    assert.deepEqual(
      shipped
        .filter(({ imports }) => imports.some((name) => name.startsWith('..') || name.endsWith('.test.js')))
        .map(({ path }) => path),
      [],
    );
  });
});
