import { DataError } from '../../errors.js';
import { noFinding } from './findings.js';
import { partFiles, PartWriter, readPart, type Part, type PartBlock, type TextReport } from './parts.js';
import type { OpenTask } from './openTask.js';
import { pairsOf } from './preprocess.js';
import type { ReadReport } from './readText.js';
import type { Stage } from './stage.js';

interface HoldOutSettings {
  readonly every: number;
  readonly split: 'train' | 'valid';
}

interface HoldOutJob {
  readonly from: string;
  readonly name: string;
  /** Pairs in the parts before this one. */
  readonly before: number;
}

/**
 * Divides the training set: pairs n, 2n, 3n and so on make the validation set, the others remain. Parts keep their names.
 *
 * Source: fairseq's prepare-iwslt14.sh, awk's `NR % 23 == 0` on what cleaning left.
 */
export function holdOutStage(split: 'train' | 'valid', source: Stage<TextReport>, every: number): Stage<TextReport> {
  return {
    name: `holdOut.${split}`,
    version: 1,
    settings: { every },
    needs: [source],
    async run(context) {
      const {
        folder: from,
        report: { pairs, parts },
      } = context.result(source);
      if (pairs < every)
        throw new DataError(
          `holdOutEvery is ${every}, but the training set has only ${pairs} pairs after cleaning: none would be left for validation.`,
        );
      const settings: HoldOutSettings = { every, split };
      let before = 0;
      const jobs = parts.map((part): HoldOutJob & Part => ({
        from,
        ...part,
        before: (before += part.pairs) - part.pairs,
      }));
      const done = await context.eachPart<HoldOutJob, Part>('holdOut', settings, jobs, pairsOf);
      return { pairs: done.reduce((sum, part) => sum + part.pairs, 0), parts: done };
    },
  };
}

export async function openHoldOut({ every, split }: HoldOutSettings): Promise<OpenTask<HoldOutJob, Part>> {
  return {
    run({ from, name, before }, folder) {
      let position = before;
      return copyPairs(from, folder, name, () => (++position % every === 0) === (split === 'valid'));
    },
  };
}

interface SameLinesJob {
  readonly from: string;
  readonly name: string;
  /** Folder whose part of the same name says which lines. */
  readonly as: string;
}

/** The pairs held out as they stood in the user's files. @param read the training set as it was read */
export function heldOutReadStage(read: Stage<ReadReport>, heldOut: Stage<TextReport>): Stage<ReadReport> {
  return {
    name: 'holdOutRaw.valid',
    version: 1,
    settings: {},
    needs: [read, heldOut],
    async run(context) {
      const {
        folder: from,
        report: { parts },
      } = context.result(read);
      const {
        folder: as,
        report: { pairs },
      } = context.result(heldOut);
      const done = await context.eachPart<SameLinesJob, Part>(
        'sameLines',
        {},
        parts.map((part) => ({ from, as, ...part })),
        pairsOf,
      );
      return { pairs, parts: done, lines: pairs, invalidUtf8: noFinding, carriageReturn: noFinding };
    },
  };
}

export async function openSameLines(): Promise<OpenTask<SameLinesJob, Part>> {
  return {
    async run({ from, as, name }, folder) {
      const wanted = new Set<number>();
      for await (const { lines } of readPart(as, name)) for (const line of lines) wanted.add(line);
      return copyPairs(from, folder, name, ({ lines }, i) => wanted.has(lines[i]));
    },
  };
}

async function copyPairs(
  from: string,
  folder: string,
  name: string,
  isWanted: (block: PartBlock, i: number) => boolean,
): Promise<{ files: string[]; report: Part }> {
  const writer = new PartWriter(folder, name);
  try {
    for await (const block of readPart(from, name)) {
      for (let i = 0; i < block.lines.length; i++)
        if (isWanted(block, i)) writer.add(block.src[i], block.trg[i], block.lines[i]);
    }
    return { files: partFiles(name), report: writer.finish() };
  } catch (error) {
    writer.abandon();
    throw error;
  }
}
