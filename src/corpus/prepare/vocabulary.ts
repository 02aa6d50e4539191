import { join } from 'node:path';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { Vocabulary } from '../../text/vocabulary.js';
import { readCounts } from './countWords.js';
import type { PrepareOptions } from './options.js';
import { scratch } from './parts.js';
import type { SegmentReport } from './segment.js';
import type { Stage } from './stage.js';

export interface VocabularyReport {
  readonly src: number;
  readonly trg: number;
  readonly joined: boolean;
}

/** Builds the vocabularies from the training set, or copies the user's: vocab.src.txt and vocab.trg.txt. */
export function vocabularyStage(
  train: Stage<SegmentReport>,
  { joined, minCount, maxSize, srcFile, trgFile }: PrepareOptions['vocabulary'],
): Stage<VocabularyReport> {
  const files = { ...(srcFile !== undefined && { srcFile }), ...(trgFile !== undefined && { trgFile }) };
  return {
    name: 'vocabulary',
    version: 1,
    settings: { joined, minCount, maxSize },
    files,
    needs: [train],
    async run(context) {
      const {
        folder,
        report: { parts },
      } = context.result(train);
      const names = parts.map(({ name }) => name);
      const build = async (sides: readonly ('src' | 'trg')[], file?: string): Promise<Vocabulary> =>
        file !== undefined
          ? Vocabulary.read(file)
          : Vocabulary.fromCounts(await readCounts(folder, names, sides), { minCount, maxSize });
      const src = await build(joined ? ['src', 'trg'] : ['src'], srcFile);
      const trg = joined ? src : await build(['trg'], trgFile);
      writeFileAtomic(join(context.folder, 'vocab.src.txt'), src.toText(), scratch);
      writeFileAtomic(join(context.folder, 'vocab.trg.txt'), trg.toText(), scratch);
      return { src: src.size, trg: trg.size, joined };
    },
  };
}

/** The vocabularies that the stage wrote. */
export function readVocabularies(folder: string): { src: Vocabulary; trg: Vocabulary } {
  return { src: Vocabulary.read(join(folder, 'vocab.src.txt')), trg: Vocabulary.read(join(folder, 'vocab.trg.txt')) };
}
