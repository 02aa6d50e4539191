import { existsSync, statSync } from 'node:fs';
import { setImmediate as yieldToEvents, setTimeout as sleep } from 'node:timers/promises';
import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import { lockFolder } from '../storage/folderLock.js';
import type { Config } from '../config/schema.js';
import { createBatches, type EpochBatches, type EpochPairs } from '../data/batches.js';
import { openPreparedCorpus, type PreparedCorpus } from '../corpus/preparedCorpus.js';
import { copyTextPipeline } from '../text/textPipeline.js';
import { ColdstartError, DataError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { numParameters, parameterShapes } from '../model/parameters.js';
import { StoppedByOther, throwStopped } from '../parallel/agree.js';
import type { World } from '../parallel/world.js';
import { readCheckpoint, toTensors, writeCheckpoint } from '../train/checkpoint.js';
import { DivergenceError } from '../train/divergence.js';
import { resumedPosition } from '../train/position.js';
import { readLastCheckpoint } from '../train/runFiles.js';
import { EventFile } from './tensorboard/eventFile.js';
import { readLog, RunLog } from '../train/runLog.js';
import type { Multipliers } from '../train/multipliers.js';
import { train, type Evaluation } from '../train/trainer.js';
import type { TrainOptions } from '../train/trainOptions.js';
import { checkRunMemory } from './checkMemory.js';
import { checkSettings } from './checkSettings.js';
import { checkDecode } from './chooseCheckpoint.js';
import { epochShape, scheduleLead } from './epochShape.js';
import { measureGradients, type GradientRecord, type GradientSample } from './gradientRecord.js';
import { evenlySpread, referenceText, translateHeldOut, validationBatches } from './heldOut.js';
import { checkBudget, checkPlannedBudget } from './initBudget.js';
import { readInitReport } from './initRecords.js';
import { checkSameSource, openInitSource, type InitSource } from './initSource.js';
import { readInitSourceRecord } from './initSourceRecord.js';
import { initialParams, learnsInitialParams, type InitReport } from './initialParams.js';
import { meanLoss } from '../initial/learnedInit.js';
import { removeLearningLog } from './learningLog.js';
import { gradInitSettings } from '../initial/gradInitSettings.js';
import { modelOptions } from '../config/modelOptions.js';
import { corpusFolder, prepareCommand } from '../config/prepareOptions.js';
import { ownInitIdentity, withOwnInit, type OwnInit } from './ownInit.js';
import { agree, announce, checkShares, type Processes } from './processes.js';
import { SharedLearning } from './sharedLearning.js';
import type { RunEvent, RunListener } from './runEvents.js';
import { checkEndsLater } from './resumedEnd.js';
import { claimRunFolder, corpusIdentity, findRun, letsTrainOn, runIdentity, runPaths } from './runFolder.js';
import { summarizeLog, writeRunScores, type RunScores } from './runScores.js';
import { parameterHistograms, toTensorBoard } from './tensorBoard.js';
import { translateTest } from './testTranslations.js';
import { openTrainingBackend } from './trainingBackend.js';
import { trainingPairs } from './trainingPairs.js';
import { unigramNll } from './unigramNll.js';
import { isThere } from '../storage/isThere.js';
import { checkPlace } from '../storage/checkOutputs.js';
import { makeFolder } from '../storage/makeFolder.js';
import { writeJsonFile } from '../storage/jsonFile.js';

/** The epoch whose batches serve to measure the gradients before training: one that no run reaches. */
const recordEpoch = 2 ** 31;

/** The configuration and folder of `run`. */
export interface RunTask {
  readonly config: Config;
  readonly runDir: string;
  /** Resume the run in the folder, if there is one. */
  readonly resume: boolean;
  /**
   * Keys of the settings that the command line gave: the run records them, and resuming keeps them (`keptSettings`).
   */
  readonly set?: readonly string[];
  /** A learned initialisation that is not built in: `ownInit`. Its memory is not estimated. */
  readonly init?: OwnInit;
  /** Start even if memory will not suffice. */
  readonly ignoreMemory?: boolean;
  /**
   * The processes that train together, of which this is the leader; the others call `followRun`. Default: this process
   * alone.
   */
  readonly processes?: Processes;
  /** Called when another process was asked to stop; `signal` should then be aborted. */
  readonly onStopAsked?: () => void;
  /** When aborted, the run saves its state for resuming and throws the signal's reason. */
  readonly signal?: AbortSignal;
  readonly onEvent?: RunListener;
}

/** The outcome of `run`: the scores that the folder now holds. */
export interface RunResult {
  readonly scores: RunScores;
  /** The folder held the complete run already; nothing was done. */
  readonly alreadyComplete: boolean;
}

/**
 * One run from start to finish: prepared corpus → initial parameters → GradInit → training → translation of the test
 * set → scores. Every stage stores its result in the run's folder, so that an interrupted run resumes where it stopped.
 *
 * One run at a time in a process: tfjs has one current backend for all, and a run's memory is counted on another one
 * than it trains on.
 *
 * @throws ColdstartError if the folder holds something else; DivergenceError after recording it in scores.json
 */
export async function run(task: RunTask): Promise<RunResult> {
  const { config, methods } = withOwnInit(task.config, task.init);
  const options = checkSettings(config, methods); // contradictions are reported before anything is written
  const { processes } = task;
  if (processes) checkShares(task.config, processes);
  const corpus = await openPreparedCorpus(corpusFolder(task.config), prepareCommand(task.config));
  try {
    const model = modelOptions(task.config, corpus.manifest.vocabularySizes);
    checkDecode(task.config, model.trgVocabSize);
    // data that cannot be used is reported before anything is written
    for (const split of ['train', 'valid', 'test'] as const) if (corpus.has(split)) corpus.dataset(split);
    const trainPairs = trainingPairs(corpus, task.config);
    const paths = runPaths(task.runDir);
    if (processes) {
      const hosts = await agree(processes.world, task.config, await openTrainingBackend(task.config), corpus);
      task.onEvent?.({ event: 'processes', count: hosts.length, hosts: [...new Set(hosts)] });
    }
    const identity = { ...runIdentity(corpus.manifest), set: task.set, ...ownInitIdentity(task.init) };
    const found = findRun(task.runDir, task.config, identity, task.resume);
    const { scores: complete, changed } = found;
    if (complete && changed.length === 0) {
      if (processes) await announce(processes.world, false);
      return { scores: complete, alreadyComplete: true };
    }
    if (changed.some(letsTrainOn)) checkEndsLater(task.runDir, task.config);
    if (!isThere(task.runDir)) checkPlace(task.runDir); // before the backend is loaded and memory is counted
    task.onEvent?.({ event: 'preparing' });
    // a refused run must not leave a folder with settings that were too large
    const isLearned = isThere(paths.initial) || isThere(paths.last);
    const backend = await openTrainingBackend(task.config);
    // a run that has its first parameters no longer needs their source
    const source = isLearned ? undefined : await openInitSource(task.config, model, corpus.pipeline);
    const memory = await checkRunMemory(task.config, model, corpus, backend, {
      isLearned,
      isTrained: complete !== undefined && !changed.some(letsTrainOn),
      isBegun: !found.isNew,
      ignore: task.ignoreMemory,
      processes: processes && { count: processes.world.size, onThisHost: processes.onThisHost },
    });
    if (memory) task.onEvent?.({ event: 'memory', ...memory });
    if (found.isNew) checkPlannedBudget(config, corpus.dataset('train'), methods);
    await yieldToEvents(); // lets signals in
    task.signal?.throwIfAborted();
    makeFolder(task.runDir);
    const release = await lockFolder(paths.lock, 'training this run');
    try {
      // another process may have worked here until now
      const own = findRun(task.runDir, task.config, identity, task.resume);
      const isComplete = own.scores !== undefined && own.changed.length === 0;
      if (!isComplete) claimRunFolder(task.runDir, task.config, identity, own);
      if (processes) await announce(processes.world, !isComplete);
      if (isComplete) return { scores: own.scores, alreadyComplete: true };
      return {
        scores: await new Run(task, options, corpus, model, trainPairs, own.changed, source).finish(),
        alreadyComplete: false,
      };
    } finally {
      release();
    }
  } finally {
    await corpus.close();
  }
}

/**
 * NaN scores in decoding are divergence too: parameters can leave the range of numbers between a loss and a validation.
 * So are losses and norms that are not finite while parameters are learned.
 */
export function isDivergence(error: unknown): error is ColdstartError {
  return (
    error instanceof DivergenceError ||
    (error instanceof ColdstartError && ['NOT_FINITE', 'GRADINIT', 'METAINIT'].includes(error.code))
  );
}

class Run {
  private readonly paths;
  private log!: RunLog;
  private eventFile: EventFile | undefined;
  private backend = '';

  constructor(
    private readonly task: RunTask,
    private readonly options: TrainOptions,
    private readonly corpus: PreparedCorpus,
    private readonly model: ModelConfig,
    private readonly trainPairs: EpochPairs,
    private readonly changed: readonly string[],
    private readonly source: InitSource | undefined,
  ) {
    this.paths = runPaths(task.runDir);
  }

  async finish(): Promise<RunScores> {
    const { config, runDir } = this.task;
    this.backend = await openTrainingBackend(config);
    copyTextPipeline(
      this.corpus.folder,
      this.paths.text,
      Object.fromEntries(Object.entries(this.corpus.manifest.outputs).map(([name, { sha256 }]) => [name, sha256])),
    );
    const resumeFrom = readLastCheckpoint(runDir);
    const { updatesPerEpoch } = epochShape(this.trainPairs(1), config);
    const position =
      resumeFrom?.training && resumedPosition(resumeFrom.training.position, this.trainingOptions(updatesPerEpoch));
    const resumedAt = position?.update ?? 0;
    // empty: a power failure lost its contents
    const hasLog = (statSync(this.paths.log, { throwIfNoEntry: false })?.size ?? 0) > 0;
    this.log = hasLog ? RunLog.resume(this.paths.log, position) : RunLog.create(this.paths.log);
    if (config.record.tensorBoard) this.eventFile = new EventFile(runDir, resumedAt);

    const trainBatches = createBatches(this.trainPairs, {
      maxTokens: config.train.maxTokens,
      maxSentences: config.train.maxSentences,
      seed: config.seed,
    });
    const validBatches = validationBatches(this.corpus, config);
    this.emitStart(updatesPerEpoch, resumedAt);
    if (!hasLog && resumedAt > 0) this.emit({ event: 'logLost', path: this.paths.log });
    if (this.changed.length > 0) this.emit({ event: 'changed', settings: this.changed });
    try {
      const learning = this.world && new SharedLearning(this.world);
      const params = resumeFrom
        ? new Map()
        : await this.initialise(learning).catch(async (error: unknown) => {
            await learning?.fail(error);
            throw error;
          });
      await learning?.end();
      const options = this.trainingOptions(updatesPerEpoch);
      const end = options.maxUpdates > 0 ? { maxUpdates: options.maxUpdates } : {};
      const result = await train({
        config: this.model,
        options,
        params,
        trainBatches,
        validBatches,
        runDir,
        resumeFrom,
        multipliers: this.multipliers(),
        ratioUpdates: config.record.ratioUpdates,
        validateFirstEpoch: true,
        onValidation: this.eventFile && parameterHistograms(this.eventFile),
        evaluate: config.train.validateBleu ? (p, signal) => this.validationBleu(p, signal) : undefined,
        signal: this.task.signal,
        world: this.world,
        onStopAsked: this.task.onStopAsked,
        onEvent: (event) => this.emit(event),
        onUpdate: (progress) => this.task.onEvent?.({ event: 'update', ...progress, ...end }),
      });
      disposeParams(result.params);
      if (result.status === 'interrupted') await this.stopped();
    } catch (error) {
      if (error instanceof StoppedByOther) {
        this.task.onStopAsked?.();
        await this.stopped();
      }
      if (!isDivergence(error)) throw error;
      const update = error instanceof DivergenceError ? error.update : summarizeLog(this.paths.log).updates;
      this.saveScores({ status: 'diverged', diverged: { update, message: error.message } });
      throw error;
    }
    this.task.signal?.throwIfAborted();
    const tested = this.corpus.has('test') ? await this.translateTest(validBatches) : {};
    return this.saveScores({ status: 'finished', ...tested });
  }

  /**
   * The configuration's options with values that depend on the data: the extra epoch's length, and the updates that
   * initialisation cost.
   */
  private trainingOptions(updatesPerEpoch: number): TrainOptions {
    const { maxUpdates } = this.task.config.train;
    const cost = checkBudget(this.task.config, 'cost', this.readInitReport()?.cost.updateEquivalents ?? 0);
    return { ...this.options, ...scheduleLead(this.task.config, updatesPerEpoch), maxUpdates: maxUpdates - cost };
  }

  /** @throws DataError if it is missing and training would differ without it */
  private readInitReport(): InitReport | undefined {
    const { initial, initReport, last } = this.paths;
    const report = readInitReport(initReport);
    const { gradinit, train } = this.task.config;
    const scalesRates = gradinit.algorithm !== 'none' && gradInitSettings(gradinit).scaled !== 'weights';
    const isNeeded = scalesRates || (train.countInit && train.maxUpdates > 0 && this.learns());
    if (report === undefined && isNeeded && (isThere(initial) || isThere(last)))
      throw new DataError(
        `${initReport} is gone. ${scalesRates ? 'It holds the scales of the rates that this run trains with' : 'It says how many updates initialisation cost'}. Restore it from a copy, or start the run again in another folder.`,
      );
    return report;
  }

  private learns(): boolean {
    const { config, methods } = withOwnInit(this.task.config, this.task.init);
    return learnsInitialParams(config, methods);
  }

  private get world(): World | undefined {
    return this.task.processes?.world;
  }

  /** Ends the run with the reason of its signal; where another process was asked to stop, `onStopAsked` aborts it. */
  private async stopped(): Promise<never> {
    const { signal, onStopAsked } = this.task;
    while (signal && onStopAsked && !signal.aborted) await sleep(5);
    throwStopped(signal);
  }

  /** The rates that GradInit scaled. */
  private multipliers(): Multipliers | undefined {
    const report = this.readInitReport();
    if (report?.method !== 'gradinit' || report.releaseUpdates === undefined) return undefined;
    return { scales: report.scales, releaseUpdates: report.releaseUpdates };
  }

  /** Initial parameters; learned ones are saved, since learning them takes time. */
  private async initialise(learning: SharedLearning | undefined): Promise<Params> {
    const { initial, initReport, initFrom, gradients, learningLog } = this.paths;
    if (existsSync(initial)) return toTensors(readCheckpoint(initial).params);
    const { source } = this;
    if (source) {
      checkSameSource(source.record, readInitSourceRecord(initFrom));
      writeJsonFile(initFrom, source.record);
      this.emit({ event: 'initFrom', ...source.record });
    }
    let drawn: GradientSample | undefined;
    const { config, methods } = withOwnInit(this.task.config, this.task.init);
    const { params, report } = await initialParams(config, this.model, this.corpus.dataset('train'), {
      signal: this.task.signal,
      methods,
      source,
      learning: this.task.init ? undefined : learning, // followers do not have a user's method
      onDrawn: async (p) => {
        if (this.learns()) drawn = await this.measureGradients(p);
      },
      onProgress: (progress) => this.task.onEvent?.({ event: 'progress', ...progress }),
      onPlan: (plan) => {
        checkBudget(config, 'will cost at least', plan.spent.updates + plan.least);
        this.task.onEvent?.({ event: 'initPlan', ...plan });
      },
      onFallback: (reason) => this.emitOnce({ event: 'gradInitFallback', reason }),
      onClosedLayerNorms: (scales) => this.task.onEvent?.({ event: 'closedLayerNorms', scales }),
      learningLog: { path: learningLog, corpus: corpusIdentity(this.corpus.manifest) },
      onSaved: (saved) => this.task.onEvent?.({ event: 'learningSaved', ...saved }),
    });
    const start = await this.measureGradients(params);
    if (start)
      writeJsonFile(
        gradients,
        {
          batches: this.task.config.record.gradientBatches,
          ...(drawn && { drawn }),
          start,
        } satisfies GradientRecord,
        { indent: 0 },
      );
    if (report) writeJsonFile(initReport, report);
    writeCheckpoint(initial, this.model, params);
    removeLearningLog(learningLog);
    return params;
  }

  private async validationBleu(params: Params, signal?: AbortSignal): Promise<Evaluation> {
    const {
      decode,
      record,
      train: { validateBleuSentences },
    } = this.task.config;
    const { hyps, refs, score } = await translateHeldOut(params, this.model, this.corpus, 'valid', {
      decode,
      sentences: validateBleuSentences,
      signal,
      world: this.world,
      onProgress: (done, total) => this.task.onEvent?.({ event: 'progress', stage: 'validation', done, total }),
    });
    if (record.samples === 0) return { bleu: score.score };
    const sources = referenceText(this.corpus, decode, 'valid', 'src');
    const samples = evenlySpread(hyps.length, record.samples).map((line) => ({
      src: sources[line],
      ref: refs[line],
      hyp: hyps[line],
    }));
    return { bleu: score.score, samples };
  }

  /** Gradients before training, on the same batches for all runs with this seed. */
  private async measureGradients(params: Params): Promise<GradientSample | undefined> {
    const { config, signal, onEvent } = this.task;
    const count = config.record.gradientBatches;
    if (count === 0) return undefined;
    const epoch = createBatches(this.corpus.dataset('train'), {
      maxTokens: config.train.maxTokens,
      maxSentences: config.train.maxSentences,
      seed: config.seed,
    }).epochBatches(recordEpoch);
    const batches = Array.from({ length: Math.min(count, epoch.length) }, (_, i) => epoch.batch(i));
    const total = batches.length;
    const onBatch = (done: number): void => onEvent?.({ event: 'progress', stage: 'gradients', done, total });
    onBatch(0);
    return measureGradients(params, meanLoss(config.train, this.model), batches, { signal, onBatch });
  }

  private translateTest(validBatches: EpochBatches): ReturnType<typeof translateTest> {
    const { config, runDir, signal } = this.task;
    return translateTest({
      runDir,
      config,
      model: this.model,
      corpus: this.corpus,
      validBatches,
      validated: summarizeLog(this.paths.log),
      signal,
      onProgress: (stage, done, total) => this.task.onEvent?.({ event: 'progress', stage, done, total }),
    });
  }

  private saveScores(
    outcome: Pick<RunScores, 'status' | 'test' | 'tests' | 'files' | 'selected' | 'diverged'>,
  ): RunScores {
    const { status, ...rest } = outcome;
    const { maxUpdates } = this.task.config.train;
    const init = readInitReport(this.paths.initReport)?.cost;
    const scores: RunScores = {
      status,
      backend: this.backend,
      ...summarizeLog(this.paths.log),
      initSeconds: init?.seconds ?? 0,
      ...(init && { init }),
      ...(maxUpdates > 0 && { budget: maxUpdates }),
      unigramNll: unigramNll(this.corpus.dataset('valid')),
      ...rest,
    };
    this.emit({ event: 'scores', ...scores });
    writeRunScores(this.paths.scores, scores);
    return scores;
  }

  private emitStart(updatesPerEpoch: number, resumedAt: number): void {
    const { config, runDir } = this.task;
    const dataset = this.corpus.dataset('train');
    const [first] = dataset.pairs([0]);
    const { srcVocabulary, trgVocabulary } = this.corpus.pipeline;
    this.emit({
      event: 'start',
      runDir,
      backend: this.backend,
      precision: this.options.precision,
      numParameters: numParameters(this.model),
      parameters: [...parameterShapes(this.model).keys()],
      model: this.model,
      trainPairs: dataset.length,
      trgTokensPerEpoch: dataset.header.trgTokens,
      updatesPerEpoch,
      ...(config.train.maxUpdates > 0 && { maxUpdates: config.train.maxUpdates }),
      ...(resumedAt > 0 && { resumedFrom: resumedAt }),
      example: { src: srcVocabulary.decode(first.src).join(' '), trg: trgVocabulary.decode(first.trg).join(' ') },
    });
  }

  /** For what a run that was killed before it saved its initial parameters does twice. */
  private emitOnce(event: RunEvent): void {
    if (readLog(this.paths.log).some((line) => line.event === event.event)) this.task.onEvent?.(event);
    else this.emit(event);
  }

  private emit(event: RunEvent): void {
    this.log.append({ ...event });
    if (this.eventFile) toTensorBoard(this.eventFile, event);
    this.task.onEvent?.(event);
  }
}
