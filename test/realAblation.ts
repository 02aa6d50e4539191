import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtinTextYaml } from './builtinText.js';

const program = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));

/**
 * The smallest ablation with every kind of file: GradInit against none, learning curves, update ratios, gradients,
 * translations.
 */
const config = `
backend: wasm
${builtinTextYaml}  subwords: { method: bpe, merges: 60 }
model: { dModel: 8, dFf: 16, numHeads: 2, numEncoderLayers: 1, numDecoderLayers: 1 }
train: { maxUpdates: 6, maxTokens: 200, logEveryUpdates: 2, validateEveryUpdates: 3, saveEveryUpdates: 3, keepEpochs: 2 }
gradinit: { iterations: 2 }
decode: { beamSize: 2, maxLenA: 1, maxLenB: 2, bleu: tokenised }
ablation: { equalBudget: false, baseline: no-warmup, arms: { no-warmup: { preset: no-warmup }, gradinit-adam: { preset: gradinit-adam } }, seeds: [1] }
`;

/** Runs the command line. */
export function coldstart(args: readonly string[], cwd: string): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

/** Makes in a folder config.yaml, text/ and data/ (prepared), by the command line. */
export function makeRealCorpus(folder: string): void {
  writeFileSync(join(folder, 'config.yaml'), config);
  succeed(folder, ['corpus', 'synth', '--out', 'text', '--pairs', '300', '--valid-pairs', '20', '--test-pairs', '20']);
  succeed(folder, ['corpus', 'prepare', '-c', 'config.yaml']);
}

/** The same and ablation/ (two arms). */
export function makeRealAblation(folder: string): void {
  makeRealCorpus(folder);
  succeed(folder, ['ablate', '-c', 'config.yaml', '--run', 'ablation']);
}

function succeed(folder: string, args: readonly string[]): void {
  const { status, output } = coldstart(args, folder);
  if (status !== 0) throw new Error(`coldstart ${args.join(' ')} ended with ${status}: ${output}`);
}
