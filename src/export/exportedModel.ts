import type { Config } from '../config/schema.js';
import { defaultConfig } from '../config/loadConfig.js';
import { DataError, UsageError } from '../errors.js';
import type { InitReport } from '../initial/learnedInits.js';
import type { ModelConfig } from '../model/config.js';
import { chooseCheckpoint, refuseUseWithoutRun } from '../run/chooseCheckpoint.js';
import { readInitReport } from '../run/initRecords.js';
import { readRunConfig, readRunIdentity, runPaths, type RunIdentity } from '../run/runFolder.js';
import { readRunScores, summarizeLog, type CheckpointUse, type RunScores } from '../run/runScores.js';
import { findTextFolder } from '../run/textFolder.js';
import { openTextPipeline, readTextPipeline, type TextPipelineParts } from '../text/textPipeline.js';
import { isThere } from '../storage/isThere.js';
import { readCheckpoint } from '../train/checkpoint.js';

/** The longest source that `translate` takes by default; it cuts longer ones. */
export const longestSource = 1024;

/** A parameter, row-major. */
export interface ExportedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The run that a model comes from. */
export interface RunFacts {
  readonly folder: string;
  readonly config: Config;
  readonly identity: RunIdentity;
  /** Which parameters of the run. */
  readonly use: CheckpointUse;
  /** Which parameters, in words. */
  readonly description: string;
  /** Absent while the run is not complete. */
  readonly scores?: RunScores;
  /** How far training came. */
  readonly progress?: Pick<RunScores, 'updates' | 'epochs' | 'trgTokens' | 'best'>;
  /** What GradInit, MetaInit or Admin learned; absent where parameters started as drawn. */
  readonly init?: InitReport;
}

/** All that an exporter needs of a trained model. Plain arrays: no tensors, no backend. */
export interface ExportedModel {
  readonly checkpoint: string;
  /** The update after which the parameters are, where it is known. */
  readonly update?: number;
  readonly config: ModelConfig;
  /**
   * By fairseq's names, with the shapes of `parameterShapes`: what the model computes with. GradInit's scales are part
   * of the values, as training multiplies them in at the start and keeps the products.
   */
  readonly parameters: ReadonlyMap<string, ExportedTensor>;
  readonly textFolder: string;
  readonly text: TextPipelineParts;
  /** Source and target have the same tokens under the same ids. */
  readonly isJoint: boolean;
  /** Beam, length penalty and maximal length: the run's, or the defaults for a checkpoint without a run. */
  readonly decode: Config['decode'];
  /** Absent for a checkpoint without a run. */
  readonly run?: RunFacts;
}

/** One parameter by name. @throws DataError if the model has none of that name */
export function parameterNamed({ parameters }: Pick<ExportedModel, 'parameters'>, name: string): ExportedTensor {
  const found = parameters.get(name);
  if (found === undefined) throw new DataError(`the model has no parameter ${name}. Does the checkpoint belong to it?`);
  return found;
}

/** What is exported: a run, with its checkpoint chosen as `translate` does, or a checkpoint. */
export interface ExportSource {
  readonly run?: string;
  readonly checkpoint?: string;
  /** Which parameters of the run. Default: the run's `decode.checkpoint`. */
  readonly use?: CheckpointUse;
  /** Folder of the vocabularies and subwords. Default: the run's, or that next to the checkpoint. */
  readonly text?: string;
}

/**
 * Opens what is to be exported.
 * @throws UsageError unless exactly one of `run` and `checkpoint` is given; DataError or CheckpointError for files that
 * cannot be used
 */
export async function openExportedModel({ run, checkpoint, use, text }: ExportSource): Promise<ExportedModel> {
  if ((run === undefined) === (checkpoint === undefined))
    throw new UsageError('name what to export: either --run DIR or --checkpoint FILE.');
  refuseUseWithoutRun(use, run !== undefined);
  const facts = run === undefined ? undefined : readRunFacts(run, use);
  const path = checkpoint ?? facts!.path;
  const textFolder = text ?? (run === undefined ? findTextFolder(path) : runPaths(run).text);
  const { config, params, training } = readCheckpoint(path);
  const update =
    training?.position.update ?? (facts?.run.use === 'best' ? facts.run.progress?.best?.update : undefined);
  const parts = await readText(textFolder);
  const { src, trg } = parts.vocabularies;
  if (src.size !== config.srcVocabSize || trg.size !== config.trgVocabSize)
    throw new UsageError(
      `the vocabularies in ${textFolder} have ${src.size} and ${trg.size} entries, ${path} expects ${config.srcVocabSize} and ${config.trgVocabSize}. Name the folder that belongs to it with --text.`,
    );
  return {
    checkpoint: path,
    ...(update !== undefined && { update }),
    config,
    parameters: new Map(
      [...params].map(([name, { shape, data }]) => [name, { shape, data: data as Float32Array }]), // checkpoints hold float32 only
    ),
    textFolder,
    text: parts,
    isJoint: src.size === trg.size && src.tokens.every((token, id) => token === trg.tokens[id]),
    decode: facts?.run.config.decode ?? defaultConfig().decode,
    ...(facts && { run: facts.run }),
  };
}

function readRunFacts(folder: string, use: CheckpointUse | undefined): { path: string; run: RunFacts } {
  const config = readRunConfig(folder);
  const paths = runPaths(folder);
  const chosen = chooseCheckpoint(folder, { ...config.decode, checkpoint: use ?? config.decode.checkpoint });
  const scores = readRunScores(paths.scores);
  const progress = scores ?? (isThere(paths.log) ? summarizeLog(paths.log) : undefined);
  const init = readInitReport(paths.initReport);
  return {
    path: chosen.path,
    run: {
      folder,
      config,
      identity: readRunIdentity(folder),
      use: chosen.use,
      description: chosen.description,
      ...(scores && { scores }),
      ...(progress && { progress }),
      ...(init && { init }),
    },
  };
}

/** The parts of a text folder whose files were compared with their checksums. */
async function readText(folder: string): Promise<TextPipelineParts> {
  await (await openTextPipeline(folder)).close();
  return readTextPipeline(folder);
}
