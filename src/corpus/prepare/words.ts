import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../../errors.js';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { pairHashes, type DuplicateKind } from '../../text/clean/duplicates.js';
import { HeldOutText } from '../../text/clean/heldOutText.js';
import { createCleaner, type CleanRules } from '../../text/clean/rules.js';
import { SideLanguages } from '../../text/clean/sideLanguages.js';
import { readLinePairs, withoutLineEnd, type PairFiles } from '../../text/linePairs.js';
import { createPreprocessor } from '../../text/preprocessing.js';
import type { Side } from '../../text/textPipeline.js';
import { describeFinding, FindingCollector } from './findings.js';
import { readLanguages } from './learnLanguages.js';
import type { LineFinding, SplitName } from './manifest.js';
import { pairsOf, partFiles, partName, PartWriter, scratch, type Part, type TextReport } from './parts.js';
import type { OpenTask } from './partTasks.js';
import { RemovedList, sumCounts, type RemovedCounts } from './removed.js';
import { plainSteps, wordsKey, type SideSteps } from './sideSteps.js';
import type { Plain, Stage } from './stage.js';

/** Rules that look at one pair at a time. */
export type PairRules = Omit<CleanRules, 'duplicates'>;

/** The processing of each pair of a split, from the user's line to words. */
export interface WordsOptions {
  readonly files: PairFiles;
  readonly srcLang: string;
  readonly trgLang: string;
  /** Steps before the rules, and after them. */
  readonly before: SideSteps;
  readonly after: SideSteps;
  readonly rules?: PairRules;
  /** Kinds of hashes to write, for later comparisons of pairs: a column of NAME.hashes (float64) each. */
  readonly hashes: readonly DuplicateKind[];
}

/** Data for the rules of the training set. */
export interface WordsNeeds {
  /** Held-out sets, with the hashes of sources and targets: pairs that share a side with them are removed. */
  readonly heldOut: readonly Stage<TextReport>[];
  readonly languages?: Stage;
}

export interface WordsReport extends TextReport {
  readonly lines: number;
  readonly invalidUtf8: LineFinding;
  readonly carriageReturn: LineFinding;
  readonly removed: RemovedCounts;
}

interface WordsSettings extends Omit<WordsOptions, 'files'> {
  readonly heldOut: readonly { readonly folder: string; readonly names: readonly string[] }[];
  readonly languages?: string;
}

/** Lines of the user's files. */
interface WordsJob {
  readonly name: string;
  /** As UTF-8, which takes the least memory while parts wait and move to other threads. */
  readonly blocks: readonly Readonly<Record<Side, Uint8Array>>[];
  /** Their numbers. */
  readonly lines: Uint32Array;
}

type DonePart = Part & { readonly removed: RemovedCounts };

/**
 * All line-by-line work: reads a split of the user's files, normalises characters, separates words, removes pairs by
 * rules, lowers letters. Pairs with invalid UTF-8 are left out of the training set; valid and test sets are kept whole,
 * so there they are an error. Removed pairs are listed in NAME.removed: line number, rule, what it found, source,
 * target.
 */
export function wordsStage(
  split: SplitName,
  options: WordsOptions,
  { heldOut, languages }: WordsNeeds,
  pairsPerPart: number,
): Stage<WordsReport> {
  const { files, ...settings } = options;
  const { before, after, rules, hashes, srcLang, trgLang } = settings;
  const key = wordsKey(files, before);
  return {
    name: `words.${split}`,
    version: 2, // 1: counts of words
    settings: {
      ...key.settings,
      after: plainSteps(after),
      rules: rules as Plain,
      ...(rules && { srcLang, trgLang }),
      leakage: heldOut.length > 0,
      hashes,
      pairsPerPart,
    },
    files: key.files,
    needs: languages ? [...heldOut, languages] : heldOut,
    async run({ eachPart, progress, result }) {
      const task: WordsSettings = {
        ...settings,
        heldOut: heldOut.map((stage) => {
          const { folder, report } = result(stage);
          return { folder, names: report.parts.map(({ name }) => name) };
        }),
        languages: languages && result(languages).folder,
      };
      const reader = new LineReader(split, files, pairsPerPart, progress);
      const done = await eachPart<WordsJob, DonePart>('words', task, reader.jobs());
      return {
        lines: reader.lines,
        invalidUtf8: reader.invalidUtf8.plain,
        carriageReturn: reader.carriageReturn.plain,
        pairs: pairsOf(...done),
        parts: done.map(({ name, pairs }) => ({ name, pairs })),
        removed: sumCounts(done.map(({ removed }) => removed)),
      };
    },
  };
}

/** Reads the user's files, a part at a time, and records findings. */
class LineReader {
  lines = 0;
  readonly invalidUtf8 = new FindingCollector();
  readonly carriageReturn = new FindingCollector();

  constructor(
    private readonly split: SplitName,
    private readonly files: PairFiles,
    private readonly pairsPerPart: number,
    private readonly progress: (done: number, total: number, unit: string) => void,
  ) {}

