// The programs that read exports, and their tests. To add one, add an entry here and a file next to this one.
//
// command(task): what to run. It writes the translations of task.source, one a line, to task.output. A consumer with
// `check` only looks
//   at the folder: exit status 0 is a pass.
// cases: dtype; search: "greedy" or "beam" (of 5), with which coldstart's own translations are made; then `equal` or
// `bleu`.
//   equal: the least share of lines that must be equal, or cut. OUTPUT.cut lists lines that the program cut at the maximal length.
//   bleu: how far BLEU may be from that of coldstart's own translations, beyond the 95 % interval of the difference.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const file = (name) => join(here, name);

export const consumers = [
  {
    name: 'onnx.checker',
    format: 'transformers-js',
    needs: ['onnx'],
    check: ({ peers, folder }) => [peers.python, file('checkOnnx.py'), folder],
  },
  {
    name: 'Transformers.js in Node.js',
    format: 'transformers-js',
    needs: ['@huggingface/transformers'],
    cases: [
      { dtype: 'fp32', search: 'greedy', equal: 1 },
      { dtype: 'fp16', search: 'greedy', bleu: 0.3 },
      { dtype: 'q8', search: 'greedy', bleu: 0.3 },
      { dtype: 'q4', search: 'greedy' },
    ],
    command: ({ peers, folder, dtype, source, output }) => [
      process.execPath,
      file('transformersJsNode.mjs'),
      peers.npm,
      folder,
      dtype,
      source,
      output,
    ],
  },
  {
    name: 'the script of docs/guide/export.md',
    format: 'transformers-js',
    needs: ['@huggingface/transformers'],
    cases: [{ dtype: 'fp32', search: 'greedy', equal: 0.99 }],
    command: ({ peers, folder, source, output }) => [
      process.execPath,
      file('guideScript.mjs'),
      peers.npm,
      folder,
      source,
      output,
    ],
  },
  {
    name: 'Transformers.js in Chromium',
    format: 'transformers-js',
    needs: ['@huggingface/transformers', 'chromium'],
    cases: [{ dtype: 'q8', search: 'greedy', bleu: 0.3 }],
    command: ({ peers, folder, dtype, source, output }) => [
      process.execPath,
      file('transformersJsBrowser.mjs'),
      peers.npm,
      folder,
      dtype,
      source,
      output,
    ],
  },
  {
    name: 'CTranslate2',
    format: 'ctranslate2',
    needs: ['ctranslate2', 'tokenizers'],
    cases: [
      { dtype: 'float32', search: 'greedy', equal: 1 },
      { dtype: 'float32', search: 'beam', equal: 0.99 },
      { dtype: 'float16', search: 'greedy', bleu: 0.3 },
      { dtype: 'int8', search: 'greedy', bleu: 0.5 },
    ],
    command: ({ peers, folder, source, output, search }) => [
      peers.python,
      file('translateCtranslate2.py'),
      folder,
      source,
      output,
      ...(search === 'beam' ? ['--beam', '5'] : []),
    ],
  },
  {
    name: 'transformers',
    format: 'huggingface',
    needs: ['transformers', 'torch'],
    cases: [{ dtype: 'float32', search: 'greedy', equal: 1 }],
    command: ({ peers, folder, source, output }) => [
      peers.python,
      file('translateTransformers.py'),
      folder,
      source,
      output,
    ],
  },
];
