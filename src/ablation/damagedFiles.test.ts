import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadConfig } from '../config/loadConfig.js';
import { openPreparedCorpus } from '../corpus/preparedCorpus.js';
import { readPrepareManifest } from '../corpus/prepare/manifest.js';
import { ColdstartError, DataError } from '../errors.js';
import { ablationMarkdown } from '../report/text/ablationReport.js';
import { ablationCsv } from '../report/text/ablationCsv.js';
import { corpusIdentity, findRun } from '../run/runFolder.js';
import { summarizeLog } from '../run/runScores.js';
import { jsonMutations, withoutChecksum } from '../../test/jsonMutations.js';
import { readRunFile } from '../../test/runFileReaders.js';
import { coldstart, makeRealAblation } from '../../test/realAblation.js';
import { planAblation } from './ablationPlan.js';
import { checkExistingRuns } from './existingRuns.js';
import { gatherAblation } from './gatherAblation.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-damaged-'));
const ablation = join(folder, 'ablation');
const run = join(ablation, 'gradinit-adam', 'seed-1');
before(() => makeRealAblation(folder));
after(() => rmSync(folder, { recursive: true }));

/** Replaces a file's text while `body` runs. */
function withText(path: string, text: string, act: () => void): void {
  const original = readFileSync(path);
  writeFileSync(path, text);
  try {
    act();
  } finally {
    writeFileSync(path, original);
  }
}

/** Errors must be addressed to the user. @returns the message, or undefined if nothing was wrong */
function messageOf(act: () => unknown, what: string): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ColdstartError, `${what}: ${(error as Error).stack}`);
    return error.message;
  }
}

/** What report, watch, ablate and train --resume read of a folder. */
function readers(): (() => unknown)[] {
  const plan = planAblation(loadConfig(join(folder, 'config.yaml')), ablation);
  const own = loadConfig(join(run, 'config.yaml'));
  const manifest = readPrepareManifest(join(folder, 'data'))!;
  return [
    () => {
      const data = gatherAblation(ablation, { bootstrapSamples: 1 });
      ablationMarkdown(data);
      ablationCsv(data);
    },
    () => checkExistingRuns(plan, ablation),
    () => {
      findRun(run, own, { corpus: corpusIdentity(manifest) }, true);
      summarizeLog(join(run, 'log.jsonl'));
    },
  ];
}

test('every field of every JSON file of an ablation and a run: no change of it is a defect of the program', () => {
  let [changes, refused] = [0, 0];
  const all = readers();
  // what only displays and totals of the run show
  const ofRun = [
    () => ablationMarkdown(gatherAblation(run, { bootstrapSamples: 0 })),
    () => summarizeLog(join(run, 'log.jsonl')),
  ];
  const readAll = (what: string, reads: readonly (() => unknown)[]): string[] =>
    reads.flatMap((read) => messageOf(read, what) ?? []);
  const paths = [
    join(ablation, 'plan.json'),
    ...['run.json', 'scores.json', 'gradinit.json', 'gradients.json'].map((name) => join(run, name)),
  ];
  for (const path of paths)
    for (const { what, text } of jsonMutations(withoutChecksum(readFileSync(path, 'utf8')), 1))
      withText(path, text, () => {
        changes++;
        const own = messageOf(() => readRunFile(path), `${path} ${what}`);
        const reads = path.includes('seed-1') && !path.endsWith('run.json') ? ofRun : all;
        const messages = own === undefined ? readAll(`${path} ${what}`, reads) : [own];
        if (messages.length > 0) refused++;
        for (const message of messages)
          if (!/RUN_DIFFERS|holds a run that differs|made with other settings/.test(message))
            assert.ok(message.includes(path), `${what}: ${message}`);
      });
  const log = join(run, 'log.jsonl');
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  const seen = new Set<string>();
  for (const [i, line] of lines.entries()) {
    const { event } = JSON.parse(line) as { event: string };
    if (seen.has(event)) continue;
    seen.add(event);
    for (const { what, text } of jsonMutations(withoutChecksum(line), 1))
      withText(log, `${lines.with(i, text).join('\n')}\n`, () => {
        changes++;
        const own = messageOf(() => readRunFile(log), `${log} ${event} ${what}`);
        if (own !== undefined || readAll(`${log} ${event} ${what}`, ofRun).length > 0) refused++;
      });
  }
  assert.ok(changes > 100 && refused > changes / 3, `${changes} changes, ${refused} refused`);
});

test('a file that is not JSON, empty, cut short or a folder is named, with what to do; no message says to remove scores', () => {
  const scores = join(run, 'scores.json');
  for (const text of ['', '{', 'null', '[]', '\0\0\0', '"x"'])
    withText(scores, text, () => {
      const message = messageOf(() => gatherAblation(ablation), text)!;
      assert.match(message, /scores\.json(:| is not JSON:).*Move it out of the folder/s);
      assert.doesNotMatch(message, /remove/i);
    });
  const whole = withoutChecksum(readFileSync(scores, 'utf8')) as { test: object };
  withText(scores, JSON.stringify({ ...whole, test: { ...whole.test, bleu: 'high' } }), () =>
    assert.throws(() => gatherAblation(ablation), {
      name: 'DataError',
      message: new RegExp(`^${scores}: test\\.bleu is "high", expected a number\\. `),
    }),
  );
});

test('manifest and text settings of a prepared corpus: every field changed', async () => {
  for (const name of ['manifest.json', 'text.json']) {
    const path = join(folder, 'data', name);
    const original = readFileSync(path, 'utf8');
    try {
      for (const { what, text } of jsonMutations(withoutChecksum(original), 2)) {
        writeFileSync(path, text);
        try {
          const corpus = await openPreparedCorpus(join(folder, 'data'));
          for (const split of ['train', 'valid', 'test'] as const) if (corpus.has(split)) corpus.dataset(split);
          corpus.text('test', 'trg');
          await corpus.close();
        } catch (error) {
          assert.ok(error instanceof DataError, `${name} ${what}: ${(error as Error).stack}`);
        }
      }
    } finally {
      writeFileSync(path, original);
    }
  }
});

test('the command line: damaged files end with a message, never with "defect"', () => {
  const cases: [string, string, string[]][] = [
    [join(run, 'scores.json'), '{"status":"finished"}', ['report', 'ablation']],
    [join(run, 'scores.json'), '{"status":"finished"}', ['ablate', '-c', 'config.yaml', '--run', 'ablation']],
    [join(run, 'run.json'), '{"corpus":[]}', ['report', 'ablation']],
    [join(run, 'log.jsonl'), '{"event":5}\n', ['report', 'ablation/gradinit-adam/seed-1']],
    [join(folder, 'data', 'manifest.json'), '{"outputs":1}', ['train', '-c', 'config.yaml', '--run', 'new']],
  ];
  for (const [path, text, args] of cases)
    withText(path, text, () => {
      const { status, output } = coldstart(args, folder);
      assert.equal(status, 1, output);
      assert.ok(output.includes(path.slice(path.lastIndexOf('/') + 1)), output);
      assert.doesNotMatch(output, /defect|TypeError/);
    });
  assert.deepEqual(
    readdirSync(folder).filter((name) => name === 'new'),
    [],
  );
});
