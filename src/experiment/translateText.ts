import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { disposeParams } from '../backend/params.js';
import { openTextPipeline } from '../data/textPipeline.js';
import { UsageError } from '../errors.js';
import type { Hypothesis } from '../eval/beamSearch.js';
import { translate, type TranslateOptions } from '../eval/translate.js';
import { readCheckpoint, toTensors } from '../train/checkpoint.js';

export interface TextTranslation {
  readonly text: string;
  /** Normalised log-probability. */
  readonly score: number;
}

/**
 * Translates lines of text with a checkpoint: subwords, ids, beam search and back.
 *
 * @param textFolder vocabularies and subwords that belong to the checkpoint
 * @returns for each line its best translations, best first, and the numbers of lines (from 0) that were cut
 */
export async function translateText(
  lines: readonly string[], checkpointPath: string, textFolder: string, options: TranslateOptions,
): Promise<{ translations: TextTranslation[][]; truncated: number[] }> {
  const { config, params: stored } = readCheckpoint(checkpointPath);
  const pipeline = await openTextPipeline(textFolder);
  try {
    const sizes = [pipeline.srcVocabulary.size, pipeline.trgVocabulary.size];
    if (sizes[0] !== config.srcVocabSize || sizes[1] !== config.trgVocabSize) {
      throw new UsageError(`the vocabularies in ${textFolder} have ${sizes.join(' and ')} entries, ${checkpointPath} expects ${config.srcVocabSize} and ${config.trgVocabSize}. Name the folder that belongs to it with --text.`);
    }
    const params = toTensors(stored);
    try {
      const { hypotheses, truncated } = await translate(params, config, await pipeline.encodeSources(lines), options);
      const toText = ({ tokens, score }: Hypothesis): TextTranslation => ({ text: pipeline.detokenizeTarget(pipeline.decodeTarget(tokens)), score });
      return { translations: hypotheses.map((best) => best.map(toText)), truncated };
    } finally {
      disposeParams(params);
    }
  } finally {
    await pipeline.close();
  }
}

/** The vocabularies and subwords of a checkpoint: `text/` of the run it lies in, or beside it. @throws UsageError if there are none */
export function findTextFolder(checkpointPath: string): string {
  const beside = dirname(resolve(checkpointPath));
  const found = [join(dirname(beside), 'text'), join(beside, 'text'), beside].find((folder) => existsSync(join(folder, 'text.json')));
  if (found === undefined) throw new UsageError(`no vocabularies were found near ${checkpointPath}. Name their folder with --text: text/ of the run that made the checkpoint, or the prepared corpus.`);
  return found;
}
