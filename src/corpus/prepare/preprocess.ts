import { join } from 'node:path';
import { createPreprocessor, type PreprocessingStep } from '../../text/preprocessing.js';
import { partFiles, PartWriter, readPart, type Part, type TextReport } from './parts.js';
import type { OpenTask } from './openTask.js';
import type { Side } from '../../text/textPipeline.js';
import type { Plain, Stage } from './stage.js';
import { truecaseFile } from './learnTruecase.js';

interface PreprocessSettings {
  /** Steps for either side, in their order. */
  readonly src: readonly PreprocessingStep[];
  readonly trg: readonly PreprocessingStep[];
}

interface PreprocessJob {
  readonly from: string;
  readonly name: string;
}

/** Applies a step of preprocessing to every line of both sides. @param truecaser the stage that learns the models, if a step asks */
export function preprocessStage(
  name: string,
  source: Stage<TextReport>,
  { src, trg }: PreprocessSettings,
  truecaser?: Stage,
): Stage<TextReport> {
  // lists of prefixes count by content, not by where they lie
  const files = Object.fromEntries(
    [...src.map((step) => ['src', step] as const), ...trg.map((step) => ['trg', step] as const)].flatMap(
      ([side, step]) =>
        step.step === 'tokenize' && step.prefixes !== undefined ? [[`${side}.prefixes`, step.prefixes]] : [],
    ),
  );
  const plain = (steps: readonly PreprocessingStep[]): Plain =>
    steps.map((step) => ({ ...step, prefixes: undefined, model: undefined }));
  return {
    name,
    version: 1,
    settings: { src: plain(src), trg: plain(trg) },
    files,
    needs: truecaser ? [source, truecaser] : [source],
    async run(context) {
      const {
        folder: from,
        report: { parts },
      } = context.result(source);
      const learnt = (steps: readonly PreprocessingStep[], side: Side): PreprocessingStep[] =>
        steps.map((step) =>
          step.step === 'truecase'
            ? { ...step, model: join(context.result(truecaser!).folder, truecaseFile(side)) }
            : step,
        );
      const settings: PreprocessSettings = { src: learnt(src, 'src'), trg: learnt(trg, 'trg') };
      const done = await context.eachPart<PreprocessJob, Part>(
        'preprocess',
        settings,
        parts.map((part) => ({ from, ...part })),
        pairsOf,
      );
      return { pairs: context.result(source).report.pairs, parts: done };
    },
  };
}

/** Weight of a job for progress. */
export function pairsOf(job: object): number {
  return (job as Part).pairs;
}

export async function openPreprocess(settings: PreprocessSettings): Promise<OpenTask<PreprocessJob, Part>> {
  const src = createPreprocessor(settings.src);
  const trg = createPreprocessor(settings.trg);
  return {
    async run({ from, name }, folder) {
      const writer = new PartWriter(folder, name);
      try {
        for await (const block of readPart(from, name))
          block.src.forEach((line, i) => writer.add(src(line), trg(block.trg[i]), block.lines[i]));
        return { files: partFiles(name), report: writer.finish() };
      } catch (error) {
        writer.abandon();
        throw error;
      }
    },
  };
}
