import { greatest } from '../../extremes.js';
import { firstOrdinaryId } from '../../text/specialIds.js';
import { exportTokenizer } from '../../text/tokenizerExport/exportTokenizer.js';
import type { TokenizerFile } from '../../text/tokenizerExport/format.js';
import type { TextPipelineParts } from '../../text/textPipeline.js';
import type { TargetIds } from './decoderGraph.js';

/** What the tokenizer files of an export hold. */
export interface ExportTokenizer {
  /** Texts by file name. */
  readonly files: Readonly<Record<string, string>>;
  readonly target: TargetIds;
}

/**
 * One tokenizer for both sides, as Transformers.js knows only one. Where the sides are the same, it is theirs.
 * Otherwise it splits as the source's does, and the target's tokens follow under names that no text has: a character
 * for private use, then the token. The decoder takes that off again.
 */
export function jointTokenizer(text: TextPipelineParts): ExportTokenizer {
  const { files } = exportTokenizer(text, 'src');
  const trg = exportTokenizer(text, 'trg').files[tokenizerName];
  const trgSize = text.vocabularies.trg.size;
  if (files[tokenizerName] === trg) return { files, target: { firstOrdinary: firstOrdinaryId, size: trgSize } };
  const { file, target } = withTarget(
    JSON.parse(files[tokenizerName]) as JsonFile,
    JSON.parse(trg) as JsonFile,
    trgSize,
  );
  return { files: { ...files, [tokenizerName]: `${JSON.stringify(file, null, 1)}\n` }, target };
}

const tokenizerName = 'tokenizer.json';

/** What is read of a tokenizer.json that was just made. */
type JsonFile = Omit<TokenizerFile, 'added_tokens' | 'model'> & {
  readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
  readonly model: {
    /** Unigram: pieces in the order of their ids, with their scores. */
    readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[];
  };
};

function withTarget(src: JsonFile, trg: JsonFile, trgSize: number): { file: TokenizerFile; target: TargetIds } {
  const srcNames = namesById(src);
  const trgNames = namesById(trg);
  const firstOrdinary = greatest(srcNames.keys()) + 1;
  const mark = unusedMark([...srcNames.values(), ...trgNames.values()]);
  const entries = Array.from({ length: trgSize - firstOrdinaryId }, (_, i): [string, number] => [
    mark + trgNames.get(firstOrdinaryId + i)!,
    firstOrdinary + i,
  ]);
  const { vocab } = src.model;
  return {
    file: {
      ...src,
      decoder: {
        type: 'Sequence',
        decoders: [{ type: 'Replace', pattern: { String: mark }, content: '' }, ...decodersOf(trg)],
      },
      model: {
        ...src.model,
        vocab: isPieces(vocab) ? withPieces(vocab, entries) : { ...vocab, ...Object.fromEntries(entries) },
      },
    },
    target: { firstOrdinary, size: firstOrdinary + entries.length },
  };
}

const isPieces = (vocab: JsonFile['model']['vocab']): vocab is readonly (readonly [string, number])[] =>
  Array.isArray(vocab);

/**
 * Pieces that no text holds; the least score of all stays what it is, as that of unknown characters follows from it.
 */
function withPieces(
  pieces: readonly (readonly [string, number])[],
  entries: readonly (readonly [string, number])[],
): (readonly [string, number])[] {
  const least = pieces.reduce((lowest, [, score]) => Math.min(lowest, score), 0);
  return [...pieces, ...entries.map(([name]) => [name, least] as const)];
}

function namesById({ model: { vocab }, added_tokens: added }: JsonFile): Map<number, string> {
  return new Map([
    ...(isPieces(vocab)
      ? vocab.map(([name], id): [number, string] => [id, name])
      : Object.entries(vocab).map(([name, id]): [number, string] => [id, name])),
    ...added.map(({ id, content }): [number, string] => [id, content]),
  ]);
}

/** A character for private use that is in no token. */
function unusedMark(names: readonly string[]): string {
  const used = new Set(names.flatMap((name) => [...name]));
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const mark = String.fromCharCode(code);
    if (!used.has(mark)) return mark;
  }
  throw new Error('every character for private use is in some token');
}

/** The decoders of a file one after another; without any, tokens are joined by spaces. */
function decodersOf({ decoder }: TokenizerFile): readonly object[] {
  if (decoder !== null) return [decoder];
  return [
    { type: 'Replace', pattern: { Regex: '$' }, content: ' ' },
    { type: 'Fuse' },
    { type: 'Strip', content: ' ', start: 0, stop: 1 },
  ];
}
