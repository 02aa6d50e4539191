import { join } from 'node:path';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { learnSentencePiece } from '../../text/sentencepiece/learnSentencePiece.js';
import { Bpe } from '../../text/subwords/bpe.js';
import { parseBpeCodes } from '../../text/subwords/bpeCodes.js';
import { bpeCodesText, bpeVocabularyText, learnBpe } from '../../text/subwords/learnBpe.js';
import { countUnits } from '../../text/subwords/unitCounts.js';
import { readCounts, type CountReport } from './countWords.js';
import { scratch } from './parts.js';
import type { Stage } from './stage.js';

/** Byte-pair merges to learn from the training set. */
export interface LearnBpeSettings {
  readonly merges: number;
  readonly minFrequency?: number;
}

/** A SentencePiece model to learn from the training set; unset options have spm_train's defaults. */
export interface LearnSentencePieceSettings {
  readonly vocabSize: number;
  readonly modelType?: 'unigram' | 'bpe';
  readonly characterCoverage?: number;
}

/** File names of a learnt stage. */
export const learntFiles = {
  codes: 'codes',
  model: 'model',
  vocabulary: { src: 'vocabulary.src', trg: 'vocabulary.trg' },
};

/**
 * Learns merges like subword-nmt's learn-joint-bpe-and-vocab, from both sides or from one, and counts each unit on each
 * side for `vocabularyThreshold`. Memory holds the distinct words.
 */
export function learnBpeStage(
  name: string,
  words: Stage<CountReport>,
  sides: readonly ('src' | 'trg')[],
  { merges, minFrequency }: LearnBpeSettings,
): Stage<{ merges: number; words: number }> {
  return {
    name,
    version: 1,
    settings: { method: 'bpe', merges, minFrequency, sides },
    needs: [words],
    async run(context) {
      const {
        folder,
        report: { parts },
      } = context.result(words);
      const counts = await readCounts(folder, parts, sides);
      const learnt = learnBpe(counts, {
        numMerges: merges,
        minFrequency,
        onMerge: (done) => context.progress(done, merges, 'merges'),
      });
      const text = bpeCodesText(learnt);
      writeFileAtomic(join(context.folder, learntFiles.codes), text, scratch);
      const bpe = new Bpe(parseBpeCodes(text, learntFiles.codes));
      for (const side of sides) {
        const units = countUnits(await readCounts(folder, parts, [side]), bpe);
        writeFileAtomic(join(context.folder, learntFiles.vocabulary[side]), bpeVocabularyText(units), scratch);
      }
      return { merges: learnt.length, words: counts.size };
    },
  };
}

/** Learns a SentencePiece model from both sides together, or from one. Memory holds the distinct words. */
export function learnSentencePieceStage(
  name: string,
  words: Stage<CountReport>,
  sides: readonly ('src' | 'trg')[],
  settings: LearnSentencePieceSettings,
): Stage<{ pieces: number }> {
  return {
    name,
    version: 1,
    settings: { method: 'sentencepiece', ...settings, sides },
    needs: [words],
    async run(context) {
      const {
        folder,
        report: { parts },
      } = context.result(words);
      const counts = await readCounts(folder, parts, sides);
      const { model, numPieces } = await learnSentencePiece(counts, {
        ...settings,
        onProgress: context.progress,
      });
      writeFileAtomic(join(context.folder, learntFiles.model), model, scratch);
      return { pieces: numPieces };
    },
  };
}
