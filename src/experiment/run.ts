import { existsSync, readFileSync } from 'node:fs';
import { disposeParams, type Params } from '../backend/params.js';
import { selectBackend } from '../backend/select.js';
import type { Config } from '../config/schema.js';
import { createBatches } from '../data/batches.js';
import { openPreparedCorpus, type PreparedCorpus } from '../data/preparedCorpus.js';
import { copyTextPipeline } from '../data/textPipeline.js';
import { ColdstartError } from '../errors.js';
import { bleuSignature } from '../eval/bleuSignature.js';
import type { ModelConfig } from '../model/config.js';
import { numParameters } from '../model/parameters.js';
import { writeFileAtomic } from '../storage/atomicFile.js';
import { readCheckpoint, toTensors, writeCheckpoint } from '../train/checkpoint.js';
import { DivergenceError } from '../train/divergence.js';
import { readLastCheckpoint } from '../train/runFiles.js';
import { RunLog } from '../train/runLog.js';
import { train } from '../train/trainer.js';
import { version } from '../version.js';
import { chooseCheckpoint } from './chooseCheckpoint.js';
import { bleuOptions, translateHeldOut } from './heldOut.js';
import { initialParams } from './initialParams.js';
import { modelOptions } from './modelOptions.js';
import { corpusFolder } from './prepareOptions.js';
import type { RunEvent, RunListener } from './runEvents.js';
import { claimRunFolder, runPaths } from './runFolder.js';
import { summarizeLog, writeRunScores, type RunScores, type TestResult } from './runScores.js';
import { trainOptions } from './trainOptions.js';

export interface RunTask {
  readonly config: Config;
  readonly runDir: string;
  /** Go on with the run in the folder, if there is one. */
  readonly resume: boolean;
  /** When aborted, the run saves what it needs to go on and throws the signal's reason. */
  readonly signal?: AbortSignal;
  readonly onEvent?: RunListener;
}

export interface RunResult {
  readonly scores: RunScores;
  /** The folder held the complete run already; nothing was done. */
  readonly alreadyComplete: boolean;
}

/**
 * One run from start to finish: prepared corpus → initial parameters → GradInit → training → translation of the test set →
 * scores. Every stage leaves its result in the run's folder, so that an interrupted run goes on where it was.
 *
 * @throws ColdstartError if the folder holds something else; DivergenceError after recording it in scores.json
 */
export async function run(task: RunTask): Promise<RunResult> {
  const options = trainOptions(task.config); // contradictions are told before anything is written
  const corpus = await openPreparedCorpus(corpusFolder(task.config));
  try {
    const model = modelOptions(task.config, corpus.manifest.vocabularySizes);
    const complete = claimRunFolder(task.runDir, task.config, { program: `coldstart ${version}`, corpus: corpusIdentity(corpus) }, task.resume);
    if (complete) return { scores: complete, alreadyComplete: true };
    return { scores: await new Run(task, options, corpus, model).finish(), alreadyComplete: false };
  } finally {
    await corpus.close();
  }
}

/** SHA-256 of the prepared files that determine a run's numbers. */
function corpusIdentity({ manifest }: PreparedCorpus): Record<string, string> {
  return Object.fromEntries(Object.entries(manifest.outputs).filter(([name]) => /\.bin$|^vocab\./.test(name)).map(([name, { sha256 }]) => [name, sha256]));
}

/** NaN scores in decoding are divergence too: parameters can leave the range of numbers between a loss and a validation. */
function isDivergence(error: unknown): error is ColdstartError {
  return error instanceof DivergenceError || (error instanceof ColdstartError && error.code === 'NOT_FINITE');
}

function initSeconds(reportPath: string): number {
  return existsSync(reportPath) ? (JSON.parse(readFileSync(reportPath, 'utf8')) as { seconds: number }).seconds : 0;
}

class Run {
  private readonly paths;
  private log!: RunLog;
  private backend = '';

  constructor(
    private readonly task: RunTask,
    private readonly options: ReturnType<typeof trainOptions>,
    private readonly corpus: PreparedCorpus,
    private readonly model: ModelConfig,
  ) {
    this.paths = runPaths(task.runDir);
  }

