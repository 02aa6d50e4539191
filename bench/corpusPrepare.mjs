// Memory and speed of `corpus prepare` as a corpus grows: a section of bench/corpus.mjs. The text is made up: short
// lines of words with natural frequencies, in which one word in a hundred is a rare one, so that new words never cease
// to appear.
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { runNode } from './commandTime.mjs';

let state = 1;
const random = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 4294967296) * n);
};

const syllables = {
  de: [
    'au',
    'ber',
    'chen',
    'der',
    'ei',
    'fen',
    'ge',
    'hau',
    'ich',
    'ke',
    'lich',
    'ma',
    'nen',
    'or',
    'ra',
    'sch',
    'ten',
    'ung',
    'ver',
    'zu',
  ],
  en: [
    'al',
    'ble',
    'con',
    'de',
    'er',
    'fo',
    'ger',
    'hi',
    'ing',
    'ly',
    'me',
    'nt',
    'or',
    'pre',
    're',
    'st',
    'tion',
    'un',
    've',
    'y',
  ],
};

/** The word of a number: the smaller, the shorter. */
function spell(number, language) {
  let word = '';
  for (let rest = number + 1; rest > 0; rest = Math.floor(rest / 20)) word += syllables[language][rest % 20];
  return word;
}

function sentence(language) {
  const words = Array.from({ length: 3 + random(5) }, () =>
    spell(random(100) === 0 ? random(2 ** 31) : Math.floor(Math.exp((random(1e6) / 1e6) * Math.log(50000))), language),
  );
  return `${words[0][0].toUpperCase()}${words.join(' ').slice(1)}${random(4) === 0 ? ', ' + spell(random(50), language) : ''}.\n`;
}

function writeText(path, language, numLines) {
  const file = openSync(path, 'w');
  for (let line = 0; line < numLines;) {
    let chunk = '';
    for (const end = Math.min(numLines, line + 10000); line < end; line++) chunk += sentence(language);
    writeSync(file, chunk);
  }
  closeSync(file);
}

/**
 * Prints peak memory and time for each size, and each number of workers at the first size. Merges are learnt at the
 * first size and given to the others, unless `learn` is set: learning holds the distinct words, whose number grows with
 * the text.
 */
export function benchPrepare(root, folder, sizes, workers, learn) {
  for (const [index, pairs] of sizes.entries()) {
    const home = join(folder, `prepare-${pairs}`);
    mkdirSync(home);
    for (const language of ['de', 'en']) writeText(join(home, `train.${language}`), language, pairs);
    let first;
    for (const count of index === 0 ? workers : workers.slice(0, 1)) {
      const given =
        index > 0 && !learn ? join(folder, `prepare-${sizes[0]}`, `out${workers[0]}`, 'subwords.src.codes') : null;
      const config = join(home, `workers${count}.yaml`);
      writeFileSync(
        config,
        `corpus:
  dir: ${join(home, `out${count}`)}
  srcLang: de
  trgLang: en
  train: { src: train.de, trg: train.en }
  normalize: { punctuation: true }
  tokenize: { method: moses }
  clean: { maxTokens: 100, maxRatio: 3, duplicates: [pair] }
  letterCase: lower
  subwords: { method: bpe, ${given ? `codes: ${given}` : 'merges: 8000'} }
`,
      );
      const run = runNode([
        join(root, 'dist/src/cli/main.js'),
        'corpus',
        'prepare',
        '-c',
        config,
        '--workers',
        String(count),
        '--json',
      ]);
      const { stages } = JSON.parse(run.stdout);
      console.log(
        `corpus prepare, ${pairs.toLocaleString('en')} pairs, ${count} ${count === 1 ? 'thread' : 'threads'}, merges ${given ? 'given' : 'learnt'}: peak ${Math.round(run.peakMiB)} MiB, ${run.cpuSeconds.toFixed(1)} s of processor time, ${run.wallSeconds.toFixed(1)} s, ${Math.round(pairs / run.cpuSeconds).toLocaleString('en')} pairs per processor second`,
      );
      console.log(
        `  ${stages
          .filter(({ seconds }) => seconds >= 0.05 * run.wallSeconds)
          .map(({ stage, seconds }) => `${stage} ${seconds.toFixed(1)} s`)
          .join(', ')}`,
      );
      if (first)
        console.log(
          `  ${count} threads against ${workers[0]}: ${(first.wallSeconds / run.wallSeconds).toFixed(2)} times as fast, ${(run.cpuSeconds / first.cpuSeconds).toFixed(2)} times the processor time`,
        );
      first ??= run;
    }
  }
}
