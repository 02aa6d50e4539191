import { DataError } from '../../errors.js';
import { openSegmenter } from '../../text/subwords/segmenter.js';
import type { SubwordOptions } from '../../text/subwords/subwordMethods.js';
import { countTokens, writeCounts } from './countWords.js';
import { FindingCollector, joinFindings } from './findings.js';
import type { LengthLimits, LineFinding, SplitName } from './manifest.js';
import {
  pairsOf,
  partFiles,
  partsOf,
  PartWriter,
  readPart,
  stagesOf,
  type Part,
  type PartSource,
  type SplitText,
  type TextReport,
} from './parts.js';
import type { OpenTask } from './partTasks.js';
import type { Plain, Stage, StageContext } from './stage.js';

type Findings = Readonly<Record<'emptySide' | 'tooLong' | 'ratio', LineFinding>>;

export interface SegmentReport extends TextReport, Findings {}

interface SegmentSettings {
  readonly src: SubwordOptions;
  readonly trg: SubwordOptions;
  /** Limits of the training set; absent for valid and test, where every line is kept so that scores stay comparable. */
  readonly limits?: LengthLimits;
}

/** Subwords of both sides: their part of the stage's key, and the options, known once the stage runs. */
export interface SubwordPlan {
  /** Settings and files of the user, by side. */
  readonly settings: Plain;
  readonly files: Readonly<Record<string, string>>;
  /** The stages that learn the subwords. */
  readonly learnt: readonly Stage[];
  readonly options: (result: StageContext['result']) => { readonly src: SubwordOptions; readonly trg: SubwordOptions };
}

/**
 * Splits lines into tokens, leaves out pairs of the training set that are empty or beyond the limits, and counts
 * tokens.
 */
export function segmentStage(
  split: SplitName,
  text: SplitText,
  subwords: SubwordPlan,
  limits: LengthLimits | undefined,
  inputs: string,
): Stage<SegmentReport> {
  return {
    name: `segment.${split}`,
    version: 1,
    settings: { subwords: subwords.settings, limits: limits as Plain },
    files: subwords.files,
    needs: [...stagesOf(text), ...subwords.learnt],
    async run(context) {
      const settings: SegmentSettings = { ...subwords.options(context.result), limits };
      const parts = partsOf(text, context.result);
      const done = await context.eachPart<PartSource, Part & Findings>('segment', settings, parts, pairsOf);
      const pairs = pairsOf(...done);
      if (limits && pairs === 0)
        throw new DataError(`no sentence pair is left of ${inputs}. Check the files and the length limits.`);
      const joined = (kind: keyof Findings): LineFinding => joinFindings(done.map((part) => part[kind]));
      return {
        pairs,
        parts: done.map(({ name, pairs: count }) => ({ name, pairs: count })),
        emptySide: joined('emptySide'),
        tooLong: joined('tooLong'),
        ratio: joined('ratio'),
      };
    },
  };
}

export async function openSegment({
  src: srcOptions,
  trg: trgOptions,
  limits,
}: SegmentSettings): Promise<OpenTask<PartSource, Part & Findings>> {
  const src = await openSegmenter(srcOptions);
  const trg = JSON.stringify(srcOptions) === JSON.stringify(trgOptions) ? src : await openSegmenter(trgOptions);
  const { maxLengthTokens = Infinity, maxLengthRatio = Infinity } = limits ?? {};
  return {
    async run(part, folder) {
      const { name } = part;
      const writer = new PartWriter(folder, name);
      const counts = { src: new Map<string, number>(), trg: new Map<string, number>() };
      const found = {
        emptySide: new FindingCollector(),
        tooLong: new FindingCollector(),
        ratio: new FindingCollector(),
      };
      try {
        for await (const block of readPart(part)) {
          const srcTokens = await src.segment(block.src);
          const trgTokens = await trg.segment(block.trg);
          block.lines.forEach((line, i) => {
            const [srcLength, trgLength] = [srcTokens[i].length, trgTokens[i].length];
            const shorter = Math.min(srcLength, trgLength);
            const longer = Math.max(srcLength, trgLength);
            const fault =
              shorter === 0
                ? found.emptySide
                : longer > maxLengthTokens
                  ? found.tooLong
                  : longer > shorter * maxLengthRatio
                    ? found.ratio
                    : null;
            fault?.note(line);
            if (fault && limits) return;
            countTokens(counts.src, srcTokens[i]);
            countTokens(counts.trg, trgTokens[i]);
            writer.add(srcTokens[i].join(' '), trgTokens[i].join(' '), line);
          });
        }
        const files = [...partFiles(name), ...writeCounts(folder, name, counts)];
        const findings = {
          emptySide: found.emptySide.plain,
          tooLong: found.tooLong.plain,
          ratio: found.ratio.plain,
        };
        return { files, report: { ...writer.finish(), ...findings } };
      } catch (error) {
        writer.abandon();
        throw error;
      }
    },
    async close() {
      await src.close();
      if (trg !== src) await trg.close();
    },
  };
}
