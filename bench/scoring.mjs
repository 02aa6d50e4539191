// Speed of the scorer, and how its cost grows: `node bench/scoring.mjs`. Texts are built-in: damaged copies of
// sentences with the word statistics of a small corpus. Times are milliseconds of processor time, the best of three.
import { BitParallelDistance } from '../dist/src/score/ter/bitParallelDistance.js';
import { bleu } from '../dist/src/score/bleu.js';
import { chrf } from '../dist/src/score/chrf.js';
import { corpusStatistics, sumLines } from '../dist/src/score/metric.js';
import { pairedTest } from '../dist/src/score/significance.js';
import { ter } from '../dist/src/score/ter/ter.js';

let state = 1;
const random = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 4294967296) * n);
};
/** Rank r of a Zipf-like vocabulary. */
const word = () => `w${Math.floor(Math.exp((random(1000) / 1000) * Math.log(8000)))}`;
const sentence = (length) => `${Array.from({ length }, word).join(' ')}.`;

/** The sentence with a fifth of the words replaced, dropped or repeated and one block moved. */
function damage(line) {
  const words = line
    .split(' ')
    .flatMap((w) => [[w], [w], [w], [w], [w], [w], [w], [w], [word()], random(2) ? [] : [w, w]][random(10)]);
  const from = random(words.length);
  const block = words.splice(from, 1 + random(3));
  words.splice(random(words.length + 1), 0, ...block);
  return words.join(' ');
}

const corpus = (numLines, length) =>
  Array.from({ length: numLines }, () => sentence(length === undefined ? 8 + random(30) : length));

function best(work) {
  let least = Infinity;
  for (let i = 0; i < 3; i++) {
    const start = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(start);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

const rows = [];
const show = (what, ms) => {
  rows.push([what, ms]);
  console.log(`${what.padEnd(66)} ${ms.toFixed(1).padStart(9)} ms`);
};

console.log(`Node.js ${process.version}; corpora of lines of 8 to 37 words unless stated otherwise`);
const metrics = { BLEU: () => bleu(), 'chrF++': () => chrf({ wordOrder: 2 }), TER: () => ter() };
for (const [name, make] of Object.entries(metrics)) {
  for (const numLines of [1000, 3000, 9000]) {
    const ref = corpus(numLines);
    const hyp = ref.map(damage);
    const score = () => {
      const metric = make();
      return metric.scoreOf(sumLines(corpusStatistics(metric, hyp, [ref])));
    };
    show(`${name} of ${numLines} lines`, best(score));
  }
}
for (const length of [10, 20, 40, 80, 160]) {
  const ref = corpus(100, length);
  const hyp = ref.map(damage);
  show(
    `TER of 100 lines of ${length} words`,
    best(() => corpusStatistics(ter(), hyp, [ref])),
  );
}

/**
 * What tercom's search cannot do without: reading the words, one edit distance for each move it tries (its rules say
 * which), and one alignment for each move it makes. The calls of one pass over the corpus are recorded and run again by
 * themselves, without the search around them.
 */
function terSearchFloor(hyp, ref) {
  const { setCurrent, distance, path } = BitParallelDistance.prototype;
  const calls = [];
  const record = (method) =>
    function (words, first, end) {
      const args = [words.slice(), first, end];
      calls.push(() => method.apply(this, args));
      return method.call(this, words, first, end);
    };
  Object.assign(BitParallelDistance.prototype, {
    setCurrent: record(setCurrent),
    distance: record(distance),
    path: record(path),
  });
  const all = () => corpusStatistics(ter(), hyp, [ref]);
  all();
  Object.assign(BitParallelDistance.prototype, { setCurrent, distance, path });
  const searching = best(() => calls.forEach((call) => call()));
  const numbers = new Map();
  const reading = best(() => {
    const metric = ter();
    for (const line of [...hyp, ...ref])
      for (const word of metric.preprocess(line).split(' ')) numbers.set(word, numbers.get(word) ?? numbers.size);
  });
  const whole = best(all);
  show(`TER of ${hyp.length} lines: ${calls.length} distances and alignments`, searching);
  show(`TER of ${hyp.length} lines: reading the words`, reading);
  console.log(
    `TER takes ${(whole / (searching + reading)).toFixed(2)} times as long as these two, which its search cannot do without`,
  );
}
{
  const ref = corpus(3000);
  terSearchFloor(ref.map(damage), ref);
}
for (const [numSystems, numLines, numSamples] of [
  [10, 1000, 1000],
  [10, 3000, 1000],
  [10, 3000, 2000],
]) {
  const ref = corpus(numLines);
  const metric = bleu();
  const systems = Array.from({ length: numSystems }, () => corpusStatistics(metric, ref.map(damage), [ref]));
  show(
    `paired bootstrap, BLEU, ${numSystems} systems of ${numLines} lines, ${numSamples} resamples`,
    best(() => pairedTest([{ metric, systems }], { test: 'bs', numSamples })),
  );
}
