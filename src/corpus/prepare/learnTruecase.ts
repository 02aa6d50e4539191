import { join } from 'node:path';
import { writeFileAtomic } from '../../storage/atomicFile.js';
import { TruecaserTrainer } from '../../text/moses/truecase.js';
import type { Side } from '../../text/textPipeline.js';
import { readPart, scratch, type TextReport } from './parts.js';
import type { Stage } from './stage.js';

/** Name of a side's model. */
export function truecaseFile(side: Side): string {
  return `truecase.${side}`;
}

/** Learns how words are written within sentences, for either side, as Moses' train-truecaser. Memory holds the distinct words. */
export function learnTruecaseStage(source: Stage<TextReport>): Stage<null> {
  return {
    name: 'learn-truecase',
    version: 1,
    settings: {},
    needs: [source],
    async run(context) {
      const {
        folder,
        report: { pairs, parts },
      } = context.result(source);
      const trainers = { src: new TruecaserTrainer(), trg: new TruecaserTrainer() };
      let read = 0;
      for (const part of parts) {
        for await (const block of readPart(folder, part.name)) {
          for (const side of ['src', 'trg'] as const) for (const line of block[side]) trainers[side].add(line);
        }
        context.progress((read += part.pairs), pairs, 'pairs');
      }
      for (const side of ['src', 'trg'] as const)
        writeFileAtomic(join(context.folder, truecaseFile(side)), trainers[side].modelText(), scratch);
      return null;
    },
  };
}
