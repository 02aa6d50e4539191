import { selectBackend } from '../backend/select.js';
import { counted } from '../counted.js';
import { checkExportable, checkExportFolder, exportModel } from '../export/exportModel.js';
import { openExportedModel, type ExportSource } from '../export/exportedModel.js';
import { chosenDtypes, exporterNamed } from '../export/exporters.js';
import { greedyScore } from '../export/greedyScore.js';
import { ProgressBar } from '../report/progress/progressBar.js';
import { abortOnInterrupt } from './interrupts.js';

export interface ExportFlags extends ExportSource {
  format: string;
  out: string;
  dtype?: string[];
  license?: string;
  score: boolean;
  force?: boolean;
  backend: string;
  json?: boolean;
}

/** Bytes as "    1.00 MB", below 0.1 MB as "     1.2 kB". */
function size(bytes: number): string {
  const isSmall = bytes < 1e5;
  return `${(bytes / (isSmall ? 1e3 : 1e6)).toFixed(isSmall ? 1 : 2).padStart(10)} ${isSmall ? 'kB' : 'MB'}`;
}

export async function exportAction(flags: ExportFlags): Promise<void> {
  const exporter = exporterNamed(flags.format);
  const dtypes = chosenDtypes(exporter, flags.dtype);
  checkExportFolder(flags.out, flags);
  const model = await openExportedModel(flags);
  checkExportable(model, exporter, dtypes);
  const signal = abortOnInterrupt('Nothing was written.');
  const progress = new ProgressBar({ label: 'greedy', unit: 'sentences' });
  let greedy;
  try {
    greedy = await greedyScore(model, {
      compute: flags.score,
      prepare: () => selectBackend(flags.backend),
      signal,
      onProgress: (done) => progress.update(done),
    });
  } finally {
    progress.finish();
  }
  const { files } = await exportModel(model, exporter, { ...flags, dtypes, greedy, signal });
  if (flags.json) {
    console.log(JSON.stringify({ out: flags.out, format: exporter.name, dtypes, greedy, files }, null, 2));
    return;
  }
  for (const [name, { bytes }] of Object.entries(files)) console.log(`${size(bytes)}  ${name}`);
  console.log(
    `${flags.out}: ${counted(Object.keys(files).length, 'file')} for ${exporter.summary}. Its README.md says how to load it.`,
  );
  if ('missing' in greedy && flags.score) console.error(`The model card has no greedy score: ${greedy.missing}.`);
  if (flags.license === undefined)
    console.error('The model card states no licence. Name one with --license before you publish it.');
}
