import {
  jsonCount,
  jsonList,
  jsonNullable,
  jsonNumber,
  jsonObject,
  jsonOptional,
  jsonRecord,
  jsonText,
  readJsonFile,
  type JsonShape,
} from '../storage/jsonFile.js';
import type { GradientRecord } from './gradientRecord.js';
import { initNamed, type InitReport } from '../initial/learnedInits.js';
import { initCostShape } from './runScores.js';
import { isThere } from '../storage/isThere.js';

const advice =
  'The file was changed or damaged after it was written. Restore it from a copy, or start the run again in another folder.';
const measured = jsonNullable(jsonNumber);

const reportShape: JsonShape = (value, field) => {
  jsonObject({
    method: jsonText,
    scales: jsonRecord(jsonNumber),
    seconds: jsonNumber,
    cost: jsonOptional(initCostShape),
  })(value, field);
  // of a method that a program of its user's brought nothing more is known
  initNamed((value as InitReport).method)?.reportShape(value, field);
};

/**
 * gradinit.json; undefined if missing. In runs made before costs were recorded it has only the seconds. @throws
 * DataError if it is damaged
 */
export function readInitReport(path: string): InitReport | undefined {
  if (!isThere(path)) return undefined;
  const report = readJsonFile<InitReport>(path, { what: 'initialisation report', shape: reportShape, advice });
  const { cost = { seconds: report.seconds, trgTokens: 0, updateEquivalents: 0 } } = report as Partial<InitReport>;
  return { ...report, cost };
}

const sampleShape = jsonObject({
  loss: measured,
  tensors: jsonList(
    jsonObject({
      name: jsonText,
      size: jsonCount,
      normL1: measured,
      normL2: measured,
      meanNormL2: measured,
      variance: measured,
      weightNormL2: measured,
    }),
  ),
});

/** gradients.json. @throws DataError if it is damaged */
export function readGradientRecord(path: string): GradientRecord {
  return readJsonFile(path, {
    what: 'record of gradients',
    shape: jsonObject({ batches: jsonCount, drawn: jsonOptional(sampleShape), start: sampleShape }),
    advice,
  });
}
