// guideScript.mjs NPM_FOLDER EXPORT SOURCE OUTPUT: runs the script of docs/guide/export.md, as it is there, on the
// lines of a file.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const [npm, folder, source, output] = process.argv.slice(2);
const guide = join(dirname(fileURLToPath(import.meta.url)), '../../docs/guide/export.md');
const [, script] = /`export\/translate\.mjs`:\n\n```js\n(.*?)```/s.exec(readFileSync(guide, 'utf8'));
const work = mkdtempSync(join(tmpdir(), 'coldstart-guide-'));
try {
  mkdirSync(join(work, 'export'));
  writeFileSync(join(work, 'export/translate.mjs'), script);
  symlinkSync(join(resolve(npm), 'node_modules'), join(work, 'export/node_modules'));
  symlinkSync(resolve(folder), join(work, 'export/builtin'));
  const { status } = spawnSync(process.execPath, ['export/translate.mjs'], {
    cwd: work,
    stdio: [openSync(source, 'r'), openSync(output, 'w'), 'inherit'],
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(work, { recursive: true });
}
