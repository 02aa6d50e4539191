import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { openTextPipeline, type TextPipeline } from '../text/textPipeline.js';
import { UsageError } from '../errors.js';
import type { Hypothesis } from './beamSearch.js';
import { translate, type TranslateOptions } from './translate.js';
import type { ModelConfig } from '../model/config.js';
import { readCheckpoint, toTensors } from '../train/checkpoint.js';

export interface TextTranslation {
  readonly text: string;
  /** Normalised log-probability. */
  readonly score: number;
}

/** A checkpoint with its vocabularies and subwords, ready to translate any number of texts. It owns tensors: call `close`. */
export class Translator {
  private constructor(
    private readonly config: ModelConfig,
    private readonly params: Params,
    private readonly pipeline: TextPipeline,
  ) {}

  /**
   * @param textFolder vocabularies and subwords that belong to the checkpoint
   * @throws UsageError if their sizes are not the checkpoint's
   */
  static async open(checkpointPath: string, textFolder: string): Promise<Translator> {
    const { config, params } = readCheckpoint(checkpointPath);
    const pipeline = await openTextPipeline(textFolder);
    const sizes = [pipeline.srcVocabulary.size, pipeline.trgVocabulary.size];
    if (sizes[0] !== config.srcVocabSize || sizes[1] !== config.trgVocabSize) {
      await pipeline.close();
      throw new UsageError(
        `the vocabularies in ${textFolder} have ${sizes.join(' and ')} entries, ${checkpointPath} expects ${config.srcVocabSize} and ${config.trgVocabSize}. Name the folder that belongs to it with --text.`,
      );
    }
    return new Translator(config, toTensors(params), pipeline);
  }

  /** Subwords, ids, beam search and back. @returns for each line its best translations, best first, and the numbers of lines (from 0) that were cut */
  async translate(
    lines: readonly string[],
    options: TranslateOptions,
  ): Promise<{ translations: TextTranslation[][]; truncated: number[] }> {
    const { hypotheses, truncated } = await translate(
      this.params,
      this.config,
      await this.pipeline.encodeSources(lines),
      options,
    );
    const toText = ({ tokens, score }: Hypothesis): TextTranslation => ({
      text: this.pipeline.detokenizeTarget(this.pipeline.decodeTarget(tokens)),
      score,
    });
    return { translations: hypotheses.map((best) => best.map(toText)), truncated };
  }

  async close(): Promise<void> {
    disposeParams(this.params);
    await this.pipeline.close();
  }
}

/** The vocabularies and subwords of a checkpoint: `text/` of the run it lies in, or next to it; undefined if there are none. */
export function textFolderNear(checkpointPath: string): string | undefined {
  const beside = dirname(resolve(checkpointPath));
  return [join(dirname(beside), 'text'), join(beside, 'text'), beside].find((folder) =>
    existsSync(join(folder, 'text.json')),
  );
}

/** The same. @throws UsageError if there are none */
export function findTextFolder(checkpointPath: string): string {
  const found = textFolderNear(checkpointPath);
  if (found === undefined)
    throw new UsageError(
      `no vocabularies were found near ${checkpointPath}. Name their folder with --text: text/ of the run that made the checkpoint, or the prepared corpus.`,
    );
  return found;
}
