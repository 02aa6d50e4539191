import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { coldstart, makeRealCorpus } from '../../test/realAblation.js';
import { readCheckpoint } from '../train/checkpoint.js';

const folder = mkdtempSync(join(tmpdir(), 'coldstart-sample-subwords-'));
after(() => rmSync(folder, { recursive: true }));

const set = (...settings: string[]): string[] => settings.flatMap((setting) => ['--set', setting]);
const corpus = set('corpus.dir=all', 'corpus.subwords.merges=300', 'corpus.vocabulary.allUnits=true');
const train = (run: string, ...args: string[]) =>
  coldstart(['train', '-c', 'config.yaml', '--run', run, ...corpus, ...args], folder);
const ok = ({ status, output }: { status: number | null; output: string }): void => assert.equal(status, 0, output);
const paramsOf = (run: string) => readCheckpoint(join(folder, run, 'checkpoints', 'last.safetensors')).params;

before(() => {
  makeRealCorpus(folder);
  ok(coldstart(['corpus', 'prepare', '-c', 'config.yaml', ...corpus], folder));
});

test('a run that was interrupted in its second epoch is the same as one that was not', () => {
  const sampled = set('train.sampleSubwords=both', 'train.subwordDropout=0.3', 'train.maxTokens=1500');
  ok(train('whole', ...sampled, ...set('train.maxUpdates=14')));
  ok(train('parts', ...sampled, ...set('train.maxUpdates=11')));
  ok(train('parts', ...sampled, ...set('train.maxUpdates=14'), '--resume'));
  assert.deepEqual(paramsOf('parts'), paramsOf('whole'));
  const { epoch, update } = readCheckpoint(join(folder, 'parts', 'checkpoints', 'last.safetensors')).training!.position;
  assert.ok(epoch >= 2 && update === 14, `epoch ${epoch}`);
});

test('dropout 0 trains bit for bit as without, and dropout does not', () => {
  ok(train('usual'));
  ok(train('zero', ...set('train.sampleSubwords=both', 'train.subwordDropout=0')));
  ok(train('some', ...set('train.sampleSubwords=trg')));
  assert.deepEqual(paramsOf('zero'), paramsOf('usual'));
  assert.notDeepEqual(paramsOf('some'), paramsOf('usual'));
  assert.match(
    readFileSync(join(folder, 'some', 'config.yaml'), 'utf8'),
    / {2}sampleSubwords: trg\n {2}subwordDropout: 0\.1\n/,
  );
});

test('a vocabulary that lacks units is refused before anything is written', () => {
  ok(
    coldstart(
      ['corpus', 'prepare', '-c', 'config.yaml', ...set('corpus.dir=few', 'corpus.subwords.merges=300')],
      folder,
    ),
  );
  for (const args of [[], ['--dry-run']]) {
    const refused = train('refused', ...set('corpus.dir=few', 'train.sampleSubwords=trg'), ...args);
    assert.equal(refused.status, 2);
    assert.match(
      refused.output,
      /--set: train\.sampleSubwords splits words into units that the target vocabulary of .*few lacks: \d+ of them/,
    );
  }
  assert.ok(!existsSync(join(folder, 'refused')));
});
