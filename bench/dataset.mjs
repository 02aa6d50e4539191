// What a dataset of WMT14's size costs a training run: `node bench/dataset.mjs [--pairs N]`. Random ids, lengths from 2
// to 61.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseOptions } from './options.mjs';
import { createBatches } from '../dist/src/data/batches.js';
import { Dataset } from '../dist/src/data/dataset.js';
import { DatasetWriter } from '../dist/src/data/datasetWriter.js';

const { values } = parseOptions({ options: { pairs: { type: 'string', default: '4500000' } } });
const numPairs = Number(values.pairs);
const folder = mkdtempSync(join(tmpdir(), 'coldstart-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true }));

function timed(work) {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return { result, seconds: (user + system) / 1e6 };
}

const numShards = Math.ceil(numPairs / 1e6);
const paths = Array.from({ length: numShards }, (_, shard) => join(folder, `train-${shard}.bin`));
const ids = Int32Array.from({ length: 61 }, (_, i) => 4 + ((i * 7919) % 30000));
ids[60] = 2;
let state = 1;
for (const [shard, path] of paths.entries()) {
  const writer = new DatasetWriter(path, 32000, 32000, { shard, numShards });
  for (
    let row = Math.floor((shard * numPairs) / numShards);
    row < Math.floor(((shard + 1) * numPairs) / numShards);
    row++
  ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const length = 2 + ((state >>> 16) % 60);
    writer.add({ src: ids.subarray(61 - length), trg: ids.subarray(61 - Math.max(2, length - ((state >>> 8) % 3))) });
  }
  writer.finish();
}
const { result: dataset, seconds: opening } = timed(() => Dataset.open(paths));
const { result: epoch, seconds: ordering } = timed(() =>
  createBatches(dataset, { maxTokens: 4096, seed: 1 }).epochBatches(1),
);
const numBatches = Math.min(500, epoch.length);
const { seconds: reading } = timed(() => {
  for (let i = 0; i < numBatches; i++) epoch.batch(i);
});
const MiB = (bytes) => Math.round(bytes / 2 ** 20);
console.log(
  `${numPairs.toLocaleString('en')} pairs, ${(dataset.header.srcTokens + dataset.header.trgTokens).toLocaleString('en')} ids in ${numShards} shards; processor time:`,
);
console.log(
  `opening ${opening.toFixed(2)} s, order of an epoch ${ordering.toFixed(2)} s, a batch of up to 4,096 tokens ${((reading / numBatches) * 1000).toFixed(2)} ms (${numBatches} batches at random places)`,
);
console.log(`peak memory ${MiB(process.resourceUsage().maxRSS * 1024)} MiB, lengths ${MiB(8 * numPairs)} MiB of it`);
