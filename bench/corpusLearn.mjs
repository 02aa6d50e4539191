// Learning subwords: sections of bench/corpus.mjs.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cpuSecondsOf, median, runNode } from './commandTime.mjs';
import { writeNaturalText } from './naturalText.mjs';

/** How time and memory of `corpus learn-bpe` (two files, 10,000 joint merges) grow with the text. */
export function benchLearnBpe(root, folder, sizes) {
  let before;
  for (const lines of sizes) {
    const paths = [1, 2].map((seed) => join(folder, `natural-${lines}.${seed}`));
    for (const [i, path] of paths.entries()) writeNaturalText(path, { lines: lines / 2, seed: i + 1 });
    const run = runNode([
      join(root, 'dist/src/cli/main.js'),
      'corpus',
      'learn-bpe',
      '-i',
      ...paths,
      '-n',
      '10000',
      '-o',
      join(folder, `codes-${lines}`),
    ]);
    for (const path of paths) rmSync(path);
    const growth =
      before &&
      `; ${(run.cpuSeconds / before.seconds).toFixed(1)} times the time for ${lines / before.lines} times the lines: exponent ${(Math.log(run.cpuSeconds / before.seconds) / Math.log(lines / before.lines)).toFixed(2)}`;
    console.log(
      `corpus learn-bpe, ${lines.toLocaleString('en')} lines, 10,000 merges: ${run.cpuSeconds.toFixed(1)} s of processor time, ${((run.cpuSeconds / lines) * 1e6).toFixed(0)} us per line, ${run.wallSeconds.toFixed(1)} s, peak ${Math.round(run.peakMiB)} MiB${growth ?? ''}`,
    );
    before = { seconds: run.cpuSeconds, lines };
  }
}

/**
 * Compares `corpus learn-bpe` (10,000 merges) with subword-nmt's script on the same text, one thread each, in
 * alternating pairs.
 */
export function compareLearnBpe(coldstart, folder, { path, lines }, script, rounds) {
  const pairs = [];
  for (let round = 0; round < rounds; round++) {
    const [ours, theirs] = ['ours', 'theirs'].map((name) => join(folder, `${name}.${round}.codes`));
    pairs.push([
      cpuSecondsOf(coldstart('corpus', 'learn-bpe', '-i', path, '-n', '10000', '-o', ours)),
      cpuSecondsOf(['python3', script, '-i', path, '-s', '10000', '-o', theirs]),
    ]);
    if (!readFileSync(ours).equals(readFileSync(theirs)))
      throw new Error('the merges of corpus learn-bpe and of subword-nmt are not the same');
  }
  const times = (side) => pairs.map((pair) => pair[side].toFixed(2)).join(', ');
  console.log(`corpus learn-bpe, 10,000 merges, ${lines.toLocaleString('en')} lines: ${times(0)} s of processor time`);
  console.log(
    `learn_bpe.py, the same merges: ${times(1)} s; theirs / ours, median of ${rounds} alternating pairs: ${median(pairs.map(([ours, other]) => other / ours)).toFixed(1)}`,
  );
}

/**
 * Compares `corpus learn-spm` (unigram, 8,000 pieces) with spm_train on the same text, one thread each, in alternating
 * pairs.
 */
export function benchLearnSpm(coldstart, folder, { path, lines }, rounds) {
  const theirs = spawnSync('spm_train', ['--version'], { encoding: 'utf8' });
  if (theirs.error)
    console.log('learn-spm is not compared: there is no spm_train (Debian: apt install sentencepiece).');
  const pairs = [];
  for (let round = 0; round < rounds; round++) {
    const ours = cpuSecondsOf(
      coldstart(
        'corpus',
        'learn-spm',
        '-i',
        path,
        '-n',
        '8000',
        '--character-coverage',
        '1',
        '-o',
        join(folder, `ours.${round}.model`),
      ),
    );
    if (theirs.error) {
      pairs.push([ours]);
      continue;
    }
    const spmTrain = [
      'spm_train',
      `--input=${path}`,
      '--model_type=unigram',
      '--vocab_size=8000',
      '--character_coverage=1',
      '--num_threads=1',
      '--minloglevel=2',
      `--model_prefix=${join(folder, `theirs.${round}`)}`,
    ];
    pairs.push([ours, cpuSecondsOf(spmTrain)]);
  }
  const times = (side) => pairs.map((pair) => pair[side].toFixed(1)).join(', ');
  console.log(
    `corpus learn-spm, unigram, 8,000 pieces, ${lines.toLocaleString('en')} lines: ${times(0)} s of processor time`,
  );
  if (!theirs.error)
    console.log(
      `spm_train ${`${theirs.stdout}${theirs.stderr}`.trim().split(' ').at(-1)}, one thread: ${times(1)} s; ours / theirs, median of ${rounds} alternating pairs: ${median(pairs.map(([ours, other]) => ours / other)).toFixed(2)}`,
    );
}
