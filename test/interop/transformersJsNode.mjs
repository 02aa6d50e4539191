// transformersJsNode.mjs NPM_FOLDER EXPORT DTYPE SOURCE OUTPUT: greedy translations of Transformers.js in Node.js, 32
// lines at a time, so that shorter ones are padded and finished ones are computed on.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [npm, folder, dtype, source, output] = process.argv.slice(2);
const path = createRequire(join(resolve(npm), 'x.js')).resolve('@huggingface/transformers');
const { env, pipeline } = await import(pathToFileURL(path).href);
env.localModelPath = dirname(resolve(folder));
env.allowRemoteModels = false;
const translator = await pipeline('translation', basename(resolve(folder)), {
  dtype,
  session_options: { intraOpNumThreads: 1 },
});
const lines = readFileSync(source, 'utf8').replace(/\n$/, '').split('\n');
const translations = [];
for (let i = 0; i < lines.length; i += 32)
  for (const { translation_text: text } of await translator(lines.slice(i, i + 32), { max_new_tokens: 1300 }))
    translations.push(text);
writeFileSync(output, translations.map((line) => `${line}\n`).join(''));
