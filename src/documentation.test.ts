import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { markdownPages } from '../test/markdownPages.js';

const project = fileURLToPath(new URL('../../', import.meta.url));
const pages = markdownPages();

/** A page without its blocks and spans of code, where brackets and number signs mean something else. */
function prose(text: string): string {
  return text.replaceAll(/^```[^]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()#]/g, ' '));
}

/** Anchors that GitHub gives a page's headings. */
function anchors(text: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading] of text.replaceAll(/^```[^]*?^```/gm, '').matchAll(/^#+ +(.+)$/gm)) {
    const slug = heading
      .replaceAll(/\]\([^)]*\)/g, '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .trim()
      .replaceAll(' ', '-');
    let name = slug;
    for (let copy = 1; found.has(name); copy++) name = `${slug}-${copy}`;
    found.add(name);
  }
  return found;
}

/** Where a page's relative links lead: [link, path from the repository's top, anchor]. */
function links(page: string, text: string): [string, string, string | undefined][] {
  const targets = [...prose(text).matchAll(/\]\(([^)\s]+)\)|<(?:img src|a href)="([^"]+)"/g)];
  return targets
    .map(([, link, tag]) => link ?? tag)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [path, anchor] = link.split('#');
      return [link, path === '' ? page : posix.normalize(posix.join(dirname(page), path)), anchor];
    });
}

test('every relative link and anchor of README and docs leads somewhere', () => {
  const broken: string[] = [];
  let count = 0;
  for (const [page, text] of pages)
    for (const [link, path, anchor] of links(page, text)) {
      count++;
      const isFound = existsSync(join(project, path));
      const hasAnchor = anchor === undefined || anchors(pages.get(path) ?? '').has(anchor);
      if (!isFound || !hasAnchor || path.startsWith('..')) broken.push(`${page}: ${link}`);
    }
  assert.deepEqual(broken, []);
  assert.ok(count > 60, `only ${count} links found`);
});

test('every page of docs that code, configurations and scripts name exists', () => {
  const missing: string[] = [];
  let count = 0;
  for (const top of ['src', 'test', 'scripts', 'bench', 'configs', 'recipes', 'native'])
    for (const name of readdirSync(join(project, top), { recursive: true, encoding: 'utf8' })) {
      const file = join(project, top, name);
      if (!/\.(ts|mjs|sh|py|yaml|cpp|h)$/.test(name) || !statSync(file).isFile()) continue;
      for (const [, page] of readFileSync(file, 'utf8').matchAll(/\b(docs\/[\w/-]+\.md)\b/g)) {
        count++;
        if (!pages.has(page)) missing.push(`${top}/${name}: ${page}`);
      }
    }
  assert.deepEqual(missing, []);
  assert.ok(count > 15, `only ${count} names found`);
});

test('prose has at most 120 columns, as the code', () => {
  const tooLong: string[] = [];
  for (const [page, text] of pages) {
    if (/^docs\/(api|results\/\w+)\//.test(page)) continue; // generated
    for (const line of text.replaceAll(/^ *```[^]*?^ *```/gm, '').split('\n')) {
      // rows of tables, pictures and HTML cannot be broken, nor can a span of code or a link
      const isProse = !/^\s*(\||!\[|<)/.test(line);
      const words = line
        .trim()
        .replace(/^[-*] |^\d+\. /, '')
        .replaceAll(/`[^`]*`/g, 'code');
      if (line.length > 120 && isProse && words.includes(' ')) tooLong.push(`${page}: ${line}`);
    }
  }
  assert.deepEqual(tooLong, []);
});

test('comments have at most 120 columns, as the code', () => {
  const files = ['src', 'test'].flatMap((folder) =>
    readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name)),
  );
  assert.ok(files.length > 500, `${files.length} files`);
  const tooLong = files.flatMap((file) =>
    readFileSync(join(project, file), 'utf8')
      .split('\n')
      .flatMap((line, i) => (line.length > 120 && /^ *(\*|\/\/) /.test(line) ? [`${file}:${i + 1}`] : [])),
  );
  assert.deepEqual(tooLong, []);
});

test('anchors are those that GitHub gives', () => {
  assert.deepEqual(
    [...anchors("# The paper, and the authors' program\n```\n# no heading\n```\n## `log.jsonl`\n## A b\n## A b\n")],
    ['the-paper-and-the-authors-program', 'logjsonl', 'a-b', 'a-b-1'],
  );
  assert.deepEqual(links('a/b/c.md', 'See [x](../c.md#y), [z](#w), [web](https://e.org) and `[no](code)`.'), [
    ['../c.md#y', 'a/c.md', 'y'],
    ['#w', 'a/b/c.md', 'w'],
  ]);
});
