// Bundles code for browsers with esbuild, in one way for the page and for the test of what it may import.
import { build } from 'esbuild';

/**
 * ES modules without any import that a browser does not resolve; one of Node's is an error.
 * @param entryPoints files, each of which becomes a file in `outdir`
 * @param options of esbuild, e.g. `write: false` to get the contents only
 */
export function bundle(entryPoints, outdir, options = {}) {
  return build({
    entryPoints,
    outdir,
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    splitting: true, // a backend is loaded when it is used
    minify: true,
    metafile: true,
    legalComments: 'linked',
    logLevel: 'silent', // errors are thrown
    ...options,
  });
}
