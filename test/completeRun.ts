import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configToYaml } from '../src/config/loadConfig.js';
import type { Config } from '../src/config/schema.js';

export interface Outcome {
  readonly bleu?: number;
  readonly nll?: number;
  readonly hyp?: string;
}

/** Writes the files of a complete run, except its checkpoints; without BLEU the run has diverged. */
export function writeCompleteRun(
  { runDir, config }: { readonly runDir: string; readonly config: Config },
  { bleu, nll = 1.4, hyp = 'a b c d e\n' }: Outcome,
): void {
  mkdirSync(runDir, { recursive: true });
  const validation = { update: 10, epoch: 1, loss: 2, nll, perplexity: 4, bleu: 50 };
  const test = {
    use: 'best',
    bleu,
    chrf: 60,
    chrfSignature: 'chrf-sig',
    signature: 'sig',
    precisions: [],
    bp: 1,
    sysLen: 1,
    refLen: 1,
    hyp: 'test.hyp',
    checkpoint: 'best',
    validLoss: 2,
    seconds: 1,
  };
  const write = (name: string, text: string): void => writeFileSync(join(runDir, name), text);
  write('config.yaml', configToYaml(config));
  write('run.json', JSON.stringify({ program: 'coldstart', corpus: {}, startedAt: '2026-01-01T00:00:00Z' }));
  write(
    'log.jsonl',
    [
      { event: 'start', parameters: ['a'], numParameters: 5 },
      { event: 'updateRatios', update: 1, epoch: 1, ratios: [0.5] },
      {
        event: 'valid',
        ...validation,
        best: true,
        seconds: 1,
        samples: [{ src: 'A <B>', ref: 'a b', hyp: 'a <c>' }],
      },
    ]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join(''),
  );
  write('test.hyp', hyp);
  write('test.src', 'A B C\n');
  write('test.ref', 'a b c d f\n');
  write(
    'scores.json',
    JSON.stringify({
      status: bleu === undefined ? 'diverged' : 'finished',
      backend: 'wasm',
      updates: 10,
      epochs: 1,
      trgTokens: 100,
      trainSeconds: 60,
      initSeconds: 30,
      unigramNll: 3,
      init: { seconds: 30, trgTokens: 20, updateEquivalents: 2.5 },
      best: validation,
      last: validation,
      firstEpoch: { ...validation, loss: 3 },
      ...(bleu !== undefined && { test, tests: [test], selected: 'best' }),
    }),
  );
}
