// Exports models in every format, has the programs that read them translate, and compares with coldstart's own
// translations: `./scripts/interop`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exporters } from '../../dist/src/export/exporters.js';
import { bleuDifference } from './bleuDifference.mjs';
import { consumers } from './consumers.mjs';
import { trainModels } from './models.mjs';
import { interopOptions } from './options.mjs';
import { installPeers } from './peers.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const options = interopOptions();
const folder = resolve(options.folder);
mkdirSync(folder, { recursive: true });
const read = (path) => readFileSync(path, 'utf8').replace(/\n$/, '').split('\n');
const environment = { ...process.env, OMP_NUM_THREADS: process.env.OMP_NUM_THREADS ?? '1' };

/** Runs a command; its output is shown only if it fails. */
function execute([program, ...args], cwd = folder) {
  const started = performance.now();
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env: environment,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  return {
    status,
    text: `${error?.message ?? ''}${stderr}${stdout}`.trim(),
    seconds: (performance.now() - started) / 1000,
  };
}

const coldstart = (args) => {
  const result = execute([process.execPath, join(root, 'dist/src/cli/main.js'), ...args]);
  if (result.status !== 0) throw new Error(`coldstart ${args.join(' ')}\n${result.text}`);
  return result;
};

console.log('installing what reads exports ...');
const peers = installPeers(folder, {
  ...(options.npm && { npm: resolve(options.npm) }),
  ...(options.python && { python: resolve(options.python) }),
});
const runs =
  options.run.length > 0
    ? Object.fromEntries(options.run.map((each) => each.split(/=(.*)/s).slice(0, 2)))
    : (console.log('training small models ...'), trainModels(folder, coldstart, { updates: +options.updates }));

const wanted = consumers.filter(
  ({ name, format }) => options.only === undefined || `${name} ${format}`.includes(options.only),
);
const rows = [];
const failures = [];
const notRun = new Map();

for (const [name, runFolder] of Object.entries(runs)) {
  const run = resolve(runFolder);
  const work = join(folder, 'work', name);
  mkdirSync(work, { recursive: true });
  const source = join(work, 'source');
  const lines = read(options.source ?? join(run, 'test.src')).slice(0, +options.lines);
  writeFileSync(source, lines.map((line) => `${line}\n`).join(''));
  const references = read(options.reference ?? join(run, 'test.ref')).slice(0, lines.length);
  const use = options.use === undefined ? [] : ['--use', options.use];
  const own = {};
  const translated = (search) => {
    if (own[search] === undefined) {
      const output = join(work, search);
      rmSync(output, { force: true });
      const beam = search === 'greedy' ? ['--beam', '1'] : ['--beam', '5', '--lenpen', '1'];
      coldstart(['translate', '--run', run, ...use, ...beam, '--input', source, '--output', output]);
      own[search] = read(output);
    }
    return own[search];
  };
  const exports = new Map();
  /** An export made once per format and dtypes; or why it is missing. */
  const exported = (format, dtypes) => {
    const key = `${format}-${dtypes.join('-')}`;
    if (!exports.has(key)) {
      const out = join(work, key);
      rmSync(out, { recursive: true, force: true });
      const args = ['export', '--run', run, ...use, '--format', format, '--out', out, '--no-score'];
      const result = execute([
        process.execPath,
        join(root, 'dist/src/cli/main.js'),
        ...args,
        ...(dtypes.length > 0 ? ['--dtype', ...dtypes] : []),
      ]);
      exports.set(key, result.status === 0 ? { out, seconds: result.seconds } : { refused: result.text });
    }
    return exports.get(key);
  };

  for (const consumer of wanted) {
    const exporter = exporters.find((each) => each.name === consumer.format);
    const lacking = consumer.needs.filter((need) => !peers.present.has(need));
    if (lacking.length > 0) {
      for (const need of lacking) notRun.set(need, peers.missing[need]);
      continue;
    }
    for (const each of consumer.cases ?? [{ dtype: 'all' }]) {
      const dtypes = exporter.severalDtypes ? exporter.dtypes : each.dtype === 'all' ? [] : [each.dtype];
      const { out, refused } = exported(consumer.format, dtypes);
      const row = {
        model: name,
        consumer: consumer.name,
        format: consumer.format,
        dtype: each.dtype,
        search: each.search ?? '',
      };
      const shown = [name, consumer.name, each.dtype, each.search].filter((part) => part !== undefined).join(', ');
      const done = (verdict, passed) => {
        rows.push({ ...row, verdict });
        if (!passed) failures.push(`${shown}: ${verdict}`);
        console.log(`${passed ? 'ok    ' : 'FAILED'} ${shown}: ${verdict}`);
      };
      if (refused !== undefined) {
        const [, reason] = /cannot hold this model: (.*?)\. /s.exec(refused) ?? [];
        done(`refused: ${reason ?? refused}`, reason !== undefined);
        continue;
      }
      const output = join(work, `${consumer.name}-${each.dtype}-${each.search}`.replaceAll(/[^\w.-]+/g, '_'));
      for (const name of [output, `${output}.cut`]) rmSync(name, { force: true });
      const task = { peers, folder: out, dtype: each.dtype, source, output, run, search: each.search };
      const { status, text, seconds } = execute((consumer.check ?? consumer.command)(task), root);
      if (status !== 0) done(`exit status ${status}: ${text.split('\n').slice(-3).join(' / ')}`, false);
      else if (consumer.check) done('valid', true);
      else if (!existsSync(output)) done('it wrote nothing', false);
      else {
        const [ours, theirs] = [translated(each.search), read(output)];
        const differing = ours.flatMap((line, i) => (line === theirs[i] ? [] : [i]));
        const equal = ours.length - differing.length;
        // the runtime ends long translations by cutting them, coldstart with </s>: their scores differ, and so what is
        // the best of a beam
        const cutLines = new Set(existsSync(`${output}.cut`) ? JSON.parse(readFileSync(`${output}.cut`, 'utf8')) : []);
        const cut = differing.filter((i) => cutLines.has(i)).length;
        if (ours.length !== theirs.length) {
          done(`it wrote ${theirs.length} lines, expected ${ours.length}`, false);
          continue;
        }
        const { bleu, difference, margin } = bleuDifference(ours, theirs, references);
        const passed =
          (each.equal === undefined || equal + cut >= each.equal * ours.length) &&
          (each.bleu === undefined || Math.abs(difference) - margin <= each.bleu); // beyond the noise of so few lines
        const sign = difference >= 0 ? '+' : '';
        done(
          `${equal} of ${ours.length} equal${cut > 0 ? `, ${cut} cut at the maximal length` : ''}, BLEU ${bleu.toFixed(2)} ${sign}${difference.toFixed(2)} ± ${margin.toFixed(2)}, ${seconds.toFixed(0)} s`,
          passed,
        );
      }
    }
  }
}

const columns = ['model', 'consumer', 'format', 'dtype', 'search', 'verdict'];
const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => row[column].length)));
const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
console.log(`\n${line(columns)}\n${line(widths.map((width) => '-'.repeat(width)))}`);
for (const row of rows) console.log(line(columns.map((column) => row[column])));
console.log('');
for (const [need, reason] of notRun)
  console.log(
    `not run: ${wanted
      .filter(({ needs }) => needs.includes(need))
      .map(({ name }) => name)
      .join(', ')}, as ${need} is not here: ${reason}`,
  );
console.log(failures.length === 0 ? 'All that ran passed.' : `${failures.length} failed:\n  ${failures.join('\n  ')}`);
process.exit(failures.length === 0 ? 0 : 1);
