import { closeSync, constants, copyFileSync, fsyncSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { datasetHeaderSha256 } from '../../data/datasetFormat.js';
import { writeFolderAtomic } from '../../storage/atomicFolder.js';
import { fileIdentity } from '../../storage/checksum.js';
import { TextOutput } from '../../storage/textOutput.js';
import type { PreprocessingStep } from '../../text/preprocessing.js';
import { openSegmenter, type SubwordOptions } from '../../text/subwords/segmenter.js';
import { saveTextPipeline, type Side } from '../../text/textPipeline.js';
import { sumCounts } from './clean.js';
import type { CorpusStages, SplitStages } from './corpusStages.js';
import { truecaseFile } from './learnTruecase.js';
import { manifestFile, manifestFormat, type PrepareManifest, type SplitName, type SplitReport } from './manifest.js';
import { preprocessingSteps, type PrepareOptions } from './options.js';
import { readPart, type TextReport } from './parts.js';
import type { Stage, StageContext } from './stage.js';
import { readVocabularies } from './vocabulary.js';
import { writeJsonFile } from '../../storage/jsonFile.js';

type Result = StageContext['result'];

/** Puts the corpus together from the stages' results; the folder appears whole or not at all. */
export async function publishCorpus(
  options: PrepareOptions,
  stages: CorpusStages,
  result: Result,
  asked: Pick<PrepareManifest, 'version' | 'settings' | 'inputs'>,
): Promise<PrepareManifest> {
  const subwords = stages.subwords.options(result);
  const steps = (side: Side): PreprocessingStep[] =>
    Object.values(
      preprocessingSteps(options, side, stages.truecaser && join(result(stages.truecaser).folder, truecaseFile(side))),
    ).flat();
  const preprocessing = { src: steps('src'), trg: steps('trg') };
  return writeFolderAtomic(options.outDir, async (folder) => {
    const splits: Partial<Record<SplitName, SplitReport>> = {};
    for (const [split, own] of stages.splits) {
      const {
        folder: from,
        report: { files },
      } = result(own.binarize);
      for (const file of files) copyDurably(join(from, file), join(folder, file));
      if (split !== 'train') await writeHeldOutText(folder, split, own, result, subwords, preprocessing.src.length > 0);
      splits[split] = splitReport(own, result);
    }
    saveTextPipeline(folder, {
      subwords,
      vocabularies: readVocabularies(result(stages.vocabulary).folder),
      preprocessing,
    });
    const outputs: Record<string, PrepareManifest['outputs'][string]> = {};
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name);
      outputs[name] = {
        ...(await fileIdentity(path)),
        ...(name.endsWith('.bin') && { headerSha256: datasetHeaderSha256(path) }),
      };
    }
    const manifest: PrepareManifest = {
      format: manifestFormat,
      ...asked,
      outputs,
      vocabularySizes: result(stages.vocabulary).report,
      splits,
    };
    writeJsonFile(join(folder, manifestFile), manifest);
    return manifest;
  });
}

/** A copy, not a link: whoever changes the corpus must not change the stage's result. */
function copyDurably(from: string, to: string): void {
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
  const file = openSync(to, 'r+');
  fsyncSync(file);
  closeSync(file);
}

/** Held-out text in words, as the model's output is scored; and as the user gave it, where that is something else. */
async function writeHeldOutText(
  folder: string,
  split: SplitName,
  own: SplitStages,
  result: Result,
  subwords: Record<Side, SubwordOptions>,
  preprocessed: boolean,
): Promise<void> {
  for (const side of ['src', 'trg'] as const) {
    // text that came segmented is shown joined, as a scorer should see it
    const segmented = subwords[side].method === 'none' ? await openSegmenter(subwords[side]) : null;
    await writeSide(join(folder, `${split}.${side}.txt`), side, own.words, result, (line) =>
      segmented ? segmented.join(line.split(' ').filter((token) => token !== '')) : line,
    );
    if (preprocessed) await writeSide(join(folder, `${split}.${side}.raw.txt`), side, own.read, result, (line) => line);
  }
}

async function writeSide(
  path: string,
  side: Side,
  stage: Stage<TextReport>,
  result: Result,
  textOf: (line: string) => string,
): Promise<void> {
  const {
    folder,
    report: { parts },
  } = result(stage);
  const output = new TextOutput(path);
  try {
    for (const { name } of parts)
      for await (const block of readPart(folder, name)) for (const line of block[side]) output.line(textOf(line));
    output.finish();
  } catch (error) {
    output.abandon();
    throw error;
  }
}

function splitReport({ read, cleaning, segment, binarize }: SplitStages, result: Result): SplitReport {
  const { lines, invalidUtf8, carriageReturn } = result(read).report;
  const { emptySide, tooLong, ratio } = result(segment).report;
  const { pairs, srcTokens, trgTokens, srcUnknown, trgUnknown } = result(binarize).report;
  return {
    lines,
    pairs,
    srcTokens,
    trgTokens,
    srcUnknown,
    trgUnknown,
    ...(cleaning.length > 0 && { removed: sumCounts(cleaning.map((stage) => result(stage).report.removed)) }),
    invalidUtf8,
    emptySide,
    tooLong,
    ratio,
    carriageReturn,
  };
}