  async *jobs(): AsyncGenerator<WordsJob> {
    const { files, invalidUtf8, carriageReturn } = this;
    const totalBytes = statSync(files.src).size + statSync(files.trg).size;
    let parts = 0;
    let blocks: WordsJob['blocks'][number][] = [];
    let numbers: number[] = [];
    const job = (): WordsJob => {
      const made = { name: partName(parts++), blocks, lines: Uint32Array.from(numbers) };
      [blocks, numbers] = [[], []];
      return made;
    };
    for await (const { src, trg, firstLine, bytesRead } of readLinePairs(files, { keepLineEnds: true })) {
      const kept = { src: [] as string[], trg: [] as string[] };
      const close = (): void => {
        if (kept.src.length > 0)
          blocks.push({ src: Buffer.from(kept.src.join('\n')), trg: Buffer.from(kept.trg.join('\n')) });
        kept.src.length = kept.trg.length = 0;
      };
      for (let i = 0; i < src.length; i++) {
        const [line, other, number] = [src[i], trg[i], firstLine + i];
        if (line === null || other === null) {
          invalidUtf8.note(number);
          continue;
        }
        if (line.endsWith('\r') || other.endsWith('\r')) carriageReturn.note(number);
        kept.src.push(withoutLineEnd(line));
        kept.trg.push(withoutLineEnd(other));
        numbers.push(number);
        if (numbers.length === this.pairsPerPart) {
          close();
          yield job();
        }
      }
      close();
      this.lines += src.length;
      this.progress(bytesRead, totalBytes, 'bytes');
    }
    if (this.lines === 0)
      throw new DataError(
        `corpus.${this.split}: ${files.src} and ${files.trg} are empty, expected one sentence a line. Check the files.`,
      );
    if (this.split !== 'train' && invalidUtf8.count > 0) {
      throw new DataError(
        `${files.src} and ${files.trg}: ${describeFinding(invalidUtf8)} not valid UTF-8. Valid and test sets are kept whole, so convert or correct these lines first.`,
      );
    }
    if (numbers.length > 0) yield job();
  }
}

/** Name of the file of a part's hashes. */
function hashesFile(name: string): string {
  return `${name}.hashes`;
}

/** The hashes of a part's pairs, in order. */
export function readHashes(folder: string, name: string): Float64Array {
  return new Float64Array(new Uint8Array(readFileSync(join(folder, hashesFile(name)))).buffer);
}

export async function openWords(settings: WordsSettings): Promise<OpenTask<WordsJob, DonePart>> {
  const { before, after, hashes } = settings;
  const wordsOf = { src: createPreprocessor(before.src), trg: createPreprocessor(before.trg) };
  const lettersOf = { src: createPreprocessor(after.src), trg: createPreprocessor(after.trg) };
  const faultOf = await openRules(settings);
  return {
    async run({ name, blocks, lines }, folder) {
      const writer = new PartWriter(folder, name);
      const removed = faultOf && new RemovedList(folder, name);
      const found: number[] = [];
      try {
        let row = 0;
        for (const block of blocks) {
          const trg = linesOf(block.trg);
          linesOf(block.src).forEach((line, i) => {
            const number = lines[row++];
            const [srcWords, trgWords] = [wordsOf.src(line), wordsOf.trg(trg[i])];
            const fault = faultOf?.(srcWords, trgWords);
            if (fault) removed!.add(number, fault, srcWords, trgWords);
            else {
              if (hashes.length > 0) found.push(...pairHashes(hashes, srcWords, trgWords));
              writer.add(lettersOf.src(srcWords), lettersOf.trg(trgWords), number);
            }
          });
        }
        const files = partFiles(name);
        if (hashes.length > 0) {
          writeFileAtomic(join(folder, hashesFile(name)), new Uint8Array(Float64Array.from(found).buffer), scratch);
          files.push(hashesFile(name));
        }
        if (removed) {
          removed.finish();
          files.push(removed.fileName);
        }
        return { files, report: { ...writer.finish(), removed: removed?.counts ?? {} } };
      } catch (error) {
        writer.abandon();
        removed?.abandon();
        throw error;
      }
    },
  };
}

function linesOf(bytes: Uint8Array): string[] {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8').split('\n');
}

async function openRules({
  rules,
  srcLang,
  trgLang,
  heldOut,
  languages,
}: WordsSettings): Promise<ReturnType<typeof createCleaner> | undefined> {
  if (rules === undefined) return undefined;
  const text = new HeldOutText();
  for (const { folder, names } of heldOut) {
    for (const name of names) {
      const hashes = readHashes(folder, name);
      for (let at = 0; at < hashes.length; at += 2) text.addHashes(hashes[at], hashes[at + 1]);
    }
  }
  return createCleaner(rules, {
    srcLang,
    trgLang,
    heldOut: heldOut.length > 0 ? text : undefined,
    languages: languages === undefined ? undefined : new SideLanguages(await readLanguages(languages)),
  });
}
