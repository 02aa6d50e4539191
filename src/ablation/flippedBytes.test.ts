import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadConfig } from '../config/loadConfig.js';
import { readPrepareManifest } from '../corpus/prepare/manifest.js';
import { openPreparedCorpus } from '../corpus/preparedCorpus.js';
import { ColdstartError } from '../errors.js';
import { Random } from '../random/xoshiro.js';
import { LearningLog } from '../run/learningLog.js';
import { corpusIdentity, findRun } from '../run/runFolder.js';
import { summarizeLog } from '../run/runScores.js';
import { openTextPipeline } from '../text/textPipeline.js';
import { readCheckpoint } from '../train/checkpoint.js';
import { makeRealAblation } from '../../test/realAblation.js';
import { planAblation } from './ablationPlan.js';
import { gatherAblation } from './gatherAblation.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-flipped-'));
const data = join(folder, 'data');
const ablation = join(folder, 'ablation');
const run = join(ablation, 'gradinit-adam', 'seed-1');
before(() => makeRealAblation(folder));
after(() => rmSync(folder, { recursive: true }));

const flipsPerFile = 8;
const random = new Random(15);

/** SHA-256 over values, typed arrays among them. */
function digestOf(values: readonly unknown[]): string {
  const hash = createHash('sha256');
  for (const value of values)
    hash.update(
      ArrayBuffer.isView(value)
        ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
        : `${JSON.stringify(value)}\n`,
    );
  return hash.digest('hex');
}

/** Everything that a run reads from a prepared corpus. */
async function corpusNumbers(): Promise<string> {
  const corpus = await openPreparedCorpus(data);
  try {
    const splits = (['train', 'valid', 'test'] as const).flatMap((split) => {
      const dataset = corpus.dataset(split);
      const rows = Array.from({ length: dataset.length }, (_, row) => row);
      return [...dataset.pairs(rows)].flatMap(({ src, trg }) => [Int32Array.from(src), Int32Array.from(trg)]);
    });
    const text = (['valid', 'test'] as const).flatMap((split) =>
      (['src', 'trg'] as const).flatMap((side) => [corpus.text(split, side), corpus.rawText(split, side)]),
    );
    const encoded = await corpus.pipeline.encodeSources(corpus.rawText('test', 'src'));
    return digestOf([corpus.manifest, ...splits, ...text, ...encoded]);
  } finally {
    await corpus.close();
  }
}

/** Everything that resuming, translating, averaging and reporting read from a run. */
async function runNumbers(file: string): Promise<string> {
  if (file.endsWith('.safetensors')) {
    const { params, config, training } = readCheckpoint(file);
    const slots = [...(training?.slots ?? [])].flatMap(([name, slot]) => [
      name,
      ...[...slot.values()].map((t) => t.data),
    ]);
    return digestOf([config, training?.position, ...slots, ...[...params].flatMap(([name, { data }]) => [name, data])]);
  }
  if (basename(file) === 'learning.jsonl') {
    const log = LearningLog.open(file, { seed: 1 });
    log.close();
    const iterations = log.done as { scales: unknown; scaleGradients: unknown; seconds: unknown }[];
    return digestOf(iterations.map(({ scales, scaleGradients, seconds }) => [scales, scaleGradients, seconds]));
  }
  // of an ablation the sources of its first run are shown
  if (basename(file) === 'test.src') return digestOf([gatherAblation(run, { bootstrapSamples: 0 }).samples]);
  if (file.includes('text')) {
    const pipeline = await openTextPipeline(join(run, 'text'));
    const encoded = await pipeline.encodeSources(['der Hund sieht die Katze', 'eine Katze']);
    await pipeline.close();
    return digestOf([...encoded, pipeline.trgVocabulary.decode([4, 5, 6, 7, 8]), pipeline.trgVocabulary.size]);
  }
  const plan = planAblation(loadConfig(join(folder, 'config.yaml')), ablation);
  const { config } = plan.runs.find(({ runDir }) => runDir === run)!;
  const identity = { corpus: corpusIdentity(readPrepareManifest(data)!) };
  findRun(run, config, identity, true);
  const gathered = gatherAblation(ablation, { bootstrapSamples: 20 });
  // only displayed: the folder's age, the comments of a configuration
  const runs = gathered.runs.map(({ lastWrittenMs: _, configYaml: __, ...numbers }) => numbers);
  return digestOf([{ ...gathered, runs }, summarizeLog(join(run, 'log.jsonl'))]);
}

