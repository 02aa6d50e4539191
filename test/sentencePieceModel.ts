import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { learnSentencePiece, type SentencePieceOptions } from '../src/text/sentencepiece/learnSentencePiece.js';
import { SentencePiece } from '../src/text/subwords/sentencePiece.js';

/** Learns a model from lines and writes it to `folder`/`name`.model. @returns its path, and its pieces in order */
export async function learnModel(
  folder: string,
  name: string,
  lines: readonly string[],
  options: SentencePieceOptions,
): Promise<{ path: string; pieces: string[] }> {
  const { model, vocab } = await learnSentencePiece(lines, options);
  const path = join(folder, `${name}.model`);
  writeFileSync(path, model);
  return {
    path,
    pieces: vocab
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t')[0]),
  };
}

/** The pieces of each line by a model file. */
export async function encodeLines(path: string, lines: readonly string[]): Promise<string[][]> {
  const model = await SentencePiece.open(path);
  try {
    return await model.encode(lines);
  } finally {
    await model.close();
  }
}
