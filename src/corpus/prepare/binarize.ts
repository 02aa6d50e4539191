import { join } from 'node:path';
import { DatasetWriter } from '../../data/datasetWriter.js';
import { unkId } from '../../text/specialIds.js';
import type { SplitName } from './manifest.js';
import { pairsOf, readPart, type Part } from './parts.js';
import type { OpenTask } from './partTasks.js';
import type { SegmentReport } from './segment.js';
import type { Stage } from './stage.js';
import { readVocabularies, type VocabularyReport } from './vocabulary.js';

export interface BinarizeReport {
  readonly pairs: number;
  readonly srcTokens: number;
  readonly trgTokens: number;
  readonly srcUnknown: number;
  readonly trgUnknown: number;
}

/** The number of files of a dataset. */
export interface ShardOptions {
  /** Number of shards; default: by `pairsPerShard`. */
  readonly shards?: number;
  readonly pairsPerShard: number;
}

/** A shard, and the stretches of parts that it consists of. */
interface ShardJob {
  readonly name: string;
  readonly file: string;
  readonly shard: number;
  readonly numShards: number;
  readonly stretches: readonly Stretch[];
}

/** Neighbouring pairs of a part. */
interface Stretch extends Part {
  readonly from: number;
  readonly to: number;
}

/** Turns tokens into ids: SPLIT.bin, or SPLIT-00000-of-00004.bin and so on. */
export function binarizeStage(
  split: SplitName,
  source: Stage<SegmentReport>,
  vocabulary: Stage<VocabularyReport>,
  { shards, pairsPerShard }: ShardOptions,
): Stage<BinarizeReport & { files: string[] }> {
  return {
    name: `binarize.${split}`,
    version: 1,
    settings: { shards, pairsPerShard },
    needs: [source, vocabulary],
    async run(context) {
      const {
        folder: from,
        report: { pairs, parts },
      } = context.result(source);
      const jobs = shardJobs(split, parts, shards ?? Math.max(1, Math.ceil(pairs / pairsPerShard)));
      const settings = { from, vocabulary: context.result(vocabulary).folder };
      const done = await context.eachPart<ShardJob, BinarizeReport>('binarize', settings, jobs, ({ stretches }) =>
        stretches.reduce((sum, { from: first, to }) => sum + to - first, 0),
      );
      const sum = (key: keyof BinarizeReport): number => done.reduce((total, report) => total + report[key], 0);
      return {
        pairs: sum('pairs'),
        srcTokens: sum('srcTokens'),
        trgTokens: sum('trgTokens'),
        srcUnknown: sum('srcUnknown'),
        trgUnknown: sum('trgUnknown'),
        files: jobs.map(({ file }) => file),
      };
    },
  };
}

/** Shards of nearly equally many neighbouring pairs. */
function shardJobs(split: SplitName, parts: readonly Part[], numShards: number): ShardJob[] {
  const pairs = pairsOf(...parts);
  return Array.from({ length: numShards }, (_, shard) => {
    const [first, end] = [Math.floor((shard * pairs) / numShards), Math.floor(((shard + 1) * pairs) / numShards)];
    const stretches: Stretch[] = [];
    let start = 0;
    for (const { name, pairs: count } of parts) {
      const [from, to] = [Math.max(first - start, 0), Math.min(end - start, count)];
      if (from < to) stretches.push({ name, pairs: count, from, to });
      start += count;
    }
    return { name: String(shard), file: shardFile(split, shard, numShards), shard, numShards, stretches };
  });
}

/** Name of a dataset file. */
function shardFile(split: SplitName, shard: number, numShards: number): string {
  const number = (value: number): string => String(value).padStart(5, '0');
  return numShards === 1 ? `${split}.bin` : `${split}-${number(shard)}-of-${number(numShards)}.bin`;
}

export async function openBinarize({
  from,
  vocabulary,
}: {
  readonly from: string;
  readonly vocabulary: string;
}): Promise<OpenTask<ShardJob, BinarizeReport>> {
  const { src: srcVocabulary, trg: trgVocabulary } = readVocabularies(vocabulary);
  const tokensOf = (line: string): string[] => (line === '' ? [] : line.split(' '));
  return {
    async run({ file, shard, numShards, stretches }, folder) {
      const writer = new DatasetWriter(join(folder, file), srcVocabulary.size, trgVocabulary.size, {
        shard,
        numShards,
      });
      const unknown = { src: 0, trg: 0 };
      try {
        for (const { from: first, to, ...part } of stretches) {
          let row = 0;
          for await (const block of readPart({ folder: from, ...part })) {
            for (let i = 0; i < block.src.length; i++, row++) {
              if (row < first || row >= to) continue;
              const src = srcVocabulary.encode(tokensOf(block.src[i]));
              const trg = trgVocabulary.encode(tokensOf(block.trg[i]));
              unknown.src += countUnknown(src);
              unknown.trg += countUnknown(trg);
              writer.add({ src, trg });
            }
          }
        }
        const { numPairs, srcTokens, trgTokens } = writer.finish();
        return {
          files: [file],
          report: { pairs: numPairs, srcTokens, trgTokens, srcUnknown: unknown.src, trgUnknown: unknown.trg },
        };
      } catch (error) {
        writer.abandon();
        throw error;
      }
    },
  };
}

function countUnknown(ids: Int32Array): number {
  let count = 0;
  for (const id of ids) if (id === unkId) count++;
  return count;
}