/** Bytes flipped one at a time: each is noticed with an error that names the file, or changes no number. */
async function flipBytes(paths: readonly string[], numbers: (path: string) => Promise<string>): Promise<void> {
  let noticed = 0;
  for (const path of paths) {
    const original = readFileSync(path);
    const expected = await numbers(path);
    // an iteration without the end of its line is learned again, with the same result
    const end = path.endsWith('learning.jsonl') ? original.length - 1 : original.length;
    const places = [0, end - 1, ...Array.from({ length: flipsPerFile }, () => random.below(end))];
    for (const at of places) {
      const bytes = Buffer.from(original);
      bytes[at] ^= 1 + random.below(255);
      writeFileSync(path, bytes);
      const what = `${path}, byte ${at} from ${original[at]} to ${bytes[at]}`;
      try {
        assert.equal(await numbers(path), expected, `${what} went unseen`);
      } catch (error) {
        assert.ok(error instanceof ColdstartError, `${what}: ${(error as Error).stack}`);
        assert.ok(error.message.includes(basename(path)), `${what}: ${error.message}`);
        noticed++;
      }
    }
    writeFileSync(path, original);
  }
  assert.ok(noticed > 0.8 * paths.length * flipsPerFile, `${noticed} of ${paths.length} × ${flipsPerFile} noticed`);
}

/** What a power failure can leave of a file: nothing, its first half, zeros. Each is noticed by name. */
async function loseBytes(paths: readonly string[], numbers: (path: string) => Promise<string>): Promise<void> {
  for (const path of paths) {
    const original = readFileSync(path);
    const half = original.subarray(0, original.length >> 1);
    const left = [
      Buffer.alloc(0),
      half,
      Buffer.alloc(original.length),
      Buffer.concat([half, Buffer.alloc(half.length)]),
    ];
    for (const bytes of left) {
      writeFileSync(path, bytes);
      await assert.rejects(
        numbers(path),
        (error: Error) => error instanceof ColdstartError && error.message.includes(basename(path)),
        `${path}, ${bytes.length} of ${original.length} bytes left`,
      );
    }
    writeFileSync(path, original);
  }
}

const isFile = (path: string): boolean => statSync(path).isFile();

test('what a power failure leaves of a file is noticed by name', async () => {
  await loseBytes(
    readdirSync(data).map((name) => join(data, name)),
    corpusNumbers,
  );
  const own = readdirSync(run, { recursive: true, encoding: 'utf8' }).map((name) => join(run, name));
  // the end of a log may be missing whenever a run was killed; translations by other parameters are only for the user
  await loseBytes(
    own.filter((path) => isFile(path) && !/tfevents|\.jsonl$|test\.\w+\.hyp$/.test(path)),
    runNumbers,
  );
});

test('a byte flipped in a file of a prepared corpus is noticed by name, or changes nothing', async () => {
  await flipBytes(
    readdirSync(data).map((name) => join(data, name)),
    corpusNumbers,
  );
});

test('a byte flipped in a file of a run or of an ablation is noticed by name, or changes nothing', async () => {
  const log = LearningLog.open(join(run, 'learning.jsonl'), { seed: 1 });
  log.append({ scales: [0.5], scaleGradients: [1.25], seconds: 1 });
  log.close();
  const files = readdirSync(run, { recursive: true, encoding: 'utf8' })
    .map((name) => join(run, name))
    .filter((path) => statSync(path).isFile() && !path.includes('tfevents'));
  await flipBytes([...files, join(ablation, 'plan.json')], runNumbers);
});
