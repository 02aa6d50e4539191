import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../../', import.meta.url));

/** Every Markdown page of the repository's top folder and of docs/, by its path from the top: path → text. */
export function markdownPages(): Map<string, string> {
  const names = [
    ...readdirSync(project),
    ...readdirSync(join(project, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name)),
  ].map((name) => name.replaceAll('\\', '/'));
  return new Map(
    names.filter((name) => name.endsWith('.md')).map((name) => [name, readFileSync(join(project, name), 'utf8')]),
  );
}
