import { constants, copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { datasetHeaderSha256 } from '../../data/datasetFormat.js';
import { DataError } from '../../errors.js';
import { writeFolderAtomic } from '../../storage/atomicFolder.js';
import { fileIdentity } from '../../storage/checksum.js';
import { finishTogether, TextOutput } from '../../storage/textOutput.js';
import { readLinePairs, type PairFiles } from '../../text/linePairs.js';
import { PairOutput } from '../../text/pairOutput.js';
import type { PreprocessingStep } from '../../text/preprocessingSteps.js';
import { openSegmenter } from '../../text/subwords/segmenter.js';
import type { SubwordOptions } from '../../text/subwords/subwordMethods.js';
import { saveTextPipeline, type Side } from '../../text/textPipeline.js';
import type { CorpusStages, SplitStages } from './corpusStages.js';
import { sumCounts } from './removed.js';
import { truecaseFile } from './truecase.js';
import { noFinding } from './findings.js';
import { manifestFile, manifestFormat, type PrepareManifest, type SplitName, type SplitReport } from './manifest.js';
import { preprocessingSteps, type PrepareOptions } from './options.js';
import { partsOf, readPart, type SplitText } from './parts.js';
import type { StageContext } from './stage.js';
import { readVocabularies } from './vocabulary.js';
import { syncToDisk } from '../../storage/syncToDisk.js';
import { writeJsonFile } from '../../storage/jsonFile.js';

type Result = StageContext['result'];

/** Assembles the corpus from the stages' results; the folder appears whole or not at all. */
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
      if (split !== 'train') {
        await writeHeldOutText(folder, split, own.text, result, subwords);
        if (preprocessing.src.length > 0)
          await writeRawText(folder, split, options[split] ?? options.train, own.text, result);
      }
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

/** A copy, not a link: a change of the corpus must not change the stage's result. */
function copyDurably(from: string, to: string): void {
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
  syncToDisk(to);
}

/** Held-out text in words, the form in which the model's output is scored. */
async function writeHeldOutText(
  folder: string,
  split: SplitName,
  text: SplitText,
  result: Result,
  subwords: Record<Side, SubwordOptions>,
): Promise<void> {
  const parts = partsOf(text, result);
  for (const side of ['src', 'trg'] as const) {
    // segmented input text is joined, as a scorer expects it
    const segmented = subwords[side].method === 'none' ? await openSegmenter(subwords[side]) : null;
    const output = new TextOutput(join(folder, `${split}.${side}.txt`));
    try {
      for (const part of parts) {
        for await (const block of readPart(part)) {
          for (const line of block[side])
            output.line(segmented ? segmented.join(line.split(' ').filter((token) => token !== '')) : line);
        }
      }
      output.finish();
    } catch (error) {
      output.abandon();
      throw error;
    }
  }
}

/**
 * Held-out text as the user gave it, read again from the user's files. @throws DataError if its lines are missing now
 */
async function writeRawText(
  folder: string,
  split: SplitName,
  files: PairFiles,
  text: SplitText,
  result: Result,
): Promise<void> {
  const wanted = new Set<number>();
  for (const part of partsOf(text, result))
    for await (const { lines } of readPart(part)) for (const line of lines) wanted.add(line);
  const output = new PairOutput({
    src: join(folder, `${split}.src.raw.txt`),
    trg: join(folder, `${split}.trg.raw.txt`),
  });
  try {
    let written = 0;
    for await (const { firstLine, src, trg } of readLinePairs(files)) {
      src.forEach((line, i) => {
        const other = trg[i];
        if (line === null || other === null || !wanted.has(firstLine + i)) return;
        output.write(line, other);
        written++;
      });
    }
    if (written !== wanted.size)
      throw new DataError(
        `${files.src} and ${files.trg} were changed while they were prepared. Run the command again.`,
      );
    finishTogether(output.outputs);
  } finally {
    output.abandon();
  }
}

function splitReport({ words, removing, heldOut, segment, binarize }: SplitStages, result: Result): SplitReport {
  const { pairs, srcTokens, trgTokens, srcUnknown, trgUnknown } = result(binarize).report;
  const { emptySide, tooLong, ratio } = result(segment).report;
  const read = result(words).report;
  // faults of lines held out of the training set are reported with the training set
  const { lines, invalidUtf8, carriageReturn } = heldOut
    ? { lines: pairs, invalidUtf8: noFinding, carriageReturn: noFinding }
    : read;
  return {
    lines,
    pairs,
    srcTokens,
    trgTokens,
    srcUnknown,
    trgUnknown,
    ...(removing.length > 0 && { removed: sumCounts(removing.map((stage) => result(stage).report.removed)) }),
    invalidUtf8,
    emptySide,
    tooLong,
    ratio,
    carriageReturn,
  };
}
