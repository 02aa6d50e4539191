import { statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { DataError, UsageError } from '../errors.js';
import { version } from '../package.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import { writeFolderAtomic } from '../storage/atomicFolder.js';
import { checkOutputs } from '../storage/checkOutputs.js';
import { fileIdentity, type FileIdentity } from '../storage/checksum.js';
import { checkReplaceable, exportRecordName, identitiesOf, type RecordedFolder } from '../storage/exportRecord.js';
import { isThere } from '../storage/isThere.js';
import { writeJsonFile } from '../storage/jsonFile.js';
import type { ExportedModel } from './exportedModel.js';
import type { Exporter } from './exporter.js';
import type { GreedyScore } from './greedyScore.js';
import { checkFloat16 } from './float16.js';
import { modelCard } from './modelCard.js';

/** coldstart.json: what was exported, and its files. */
export interface ExportRecord {
  readonly format: 'coldstart export';
  readonly version: 1;
  readonly program: string;
  readonly exporter: string;
  readonly dtypes: readonly string[];
  readonly model: ExportedModel['config'];
  readonly checkpoint: FileIdentity;
  readonly files: Readonly<Record<string, FileIdentity>>;
}

const exportFolder: RecordedFolder = { what: 'export', record: exportRecordName, format: 'coldstart export' };

/**
 * Checks, before the work, that an export can be written to a folder.
 * @param options.force allows an earlier export there, which is then replaced
 * @param options.kind what is written, and how an earlier one is known
 * @throws ColdstartError code FILE_EXISTS for a folder that holds something; WRITE_FAILED for a place that cannot be
 * written to
 */
export function checkExportFolder(
  out: string,
  { force = false, kind = exportFolder }: { readonly force?: boolean; readonly kind?: RecordedFolder } = {},
): void {
  const isFolder = isThere(out) && statSync(out).isDirectory();
  if (isFolder) checkReplaceable(out, force, kind);
  checkOutputs([out], { kind: 'folder', replace: isFolder });
}

/** What formats call 16-bit floats. */
const halfDtypes: ReadonlySet<string> = new Set(['fp16', 'float16']);

/**
 * @throws UsageError if the format cannot hold the model exactly; DataError for parameters that are not finite, or too
 * large for 16 bits
 */
export function checkExportable(model: ExportedModel, exporter: Exporter, dtypes: readonly string[]): void {
  for (const [name, { data }] of model.parameters) {
    const wrong = data.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0)
      throw new DataError(
        `${model.checkpoint} holds ${data[wrong]} in ${name}: it translates nothing. Export an earlier checkpoint.`,
      );
    if (dtypes.some((dtype) => halfDtypes.has(dtype))) checkFloat16(data, name);
  }
  const reason = exporter.refuse(model, dtypes);
  if (reason !== undefined) throw new UsageError(`--format ${exporter.name} cannot hold this model: ${reason}`);
}

/**
 * Writes a model in a format: its files, README.md and coldstart.json. The folder appears whole or not at all.
 * @returns sizes and checksums of the files by name
 */
export async function exportModel(
  model: ExportedModel,
  exporter: Exporter,
  {
    out,
    dtypes,
    greedy,
    license,
    signal,
  }: {
    readonly out: string;
    readonly dtypes: readonly string[];
    readonly greedy: GreedyScore;
    readonly license?: string;
    readonly signal?: AbortSignal;
  },
): Promise<ExportRecord> {
  checkExportable(model, exporter, dtypes);
  return writeFolderAtomic(out, async (folder) => {
    await exporter.write(model, { folder, dtypes, signal });
    const parts = exporter.card(model, dtypes, basename(resolve(out)));
    writeFileAtomic(join(folder, 'README.md'), modelCard(model, { parts, greedy, license }));
    signal?.throwIfAborted();
    const record: ExportRecord = {
      format: 'coldstart export',
      version: 1,
      program: `coldstart ${version}`,
      exporter: exporter.name,
      dtypes,
      model: model.config,
      checkpoint: await fileIdentity(model.checkpoint),
      files: await identitiesOf(folder),
    };
    writeJsonFile(join(folder, exportRecordName), record);
    return record;
  });
}
