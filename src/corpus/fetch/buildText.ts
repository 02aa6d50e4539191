import { join } from 'node:path';
import { DataError } from '../../errors.js';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { finishTogether } from '../../storage/textOutput.js';
import { readPairs } from '../extract/readPairs.js';
import { readLinePairs, type PairFiles } from '../../text/linePairs.js';
import { PairOutput } from '../../text/pairOutput.js';
import { Bpe } from '../../text/subwords/bpe.js';
import { parseBpeCodes } from '../../text/subwords/bpeCodes.js';
import { bpeCodesText, countWords, learnBpe } from '../../text/subwords/learnBpe.js';
import { setNames, type RecipePair, type SetName } from './recipe.js';
import { segmentStep, textSteps, type TextStep } from './textSteps.js';

/** `raw` text as published; `tok` after the steps before subwords; `bpe` subwords, with `code`, their merges. */
export type TextForm = 'raw' | 'tok' | 'bpe';
export type SetCounts = { readonly [set in SetName]?: number };
/** Pairs of each set in each form that is written. */
export type TextCounts = { readonly [form in TextForm]?: SetCounts };

export interface BuildTextOptions {
  /** Only `raw` is written. */
  readonly rawOnly?: boolean;
  readonly signal?: AbortSignal;
  /** @param done pairs, or merges while they are learnt */
  readonly onProgress?: (what: string, done: number) => void;
}

/** Neighbouring pairs of one set. */
interface PairBlock {
  readonly set: SetName;
  /** What to call the pairs in messages, and the number of the first. */
  readonly from: string;
  readonly firstPair: number;
  readonly src: readonly (string | null)[];
  readonly trg: readonly (string | null)[];
}

/**
 * Writes a pair's sets as aligned text files, named SET.LANGUAGE in a folder for each form; text goes from form to form
 * block by block. Only learning merges needs more memory: that of the distinct words.
 *
 * @param found where the files of the recipe lie, by its paths
 * @param folder existing folder to write into
 * @throws DataError for sources that are damaged, not aligned, or not valid UTF-8
 */
export async function buildText(
  pair: RecipePair,
  found: ReadonlyMap<string, string>,
  folder: string,
  options: BuildTextOptions = {},
): Promise<TextCounts> {
  const published = setNames.filter((set) => pair.text[set] !== undefined);
  const raw = await writeForm('raw', published, publishedPairs(pair, found), [], pair, folder, options);
  if (options.rawOnly || pair.steps.length === 0) return { raw };

  const bpeAt = pair.steps.findIndex(({ step }) => step === 'bpe');
  const before = bpeAt < 0 ? pair.steps : pair.steps.slice(0, bpeAt);
  const sets = setNames.filter(
    (set) => published.includes(set) || (set === 'valid' && before.some(({ step }) => step === 'holdOut')),
  );
  const tok = await writeForm(
    'tok',
    sets,
    writtenPairs('raw', published, pair, folder),
    textSteps(before, pair),
    pair,
    folder,
    options,
  );
  const bpe = pair.steps[bpeAt];
  if (bpe?.step !== 'bpe') return { raw, tok };

  const train = textFiles(folder, 'tok', 'train', pair);
  const merges = learnBpe(await countWords([train.src, train.trg]), {
    numMerges: bpe.merges,
    onMerge: (done) => options.onProgress?.('learn merges', done),
  });
  const codes = bpeCodesText(merges);
  const steps = [segmentStep(new Bpe(parseBpeCodes(codes, 'code'))), ...textSteps(pair.steps.slice(bpeAt + 1), pair)];
  const counts = {
    raw,
    tok,
    bpe: await writeForm('bpe', sets, writtenPairs('tok', sets, pair, folder), steps, pair, folder, options),
  };
  writeFileAtomic(join(folder, 'bpe', 'code'), codes);
  return counts;
}

/** Paths of one set in one form, e.g. `tok/train.de`. */
export function textFiles(
  folder: string,
  form: TextForm,
  set: SetName,
  { src, trg }: Pick<RecipePair, 'src' | 'trg'>,
): PairFiles {
  return { src: join(folder, form, `${set}.${src}`), trg: join(folder, form, `${set}.${trg}`) };
}

async function* publishedPairs(pair: RecipePair, found: ReadonlyMap<string, string>): AsyncGenerator<PairBlock> {
  for (const set of setNames) {
    for (const source of pair.text[set] ?? []) {
      let firstPair = 1;
      for await (const { src, trg } of readPairs({
        ...source,
        src: found.get(source.src)!,
        trg: found.get(source.trg)!,
      })) {
        yield { set, from: `${source.src} and ${source.trg}`, firstPair, src, trg };
        firstPair += src.length;
      }
    }
  }
}

async function* writtenPairs(
  form: TextForm,
  sets: readonly SetName[],
  pair: RecipePair,
  folder: string,
): AsyncGenerator<PairBlock> {
  for (const set of sets) {
    const files = textFiles(folder, form, set, pair);
    for await (const { src, trg, firstLine } of readLinePairs(files))
      yield { set, from: files.src, firstPair: firstLine, src, trg };
  }
}

async function writeForm(
  form: TextForm,
  sets: readonly SetName[],
  blocks: AsyncGenerator<PairBlock>,
  steps: readonly TextStep[],
  pair: RecipePair,
  folder: string,
  { signal, onProgress }: BuildTextOptions,
): Promise<SetCounts> {
  const outputs = new Map<SetName, PairOutput>();
  const counts = Object.fromEntries(sets.map((set) => [set, 0])) as Record<SetName, number>;
  try {
    for (const set of sets) outputs.set(set, new PairOutput(textFiles(folder, form, set, pair)));
    let done = 0;
    for await (const block of blocks) {
      signal?.throwIfAborted();
      for (let i = 0; i < block.src.length; i++) {
        const [src, trg] = [block.src[i], block.trg[i]];
        if (src === null || trg === null)
          throw new DataError(
            `${block.from}: pair ${block.firstPair + i} is not valid UTF-8. Was the archive damaged?`,
          );
        const travelling = { set: block.set, src, trg };
        if (!steps.every((step) => step(travelling))) continue;
        outputs.get(travelling.set)!.write(travelling.src, travelling.trg);
        counts[travelling.set]++;
      }
      done += block.src.length;
      onProgress?.(form, done);
    }
    finishTogether([...outputs.values()].flatMap((output) => output.outputs));
    return counts;
  } finally {
    for (const output of outputs.values()) output.abandon();
  }
}
