import { copyFileSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataError, UsageError } from '../errors.js';
import type { ExportedModel } from '../export/exportedModel.js';
import { checkExportable, checkExportFolder, exportModel } from '../export/exportModel.js';
import { exporterNamed } from '../export/exporters.js';
import { longestTranslation } from '../export/transformersJs/transformersJs.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import { fileOf, withFiles, type PreprocessingStep } from '../text/preprocessingSteps.js';
import { readTextFile } from '../storage/textFile.js';
import { writeFolderAtomic } from '../storage/atomicFolder.js';
import { isThere } from '../storage/isThere.js';
import { identitiesOf, type RecordedFolder } from '../storage/exportRecord.js';
import { jsonObject, jsonText, readJsonFile, writeJsonFile } from '../storage/jsonFile.js';
import { demoPage } from './demoPage.js';
import type { PageSteps } from './pageText.js';

export interface DemoOptions {
  readonly out: string;
  /** One of the dtypes of the export to Transformers.js. */
  readonly dtype: string;
  /** Folder of the package @huggingface/transformers. */
  readonly transformers: string;
  /** Names of the languages. */
  readonly source: string;
  readonly target: string;
  /** The page takes text that is tokenised already. */
  readonly takesTokens: boolean;
  readonly license?: string;
  readonly signal?: AbortSignal;
}

const exporter = exporterNamed('transformers-js');
/** The files of Transformers.js and its runtime that a browser loads. */
const libraryFile = 'transformers.min.js';
const runtimeFiles = ['ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'];

/** Marks a folder as a demo, and lists its files, so that --force replaces nothing else. */
const demoFolder: RecordedFolder = { what: 'demo', record: 'coldstart-demo.json', format: 'coldstart demo' };

/** @throws as `checkExportFolder`: only an earlier demo may be replaced */
export function checkDemoFolder(out: string, { force }: { readonly force?: boolean } = {}): void {
  checkExportFolder(out, { force, kind: demoFolder });
}

/**
 * Refuses, before any work, models that the page could not translate like coldstart.
 * @throws UsageError saying why, and what to do instead
 */
export function checkDemo(model: ExportedModel, { dtype }: Pick<DemoOptions, 'dtype'>): void {
  checkExportable(model, exporter, [dtype]);
}

/**
 * Writes a folder of static files whose page translates in the browser: the exported model, Transformers.js, its
 * runtime, and the page. It appears whole or not at all.
 *
 * @throws UsageError or DataError if the model or the package cannot be used
 */
export async function writeDemo(model: ExportedModel, options: DemoOptions): Promise<void> {
  checkDemo(model, options);
  const library = libraryFiles(options.transformers);
  await writeFolderAtomic(options.out, async (folder) => {
    await exportModel(model, exporter, {
      out: join(folder, 'model'),
      dtypes: [options.dtype],
      greedy: { missing: 'it was not computed' },
      license: options.license,
      signal: options.signal,
    });
    mkdirSync(join(folder, 'runtime'));
    for (const [path, name] of library) copyFileSync(path, join(folder, name));
    const { src, trg } = model.text.preprocessing;
    const preprocesses = !options.takesTokens && src.length + trg.length > 0;
    if (preprocesses) writeTextSteps(join(folder, 'text'), { src, trg });
    const page = demoPage({ ...options, preprocesses, maxNewTokens: longestTranslation(model) });
    writeFileAtomic(join(folder, 'index.html'), page);
    const record = { format: demoFolder.format, version: 1, dtype: options.dtype, files: await identitiesOf(folder) };
    writeJsonFile(join(folder, demoFolder.record), record);
  });
}

/** Writes what the page needs for the steps before and after the model. */
function writeTextSteps(folder: string, { src, trg }: PageSteps): void {
  mkdirSync(folder);
  // only undoing the target's steps is left to the page, which reads no file
  const inFolder = (step: PreprocessingStep): PreprocessingStep => withFiles(step, 'prefixes.txt', 'truecase.txt');
  for (const step of src) {
    const path = fileOf(step);
    if (path !== undefined)
      writeFileAtomic(join(folder, fileOf(inFolder(step))!), readTextFile(path, 'file of the text settings', 2 ** 30));
  }
  const steps: PageSteps = { src: src.map(inFolder), trg: trg.map(inFolder) };
  writeFileAtomic(join(folder, 'steps.json'), JSON.stringify(steps));
  copyFileSync(fileURLToPath(new URL('pageText.bundle.js', import.meta.url)), join(folder, 'text.js'));
}

/** The files to copy, and their names in the folder. @throws DataError if one is missing */
function libraryFiles(transformers: string): [path: string, name: string][] {
  const { version } = readJsonFile<{ name: string; version: string }>(join(transformers, 'package.json'), {
    what: "Transformers.js' package",
    advice: install,
    shape: jsonObject({ name: jsonText, version: jsonText }),
  });
  if (!version.startsWith('4.'))
    throw new DataError(`${transformers} is Transformers.js ${version}, expected 4. ${install}`);
  // npm puts a dependency into the package's own folder or next to the package
  const runtime = [join(transformers, 'node_modules'), join(transformers, '../..')]
    .map((folder) => join(folder, 'onnxruntime-web/dist'))
    .find((folder) => isThere(folder));
  if (runtime === undefined)
    throw new DataError(`onnxruntime-web, which Transformers.js needs, was not found near ${transformers}. ${install}`);
  const files: [string, string][] = [
    [join(transformers, 'dist', libraryFile), libraryFile],
    [join(transformers, 'LICENSE'), `${libraryFile}.LICENSE`],
    ...runtimeFiles.map((name): [string, string] => [join(runtime, name), join('runtime', name)]),
  ];
  const missing = files.find(([path]) => !isThere(path));
  if (missing) throw new DataError(`${missing[0]} does not exist, which the page needs. ${install}`);
  return files;
}

const install = 'Run "npm install @huggingface/transformers@4", and name its folder with --transformers.';

/**
 * Transformers.js in the node_modules of a folder or of one above it.
 * @throws UsageError if it is not installed there
 */
export function findTransformers(folder: string): string {
  for (let above = resolve(folder); ; above = dirname(above)) {
    const found = join(above, 'node_modules/@huggingface/transformers');
    if (isThere(join(found, 'package.json'))) return found;
    if (above === dirname(above)) throw new UsageError(`Transformers.js is not installed here. ${install}`);
  }
}

/** Bytes of all files in a folder. */
export function folderBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
