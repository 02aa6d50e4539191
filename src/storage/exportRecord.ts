import { join } from 'node:path';
import { isThere } from './isThere.js';
import { jsonObject, jsonText, readJsonFile } from './jsonFile.js';

/** The record of an export in its folder; by it a later export knows that it may replace the folder. */
export const exportRecordName = 'coldstart.json';

/**
 * The format of the export in a folder; undefined if the folder holds none. @throws DataError if its record is damaged
 */
export function exportFormat(folder: string): string | undefined {
  const path = join(folder, exportRecordName);
  if (!isThere(path)) return undefined;
  const { exporter } = readJsonFile<{ exporter: string }>(path, {
    what: 'record of an export',
    advice: 'Export the model again.',
    shape: jsonObject({ exporter: jsonText }),
  });
  return exporter;
}