  async finish(): Promise<RunScores> {
    const { config, runDir } = this.task;
    this.backend = await selectBackend(config.backend);
    copyTextPipeline(this.corpus.folder, this.paths.text);
    const resumeFrom = readLastCheckpoint(runDir);
    const resumedAt = resumeFrom?.training?.position.update ?? 0;
    this.log = existsSync(this.paths.log) ? RunLog.resume(this.paths.log, resumedAt) : RunLog.create(this.paths.log);

    const trainBatches = createBatches(this.corpus.dataset('train'), { maxTokens: config.train.maxTokens, maxSentences: config.train.maxSentences, seed: config.seed });
    const validBatches = createBatches(this.corpus.dataset('valid'), { maxTokens: config.train.maxTokens, shuffle: false }).epochBatches(1);
    this.emitStart(trainBatches.epochBatches(1).length, resumedAt);
    try {
      const params = resumeFrom ? new Map() : await this.initialise();
      const result = await train({
        config: this.model, options: this.options, params, trainBatches, validBatches, runDir, resumeFrom,
        evaluate: config.train.validateBleu ? (p, signal) => this.validationBleu(p, signal) : undefined,
        signal: this.task.signal,
        onEvent: (event) => this.emit(event),
        onUpdate: (progress) => this.task.onEvent?.({ event: 'update', ...progress }),
      });
      disposeParams(result.params);
    } catch (error) {
      if (!isDivergence(error)) throw error;
      this.saveScores({ status: 'diverged', diverged: { update: error instanceof DivergenceError ? error.update : summarizeLog(this.paths.log).updates, message: error.message } });
      throw error;
    }
    this.task.signal?.throwIfAborted();
    const test = this.corpus.has('test') ? await this.translateTest() : undefined;
    return this.saveScores({ status: 'finished', ...(test && { test }) });
  }

  /** Initial parameters; learned ones are saved, since learning them takes time. */
  private async initialise(): Promise<Params> {
    const { initial, initReport } = this.paths;
    if (existsSync(initial)) return toTensors(readCheckpoint(initial).params);
    const { params, report } = await initialParams(this.task.config, this.model, this.corpus.dataset('train'), {
      signal: this.task.signal,
      onProgress: (progress) => this.task.onEvent?.({ event: 'progress', ...progress }),
    });
    if (report) writeFileAtomic(initReport, `${JSON.stringify(report, null, 2)}\n`);
    writeCheckpoint(initial, this.model, params);
    return params;
  }

  private async validationBleu(params: Params, signal?: AbortSignal): Promise<{ bleu: number }> {
    const { decode, train: { validateBleuSentences } } = this.task.config;
    const { score } = await translateHeldOut(params, this.model, this.corpus, 'valid', {
      decode, sentences: validateBleuSentences, signal,
      onProgress: (done, total) => this.task.onEvent?.({ event: 'progress', stage: 'validation', done, total }),
    });
    return { bleu: score.score };
  }

  private async translateTest(): Promise<TestResult> {
    const { decode } = this.task.config;
    const started = performance.now();
    const chosen = chooseCheckpoint(this.task.runDir, decode);
    const params = toTensors(readCheckpoint(chosen.path).params);
    try {
      const { hyps, refs, score } = await translateHeldOut(params, this.model, this.corpus, 'test', {
        decode, signal: this.task.signal,
        onProgress: (done, total) => this.task.onEvent?.({ event: 'progress', stage: 'translation', done, total }),
      });
      writeFileAtomic(this.paths.testHyp, hyps.map((line) => `${line}\n`).join(''));
      writeFileAtomic(this.paths.testRef, refs.map((line) => `${line}\n`).join(''));
      return {
        bleu: score.score, signature: bleuSignature(bleuOptions(decode)), precisions: score.precisions, bp: score.bp,
        sysLen: score.sysLen, refLen: score.refLen, checkpoint: chosen.description, seconds: (performance.now() - started) / 1000,
      };
    } finally {
      disposeParams(params);
    }
  }

  private saveScores(outcome: Pick<RunScores, 'status' | 'test' | 'diverged'>): RunScores {
    const { status, ...rest } = outcome;
    const scores: RunScores = { status, backend: this.backend, ...summarizeLog(this.paths.log), initSeconds: initSeconds(this.paths.initReport), ...rest };
    this.emit({ event: 'scores', ...scores });
    writeRunScores(this.paths.scores, scores);
    return scores;
  }

  private emitStart(batchesPerEpoch: number, resumedAt: number): void {
    const { config, runDir } = this.task;
    const dataset = this.corpus.dataset('train');
    const [first] = dataset.pairs([0]);
    const { srcVocabulary, trgVocabulary } = this.corpus.pipeline;
    this.emit({
      event: 'start', runDir, backend: this.backend, numParameters: numParameters(this.model), model: this.model,
      trainPairs: dataset.length, trgTokensPerEpoch: dataset.header.trgTokens,
      updatesPerEpoch: Math.ceil(batchesPerEpoch / config.train.updateFreq),
      ...(config.train.maxUpdates > 0 && { maxUpdates: config.train.maxUpdates }),
      ...(resumedAt > 0 && { resumedFrom: resumedAt }),
      example: { src: srcVocabulary.decode(first.src).join(' '), trg: trgVocabulary.decode(first.trg).join(' ') },
    });
  }

  private emit(event: RunEvent): void {
    this.log.append({ ...event });
    this.task.onEvent?.(event);
  }
}
