import { checkDemo, checkDemoFolder, findTransformers, folderBytes, writeDemo } from '../demo/writeDemo.js';
import { UsageError } from '../errors.js';
import { openExportedModel, type ExportSource } from '../export/exportedModel.js';
import { languageName } from '../report/text/languageName.js';
import { abortOnInterrupt } from './interrupts.js';

export interface DemoFlags extends ExportSource {
  out: string;
  source?: string;
  target?: string;
  dtype: string;
  transformers?: string;
  tokenized?: boolean;
  license?: string;
  force?: boolean;
}

export async function demoAction(flags: DemoFlags): Promise<void> {
  checkDemoFolder(flags.out, flags);
  const takesTokens = flags.tokenized ?? false;
  const model = await openExportedModel(flags);
  checkDemo(model, flags);
  const transformers = flags.transformers ?? findTransformers('.');
  const [source, target] = [
    flags.source ?? model.run?.config.corpus.srcLang,
    flags.target ?? model.run?.config.corpus.trgLang,
  ];
  if (source === undefined || target === undefined)
    throw new UsageError('a checkpoint does not say its languages. Give --source and --target.');
  const signal = abortOnInterrupt('Nothing was written.');
  await writeDemo(model, {
    ...flags,
    transformers,
    source: languageName(source),
    target: languageName(target),
    takesTokens,
    signal,
  });
  console.log(
    `${flags.out}: ${(folderBytes(flags.out) / 1e6).toFixed(1)} MB. Serve the folder with any web server, e.g. "npx http-server ${flags.out}", and open its address.`,
  );
}
