import { join } from 'node:path';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { readVocabulary } from '../../text/readVocabulary.js';
import { Vocabulary } from '../../text/vocabulary.js';
import { readCounts } from './countWords.js';
import { subwordMethods, type SubwordOptions } from '../../text/subwords/subwordMethods.js';
import type { UnitSampling } from '../../text/subwords/unitSampling.js';
import type { PrepareOptions } from './options.js';
import { scratch } from './parts.js';
import type { SegmentReport, SubwordPlan } from './segment.js';
import type { Stage } from './stage.js';

export interface VocabularyReport {
  readonly src: number;
  readonly trg: number;
  readonly joined: boolean;
}

/** Builds the vocabularies from the training set, or copies the user's: vocab.src.txt and vocab.trg.txt. */
export function vocabularyStage(
  train: Stage<SegmentReport>,
  { joined, minCount, maxSize, srcFile, trgFile, allUnits }: PrepareOptions['vocabulary'],
  subwords: SubwordPlan,
): Stage<VocabularyReport> {
  const files = { ...(srcFile !== undefined && { srcFile }), ...(trgFile !== undefined && { trgFile }) };
  return {
    name: 'vocabulary',
    version: 1,
    settings: { joined, minCount, maxSize, allUnits },
    files,
    needs: allUnits ? [train, ...subwords.learnt] : [train],
    async run(context) {
      const options = allUnits && subwords.options(context.result);
      const {
        folder,
        report: { parts },
      } = context.result(train);
      const names = parts.map(({ name }) => name);
      const build = async (sides: readonly ('src' | 'trg')[], file?: string): Promise<Vocabulary> => {
        if (file !== undefined) return readVocabulary(file);
        const counts = await readCounts(folder, names, sides);
        const units = sides.flatMap((side) => (options ? allUnitsOf(options[side], counts.keys()) : []));
        return Vocabulary.fromCounts(counts, { minCount, maxSize }, new Set(units));
      };
      const src = await build(joined ? ['src', 'trg'] : ['src'], srcFile);
      const trg = joined ? src : await build(['trg'], trgFile);
      writeFileAtomic(join(context.folder, 'vocab.src.txt'), src.toText(), scratch);
      writeFileAtomic(join(context.folder, 'vocab.trg.txt'), trg.toText(), scratch);
      return { src: src.size, trg: trg.size, joined };
    },
  };
}

function allUnitsOf(options: SubwordOptions, seen: Iterable<string>): string[] {
  const sampling = subwordMethods.method(options.method).sampling as UnitSampling<SubwordOptions> | undefined;
  return sampling === undefined ? [] : [...sampling.units(options, seen)];
}

/** The vocabularies that the stage wrote. */
export function readVocabularies(folder: string): { src: Vocabulary; trg: Vocabulary } {
  return { src: readVocabulary(join(folder, 'vocab.src.txt')), trg: readVocabulary(join(folder, 'vocab.trg.txt')) };
}
