// Runs the compiled tests with Node's own runner: `npm test`, or `npm test -- name` for files whose path holds `name`.
// With --corpora DIR only the tests in test/corpora run, on the real corpora in DIR: `npm run test:corpora -- DIR`.
// With --package only those in test/package run, which install the package and build its engine: minutes, and npm's
// registry.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const withCorpora = process.argv[2] === '--corpora';
const corpora = withCorpora ? process.argv[3] : undefined;
const withPackage = process.argv[2] === '--package';
const wanted = process.argv.slice(withCorpora ? 4 : withPackage ? 3 : 2);

function stop(message) {
  console.error(message);
  process.exit(2);
}

function testFiles(dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return testFiles(path);
    // dist/ may hold compiled files of tests that no longer exist
    const source = join(root, relative(join(root, 'dist'), path)).replace(/\.js$/, '.ts');
    return entry.name.endsWith('.test.js') && existsSync(source) ? [path] : [];
  });
}

if (withCorpora && (corpora === undefined || !existsSync(corpora)))
  stop(`The folder of corpora, ${corpora ?? 'not given'}, does not exist. Use: npm run test:corpora -- DIR`);
if (!existsSync(join(root, 'dist'))) stop('Nothing is built (no dist/). Run "npm run build" first.');
/** Which run a test belongs to: the corpora's, the package's, or the run of all others. */
const runOf = (path) => /^dist[\\/]test[\\/](corpora|package)[\\/]/.exec(relative(root, path))?.[1];
const wantedRun = withCorpora ? 'corpora' : withPackage ? 'package' : undefined;
const files = testFiles(join(root, 'dist'))
  .filter((path) => runOf(path) === wantedRun)
  .filter((path) => wanted.length === 0 || wanted.some((name) => relative(root, path).includes(name)));
if (files.length === 0) stop(`No test file matches ${wanted.join(', ')}.`);

// Test files run side by side, one per core; more threads per file would only wait for each other. Tests of threads set
// this themselves.
const env = { ...process.env, OMP_NUM_THREADS: process.env.OMP_NUM_THREADS ?? '1' };
// A software GPU that scripts/setup-software-gpu.sh put next to the system: its driver, and the folder of its
// libraries.
const softwareGpu = join(root, 'software-gpu/env');
if (existsSync(softwareGpu)) {
  for (const line of readFileSync(softwareGpu, 'utf8').trim().split('\n')) {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name) env[name] = name === 'LD_LIBRARY_PATH' && env[name] ? `${value}:${env[name]}` : value;
  }
  if (existsSync(env.VK_DRIVER_FILES ?? '')) env.COLDSTART_SOFTWARE_GPU = '1';
  else
    console.error(
      'The software GPU in software-gpu/ is not there any more: remove that folder and run scripts/setup-software-gpu.sh.',
    );
}
if (withCorpora) env.COLDSTART_CORPORA = resolve(corpora);
const folder = mkdtempSync(join(tmpdir(), 'coldstart-tests-'));
const summary = join(folder, 'summary');
const reporters = [
  '--test-reporter=spec',
  '--test-reporter-destination=stdout',
  `--test-reporter=${new URL('testSummary.mjs', import.meta.url).href}`,
  `--test-reporter-destination=${summary}`,
];
const options = ['--enable-source-maps', '--test', ...reporters, ...files];
const { status } = spawnSync(process.execPath, options, { cwd: root, stdio: 'inherit', env });
if (existsSync(summary)) process.stdout.write(readFileSync(summary, 'utf8'));
rmSync(folder, { recursive: true });
process.exit(status ?? 1);
