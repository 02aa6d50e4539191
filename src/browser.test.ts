import assert from 'node:assert/strict';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../../', import.meta.url));

/** What a bundle was made from, as esbuild reports it. */
interface Bundled {
  readonly metafile: {
    readonly inputs: Readonly<Record<string, unknown>>;
    readonly outputs: Readonly<
      Record<string, { readonly imports: { readonly path: string; readonly external?: true }[] }>
    >;
  };
}

async function bundle(entry: string): Promise<Bundled> {
  const script = (await import(join(project, 'scripts/browser/bundle.mjs'))) as {
    bundle(entries: string[], outdir: string, options: object): Promise<Bundled>;
  };
  return script.bundle([join(project, 'src', entry)], join(project, 'unused'), { write: false });
}

test("the browser's entry reaches no module of Node, and only these folders", async () => {
  const { metafile } = await bundle('browser.ts');
  const own = Object.keys(metafile.inputs)
    .map((path) => relative(project, join(process.cwd(), path)).replaceAll('\\', '/'))
    .filter((path) => path.startsWith('src/'));
  const folders = new Set(own.map((path) => path.split('/').slice(1, -1).join('/')));
  assert.deepEqual([...folders].sort(), [
    '',
    'backend',
    'backend/autodiff',
    'backend/autodiff/gradients',
    'backend/ops',
    'backend/wasm',
    'backend/webgpu',
    'data',
    'decode',
    'gradinit',
    'initial',
    'model',
    'parallel',
    'random',
    'score',
    'storage',
    'text',
    'train',
  ]);
  const left = Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(({ external }) => external));
  assert.deepEqual(left, [], 'imports that the bundle leaves to the browser');
});

test('a module of Node is found wherever it is imported', async () => {
  await assert.rejects(bundle('train/trainer.ts'), (error) => {
    const { errors } = error as { errors: { text: string }[] };
    return errors.some(({ text }) => text.includes('"node:fs"'));
  });
});
