/**
 * Runs tfjs-core's own test suite, as its npm package ships it, against the native backend. A separate program: the
 * suite resets tfjs's engine. Prints one JSON line { passed, skipped, failures: [{ name, message }] }.
 * Arguments: test files to run, by part of their name; all of them without arguments.
 */
import { readdirSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

interface SpecResult {
  readonly fullName: string;
  readonly status: string;
  readonly failedExpectations: readonly { message: string }[];
}

const require = createRequire(import.meta.url);
const dist = dirname(require.resolve('@tensorflow/tfjs-core/dist/index.js'));

register('./resolveTfjsModules.js', import.meta.url);
// the suite expects a bundler's `require` and jasmine's global functions
const jasmineRequire = require('jasmine-core/lib/jasmine-core/jasmine.js');
const jasmine = jasmineRequire.core(jasmineRequire);
const env = jasmine.getEnv({ suppressLoadErrors: true });
Object.assign(globalThis, jasmineRequire.interface(jasmine, env), { jasmine, require });
env.configure({ random: false, failFast: false });
jasmine.DEFAULT_TIMEOUT_INTERVAL = 20_000;

const importFrom = (path: string): Promise<Record<string, unknown>> => import(pathToFileURL(join(dist, path)).href);

await importFrom('index.js');
await importFrom('public/chained_ops/register_all_chained_ops.js');
await importFrom('register_all_gradients.js');
const { loadNative } = await import('../../src/backend/native/loadNative.js');
loadNative();
const { setTestEnvs } = (await importFrom('jasmine_util.js')) as { setTestEnvs(envs: object[]): void };
setTestEnvs([{ name: 'native', backendName: 'native', isDataSync: true }]);

const wanted = process.argv.slice(2);
const files = (readdirSync(dist, { recursive: true }) as string[]).filter((file) => file.endsWith('_test.js')).sort();
for (const file of files) {
  if (wanted.length === 0 || wanted.some((part) => file.includes(part))) await importFrom(file);
}

const failures: { name: string; message: string }[] = [];
let passed = 0;
let skipped = 0;
env.addReporter({
  specDone: ({ fullName, status, failedExpectations }: SpecResult) => {
    if (status === 'passed') passed += 1;
    else if (status === 'failed')
      failures.push({ name: fullName, message: failedExpectations[0]?.message.slice(0, 300) ?? 'no expectation' });
    else skipped += 1;
  },
  jasmineDone: () => {
    process.stdout.write(`\n${JSON.stringify({ passed, skipped, failures })}\n`, () => process.exit(0));
  },
});
env.execute();
