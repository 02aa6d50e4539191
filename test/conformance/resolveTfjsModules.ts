/**
 * Module hooks that let Node load the ES modules inside tfjs-core's dist folder: their imports have no file endings,
 * and their package does not say that they are modules.
 */
import { existsSync } from 'node:fs';
import type { LoadHook, ResolveHook } from 'node:module';
import { fileURLToPath } from 'node:url';

const isTfjsModule = (url: string): boolean =>
  url.includes('/@tensorflow/tfjs-core/dist/') && !url.includes('tf-core.');

// a bundler would give the members of this CommonJS package as named imports
const seedrandomModule = (parent: string): string =>
  'data:text/javascript,' +
  encodeURIComponent(
    `import { createRequire } from 'node:module'; export const { alea, xor128, tychei } = createRequire(${JSON.stringify(parent)})('seedrandom');`,
  );

export const resolve: ResolveHook = (specifier, context, next) => {
  if (specifier === 'seedrandom' && context.parentURL !== undefined)
    return { url: seedrandomModule(context.parentURL), shortCircuit: true };
  if (specifier.startsWith('.') && context.parentURL !== undefined && isTfjsModule(context.parentURL)) {
    const base = new URL(specifier, context.parentURL);
    for (const ending of ['.js', '/index.js', '']) {
      const url = new URL(base.href + ending);
      if (existsSync(fileURLToPath(url)) && ending !== '') return { url: url.href, shortCircuit: true };
    }
  }
  return next(specifier, context);
};

export const load: LoadHook = (url, context, next) =>
  next(url, isTfjsModule(url) ? { ...context, format: 'module' } : context);
