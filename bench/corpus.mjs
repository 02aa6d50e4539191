// Speed of the corpus tools: `node bench/corpus.mjs [SECTION...] [--moses DIR] [--lines N]`, all sections by default.
// Sections: tokenize, apply-bpe, learn-bpe, learn-spm, prepare, clean.
//
// The text is Multi30k's raw training text, German then English, repeated until it has N lines (default 116,000; from
// the folder that --data DIR names, with train.de.gz and train.en.gz). Times are processor seconds (user and system) of
// whole commands that read a file and write nowhere, start included, the best of three rounds in which the compared
// commands take turns.
//
// learn-bpe makes its own text, of the sizes that --sizes 30000,300000,3000000 names. With --subword-nmt DIR, a folder
// with subword-nmt's learn_bpe.py, it is also compared with that script on Multi30k's words. learn-spm is compared with
// spm_train (Debian's package sentencepiece) in --rounds 3 alternating pairs.
//
// prepare makes its own text too, of the sizes that --pairs 50000,500000 names; --workers 1,2; --learn learns merges at
// every size, not just the first. `prepare --pairs 50000,5000000 --workers 2` shows that memory is bounded; it takes
// some minutes and 4 GB.
//
// --moses DIR: a folder with Moses' scripts/tokenizer, whose tokenizer.perl is then timed on the same text, one thread
// each.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseOptions } from './options.mjs';
import { gunzipSync } from 'node:zlib';
import { cpuSecondsOf } from './commandTime.mjs';
import { compareLearnBpe, benchLearnBpe, benchLearnSpm } from './corpusLearn.mjs';
import { benchPrepare } from './corpusPrepare.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options, positionals } = parseOptions({
  allowPositionals: true,
  options: {
    moses: { type: 'string' },
    'subword-nmt': { type: 'string' },
    data: { type: 'string' },
    lines: { type: 'string', default: '116000' },
    sizes: { type: 'string', default: '30000,300000' },
    rounds: { type: 'string', default: '3' },
    pairs: { type: 'string', default: '50000' },
    workers: { type: 'string', default: '1,2' },
    learn: { type: 'boolean' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'coldstart-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const coldstart = (...args) => [process.execPath, join(root, 'dist/src/cli/main.js'), ...args];

/** Writes a file of the given number of lines; gives its path, lines and words. */
function writeText(name, languages, numLines) {
  if (options.data === undefined || !existsSync(join(options.data, 'train.de.gz'))) {
    console.error(
      `no text at ${options.data ?? '(--data is missing)'}: name a folder with train.de.gz and train.en.gz by --data.`,
    );
    process.exit(1);
  }
  const once = languages.flatMap((language) =>
    gunzipSync(readFileSync(join(options.data, `train.${language}.gz`)))
      .toString('utf8')
      .split('\n')
      .slice(0, -1),
  );
  const lines = Array.from({ length: numLines }, (_, i) => once[i % once.length]);
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return { path, lines: numLines, words: lines.reduce((sum, line) => sum + line.split(' ').length, 0) };
}

/** The least seconds of each command, which take turns. */
function best(commands, path, rounds = 3) {
  const least = commands.map(() => Infinity);
  for (let round = 0; round < rounds; round++)
    commands.forEach((command, i) => (least[i] = Math.min(least[i], cpuSecondsOf(command, path))));
  return least;
}

const numbers = (text) => text.split(',').map(Number);
const show = (what, seconds, count, unit) =>
  console.log(
    `${what.padEnd(58)} ${seconds.toFixed(2).padStart(7)} s ${Math.round(count / seconds)
      .toLocaleString('en')
      .padStart(12)} ${unit}/s`,
  );

const sections = {
  tokenize() {
    for (const language of ['en', 'de']) {
      const text = writeText(`raw.${language}`, [language], Number(options.lines));
      const script = options.moses && join(options.moses, 'tokenizer.perl');
      const commands = [
        coldstart('corpus', 'tokenize', '-l', language),
        ...(script ? [['perl', script, '-q', '-l', language]] : []),
      ];
      const [ours, theirs] = best(commands, text.path);
      show(`corpus tokenize -l ${language}, ${text.lines} lines`, ours, text.lines, 'lines');
      if (theirs !== undefined) {
        show('tokenizer.perl', theirs, text.lines, 'lines');
        console.log(`ratio ${(theirs / ours).toFixed(1)}`);
      }
      for (const [name, ...args] of [['normalize', '-l', language], ['detokenize', '-l', language], ['lowercase']]) {
        show(`corpus ${name}`, best([coldstart('corpus', name, ...args)], text.path)[0], text.lines, 'lines');
      }
    }
  },

  'apply-bpe'() {
    const raw = writeText('raw', ['de', 'en'], Number(options.lines));
    const tokenised = join(folder, 'tok');
    cpuSecondsOf(coldstart('corpus', 'tokenize', '-l', 'de'), raw.path, tokenised);
    const codes = join(folder, 'codes');
    cpuSecondsOf(coldstart('corpus', 'learn-bpe', '-n', '10000', '-o', codes), tokenised);
    const words = readFileSync(tokenised, 'utf8').split(/[ \n]/).length;
    show(
      `corpus apply-bpe, ${raw.lines} lines, 10,000 merges`,
      best([coldstart('corpus', 'apply-bpe', '-c', codes)], tokenised)[0],
      words,
      'words',
    );
  },

  'learn-bpe'() {
    if (options['subword-nmt']) {
      const raw = writeText('raw', ['de', 'en'], 2 * Number(options.lines));
      const tokenised = join(folder, 'tok');
      cpuSecondsOf(coldstart('corpus', 'tokenize', '-l', 'de'), raw.path, tokenised);
      compareLearnBpe(
        coldstart,
        folder,
        { path: tokenised, lines: raw.lines },
        join(options['subword-nmt'], 'learn_bpe.py'),
        Number(options.rounds),
      );
    }
    benchLearnBpe(root, folder, numbers(options.sizes));
  },

  'learn-spm'() {
    benchLearnSpm(
      coldstart,
      folder,
      writeText('raw.both', ['de', 'en'], Number(options.lines)),
      Number(options.rounds),
    );
  },

  prepare() {
    benchPrepare(root, folder, numbers(options.pairs), numbers(options.workers), options.learn);
  },

  clean() {
    const [de, en] = ['de', 'en'].map((language) => writeText(`pairs.${language}`, [language], Number(options.lines)));
    const rules = [
      '--max',
      '175',
      '--ratio',
      '9',
      '--control-characters',
      '--same-text',
      '--repeated',
      '4',
      '--script',
      '0.5',
      '--wrong-language',
      '--duplicates',
      'pair',
    ];
    let least = Infinity;
    for (let round = 0; round < 3; round++) {
      const out = (side) => join(folder, `clean.${round}.${side}`);
      least = Math.min(
        least,
        cpuSecondsOf(
          coldstart(
            'corpus',
            'clean',
            '--src',
            de.path,
            '--trg',
            en.path,
            '--out-src',
            out('de'),
            '--out-trg',
            out('en'),
            ...rules,
          ),
        ),
      );
    }
    show(`corpus clean, all rules, ${de.lines} pairs`, least, de.lines, 'pairs');
    show(
      'corpus stats',
      best([coldstart('corpus', 'stats', '--src', de.path, '--trg', en.path)], '/dev/null')[0],
      de.lines,
      'pairs',
    );
  },
};

const unknown = positionals.find((name) => !(name in sections));
if (unknown !== undefined) {
  console.error(`there is no section "${unknown}"; there are ${Object.keys(sections).join(', ')}.`);
  process.exit(2);
}
console.log(`Node.js ${process.version}`);
for (const name of positionals.length > 0 ? positionals : Object.keys(sections)) sections[name]();
