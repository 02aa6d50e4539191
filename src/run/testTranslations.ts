import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import type { Config } from '../config/schema.js';
import type { EpochBatches } from '../data/batches.js';
import type { PreparedCorpus } from '../corpus/preparedCorpus.js';
import { bleuSignature } from '../score/bleuSignature.js';
import { chrf } from '../score/chrf.js';
import { corpusScore } from '../score/metric.js';
import { formatSignature, signatureFields } from '../score/signature.js';
import type { ModelConfig } from '../model/config.js';
import { readCheckpoint, toTensors } from '../train/checkpoint.js';
import { keptCheckpoints } from '../train/runFiles.js';
import { validationLoss } from '../train/validationLoss.js';
import { chooseCheckpoint } from './chooseCheckpoint.js';
import { bleuOptions, referenceText, translateHeldOut } from './heldOut.js';
import { runPaths } from './runFolder.js';
import type { CheckpointUse, RunScores, TestResult } from './runScores.js';
import { writeTestText } from './testText.js';

export interface TestTask {
  readonly runDir: string;
  readonly config: Config;
  readonly model: ModelConfig;
  readonly corpus: PreparedCorpus;
  readonly validBatches: EpochBatches;
  /** Validations of the run, from its log. */
  readonly validated: Pick<RunScores, 'best' | 'last'>;
  readonly signal?: AbortSignal;
  readonly onProgress: (stage: 'validation' | 'translation', done: number, total: number) => void;
}

/**
 * Translates the test set with the best parameters, with the average of the last epochs if at least two were kept, and
 * with the parameters that `decode.checkpoint` names; scores each, and says which of best and average has the better
 * validation. The test set decides nothing.
 *
 * Written to the run: test.src, test.ref (the references), test.hyp (of `decode.checkpoint`), test.USE.hyp of the
 * others.
 */
export async function translateTest(
  task: TestTask,
): Promise<Required<Pick<RunScores, 'test' | 'tests' | 'files'>> & Pick<RunScores, 'selected'>> {
  const { runDir, config, corpus } = task;
  const paths = runPaths(runDir);
  const canAverage = keptCheckpoints(runDir).length >= 2;
  const candidates: CheckpointUse[] = [
    ...(existsSync(paths.best) ? ['best' as const] : []),
    ...(canAverage ? ['average' as const] : []),
  ];
  const named = chooseCheckpoint(runDir, config.decode).use;
  const tests: TestResult[] = [];
  const files: Record<string, string> = {};
  for (const use of new Set([named, ...candidates])) {
    const hyp = use === named ? 'test.hyp' : `test.${use}.hyp`;
    tests.push(await testOne(task, use, hyp, files));
  }
  for (const [path, side] of [
    [paths.testSrc, 'src'],
    [paths.testRef, 'trg'],
  ] as const)
    files[basename(path)] = writeTestText(path, referenceText(corpus, config.decode, 'test', side));
  const selected = tests.filter(({ use }) => candidates.includes(use)).toSorted(byValidation(config))[0]?.use;
  return { test: tests[0], tests, files, ...(selected && { selected }) };
}

/** Better validation first. */
function byValidation({ train: { bestBy } }: Config): (a: TestResult, b: TestResult) => number {
  return bestBy === 'bleu' ? (a, b) => b.validBleu! - a.validBleu! : (a, b) => a.validLoss! - b.validLoss!;
}

async function testOne(
  task: TestTask,
  use: CheckpointUse,
  hyp: string,
  files: Record<string, string>,
): Promise<TestResult> {
  const { runDir, config, model, corpus, signal, onProgress } = task;
  const started = performance.now();
  const chosen = chooseCheckpoint(
    runDir,
    use === chooseCheckpoint(runDir, config.decode).use ? config.decode : { ...config.decode, checkpoint: use },
  );
  const params = toTensors(readCheckpoint(chosen.path).params);
  try {
    const validation = await validate(task, use, params);
    const { hyps, refs, score } = await translateHeldOut(params, model, corpus, 'test', {
      decode: config.decode,
      signal,
      onProgress: (done, total) => onProgress('translation', done, total),
    });
    const metric = chrf({ lowercase: config.decode.lowercase });
    files[hyp] = writeTestText(join(runDir, hyp), hyps);
    return {
      use,
      bleu: score.score,
      signature: bleuSignature(bleuOptions(config.decode)),
      precisions: score.precisions,
      bp: score.bp,
      sysLen: score.sysLen,
      refLen: score.refLen,
      chrf: corpusScore(metric, hyps, [refs]).score,
      chrfSignature: formatSignature(signatureFields(metric.signatureFields, { numRefs: 1 })),
      ...validation,
      hyp,
      checkpoint: chosen.description,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    disposeParams(params);
  }
}

/** The run's validations of the best and the last parameters; averages are validated here, since training did not. */
async function validate(
  { config, model, corpus, validBatches, validated, signal, onProgress }: TestTask,
  use: CheckpointUse,
  params: Params,
): Promise<Pick<TestResult, 'validLoss' | 'validBleu'>> {
  if (use !== 'average') {
    const { loss, bleu } = validated[use] ?? {};
    return { validLoss: loss, validBleu: bleu };
  }
  const { labelSmoothing, validateBleu, validateBleuSentences } = config.train;
  const loss = await validationLoss(params, validBatches, { config: model, labelSmoothing, signal });
  signal?.throwIfAborted();
  if (!validateBleu) return { validLoss: loss!.loss };
  const { score } = await translateHeldOut(params, model, corpus, 'valid', {
    decode: config.decode,
    sentences: validateBleuSentences,
    signal,
    onProgress: (done, total) => onProgress('validation', done, total),
  });
  return { validLoss: loss!.loss, validBleu: score.score };
}
