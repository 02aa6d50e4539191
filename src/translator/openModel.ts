import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { defaultConfig } from '../config/loadConfig.js';
import type { Config } from '../config/schema.js';
import { DataError, UsageError } from '../errors.js';
import { chooseCheckpoint } from '../run/chooseCheckpoint.js';
import { readRunConfig, runPaths } from '../run/runFolder.js';
import { findTextFolder } from '../run/textFolder.js';
import { exportFormat } from '../storage/exportRecord.js';
import { isThere } from '../storage/isThere.js';
import { shellWord } from '../format.js';

/** A model on disk: its files, and its run's decode settings. */
export interface ModelPlace {
  /** The user's name for it. */
  readonly name: string;
  readonly checkpoint: string;
  /** Folder of its vocabularies and subwords. */
  readonly text: string;
  readonly decode: Config['decode'];
  /** Language codes of the run's configuration. */
  readonly languages?: { readonly src: string; readonly trg: string };
  /** The parameters of the run, e.g. "average of the last 5 epochs". */
  readonly description?: string;
}

export interface ModelChoice {
  /** Parameters of a run: best, last or average. Default: the run's decode.checkpoint. */
  readonly use?: Config['decode']['checkpoint'];
  /** Folder of vocabularies and subwords. Default: the run's; for a checkpoint, the folder next to it. */
  readonly text?: string;
}

/**
 * Finds a model: a run's folder, a checkpoint file, or a folder that holds one checkpoint and its text settings.
 *
 * @throws UsageError or DataError saying what was found and what was expected
 */
export function findModel(path: string, { use, text }: ModelChoice = {}): ModelPlace {
  if (!isThere(path))
    throw new UsageError(`${path} does not exist. Name the folder of a run, or a checkpoint (.safetensors).`);
  if (!statSync(path).isDirectory()) return checkpointPlace(path, path, text);
  refuseExport(path);
  if (existsSync(runPaths(path).config)) {
    const { decode, corpus } = readRunConfig(path);
    const { path: checkpoint, description } = chooseCheckpoint(path, {
      ...decode,
      checkpoint: use ?? decode.checkpoint,
    });
    return {
      name: path,
      checkpoint,
      text: text ?? runPaths(path).text,
      decode,
      languages: { src: corpus.srcLang, trg: corpus.trgLang },
      description,
    };
  }
  const found = readdirSync(path).filter((name) => name.endsWith('.safetensors'));
  if (found.length === 1) return checkpointPlace(path, join(path, found[0]), text);
  if (existsSync(join(path, 'onnx')))
    throw new UsageError(
      `${path} is an export for Transformers.js, which coldstart cannot translate with. Name the run that it was made from.`,
    );
  const what =
    found.length === 0 ? 'no config.yaml and no checkpoint' : `${found.length} checkpoints and no config.yaml`;
  throw new DataError(
    `${path} is not a model: it has ${what}. Name the folder of a run, or one checkpoint (.safetensors).`,
  );
}

/** @throws UsageError for the folder of an export, with what can be done */
export function refuseExport(path: string): void {
  const format = exportFormat(path);
  if (format === undefined) return;
  const other =
    format === 'huggingface'
      ? `, or make a checkpoint of it: coldstart import --from ${shellWord(path)} --out DIR`
      : '. Of exports only those of the format huggingface can become checkpoints again, with "coldstart import"';
  throw new UsageError(
    `${path} is an export in the format ${format}, for other programs. coldstart opens runs and checkpoints: name the run that it was made from${other}.`,
  );
}

/** What a model's run says, without choosing parameters: an average of them takes time. @throws as `findModel` */
export function modelSettings(path: string, choice: ModelChoice = {}): Pick<ModelPlace, 'decode' | 'languages'> {
  if (!existsSync(runPaths(path).config)) return findModel(path, choice);
  const { decode, corpus } = readRunConfig(path);
  return { decode, languages: { src: corpus.srcLang, trg: corpus.trgLang } };
}

function checkpointPlace(name: string, checkpoint: string, text: string | undefined): ModelPlace {
  return { name, checkpoint, text: text ?? findTextFolder(checkpoint), decode: defaultConfig().decode };
}
