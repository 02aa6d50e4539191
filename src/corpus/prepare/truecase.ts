import { join } from 'node:path';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { readTruecaseModel } from '../../text/moses/languageFiles.js';
import { createTruecaser, TruecaserTrainer } from '../../text/moses/truecase.js';
import type { Side } from '../../text/textPipeline.js';
import type { SplitName } from './manifest.js';
import {
  pairsOf,
  partFiles,
  partsOf,
  PartWriter,
  readPart,
  scratch,
  stagesOf,
  type Part,
  type PartSource,
  type SplitText,
  type TextReport,
} from './parts.js';
import type { OpenTask } from './partTasks.js';
import type { Stage } from './stage.js';

/** Name of a side's model. */
export function truecaseFile(side: Side): string {
  return `truecase.${side}`;
}

/**
 * Learns the letter case of words within sentences, for either side, like Moses' train-truecaser. Memory holds the
 * distinct words.
 */
export function learnTruecaseStage(text: SplitText): Stage<null> {
  return {
    name: 'learn-truecase',
    version: 1,
    settings: {},
    needs: stagesOf(text),
    async run({ folder, progress, result }) {
      const parts = partsOf(text, result);
      const trainers = { src: new TruecaserTrainer(), trg: new TruecaserTrainer() };
      let read = 0;
      for (const part of parts) {
        for await (const block of readPart(part)) {
          for (const side of ['src', 'trg'] as const) for (const line of block[side]) trainers[side].add(line);
        }
        progress((read += part.pairs), pairsOf(...parts), 'pairs');
      }
      for (const side of ['src', 'trg'] as const)
        writeFileAtomic(join(folder, truecaseFile(side)), trainers[side].modelText(), scratch);
      return null;
    },
  };
}

/** Applies the learnt letter case: separate from the other steps, since it is learnt from their output. */
export function truecaseStage(split: SplitName, text: SplitText, learnt: Stage): Stage<TextReport> {
  return {
    name: `truecase.${split}`,
    version: 1,
    settings: {},
    needs: [...stagesOf(text), learnt],
    async run({ eachPart, result }) {
      const models = result(learnt).folder;
      const parts = await eachPart<PartSource, Part>('truecase', { models }, partsOf(text, result), pairsOf);
      return { pairs: pairsOf(...parts), parts };
    },
  };
}

export async function openTruecase({ models }: { readonly models: string }): Promise<OpenTask<PartSource, Part>> {
  const truecaser = (side: Side) => createTruecaser(readTruecaseModel(join(models, truecaseFile(side))));
  const [src, trg] = [truecaser('src'), truecaser('trg')];
  return {
    async run(part, folder) {
      const writer = new PartWriter(folder, part.name);
      try {
        for await (const block of readPart(part))
          block.src.forEach((line, i) => writer.add(src(line), trg(block.trg[i]), block.lines[i]));
        return { files: partFiles(part.name), report: writer.finish() };
      } catch (error) {
        writer.abandon();
        throw error;
      }
    },
  };
}
