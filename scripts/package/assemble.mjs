// Assembles the package's dist/** from the checkout's compiled dist/src/**: without tests, without source maps, and
// with types that need neither @types/node nor tfjs's declarations.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';

const here = import.meta.dirname;

/** @param root the checkout */
export function assemblePackage(root) {
  const [sources, compiled, target] = ['src', 'dist/src', 'dist'].map((folder) => join(root, folder));
  for (const name of readdirSync(target))
    if (name !== 'src' && name !== 'test') rmSync(join(target, name), { recursive: true });
  const write = (path, text) => {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    writeFileSync(join(target, path), text);
  };
  // listed by source: dist/src may hold compiled files whose sources are gone
  for (const path of readdirSync(sources, { recursive: true })) {
    if (!path.endsWith('.ts') || /\.(test|as|d)\.ts$/.test(path)) continue;
    const script = path.replace(/\.ts$/, '.js');
    write(script, readFileSync(join(compiled, script), 'utf8').replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n'));
  }
  for (const made of ['backend/wasm/kernels.wasm', 'demo/pageText.bundle.js'])
    copyFileSync(join(compiled, made), join(target, made));
  chmodSync(join(target, 'cli/main.js'), 0o755);
  copyFileSync(join(here, 'tfjs.d.ts'), join(target, 'tfjs.d.ts'));
  copyFileSync(join(here, 'tensors.d.ts'), join(target, 'tensors.d.ts'));
  for (const [path, text] of declarations(compiled)) write(path, text);
}

/** The declarations that the entries lead to, by path. */
function declarations(compiled) {
  const found = new Map();
  const waiting = ['index.d.ts', 'browser.d.ts'];
  while (waiting.length > 0) {
    const path = waiting.pop();
    if (found.has(path) || !existsSync(join(compiled, path))) continue;
    const text = readFileSync(join(compiled, path), 'utf8');
    const tensors = relative(dirname(path), 'tensors.js').replaceAll('\\', '/');
    found.set(
      path,
      text
        .replaceAll("'@tensorflow/tfjs-core'", `'${tensors.startsWith('.') ? tensors : `./${tensors}`}'`)
        // without Node's types, a returned Buffer is a Uint8Array; a Buffer as a parameter would be a fault
        .replace(/(\): |=> |\b(?:AsyncIterable|AsyncGenerator|Promise)<)Buffer\b/g, '$1Uint8Array'),
    );
    for (const [, name] of text.matchAll(/(?:from |import\()["'](\.[^"']+)\.js["']/g))
      waiting.push(join(dirname(path), `${name}.d.ts`));
  }
  return found;
}
