import { existsSync } from 'node:fs';
import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const project = fileURLToPath(new URL('../../../', import.meta.url));

const script = (name: string): Promise<unknown> => import(new URL(`scripts/browser/${name}`, `file://${project}`).href);

/** scripts/browser/bundle.mjs */
export async function bundle(entries: readonly string[], outdir: string): Promise<void> {
  const { bundle: run } = (await script('bundle.mjs')) as {
    bundle: (entries: readonly string[], outdir: string) => Promise<unknown>;
  };
  await run(entries, outdir);
}

/** scripts/browser/buildPage.mjs */
export async function buildPage(out: string): Promise<void> {
  const { buildPage: run } = (await script('buildPage.mjs')) as { buildPage: (out: string) => Promise<void> };
  await run(out);
}

/** scripts/browser/serve.mjs, on any free port. */
export async function serve(folder: string): Promise<Server> {
  const { serve: run } = (await script('serve.mjs')) as { serve: (folder: string, port: number) => Promise<Server> };
  return run(folder, 0);
}

export const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

/** For `skip` of a test. */
export const withoutBrowser = browserPath === undefined && 'no Chromium here (Debian: apt-get install chromium)';

/** A software device for WebGPU. */
export const browserArguments = ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
