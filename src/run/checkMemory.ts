import type { BackendName } from '../backend/backendNames.js';
import type { PreparedCorpus } from '../corpus/preparedCorpus.js';
import type { Config } from '../config/schema.js';
import { changeConfig } from '../config/loadConfig.js';
import { ColdstartError } from '../errors.js';
import { initNamed, settingsOf } from '../initial/learnedInits.js';
import type { ModelConfig } from '../model/config.js';
import { availableMemory } from './availableMemory.js';
import { trainingPairs } from './trainingPairs.js';
import { formatGigabytes } from '../format.js';
import {
  hasMemoryEstimate,
  stageMemory,
  stagesOf,
  type MemoryStage,
  type MemoryTask,
  type StageMemory,
} from './memoryEstimate.js';

/** The memory that a run needs, and the available memory, in bytes. */
export interface MemoryReport {
  readonly stages: Readonly<Record<MemoryStage, StageMemory>>;
  /** Of the process in the largest stage. */
  readonly needed: number;
  readonly available: number;
}

/**
 * A run is refused if it needs more than this factor times the available memory: estimates are wrong by less
 * (docs/notes/performance.md).
 */
const certainlyTooMuch = 1.15;
/** The share of memory that suggested settings may use. */
const comfortable = 0.95;
/** Addresses of WebAssembly's memory have 32 bits. */
const wasmHeap = 4 * 2 ** 30;
/** The numbers of parts to try when a batch is cut into pieces that fit. */
const cuts = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];

/**
 * The memory of a run's stages; undefined if it is unknown: on backends other than native and wasm.
 * @param stages default: all stages of the run
 */
export async function reportMemory(
  task: MemoryTask,
  backend: BackendName,
  available: number,
  stages: readonly MemoryStage[] = stagesOf(task.config),
): Promise<MemoryReport | undefined> {
  if (!hasMemoryEstimate(backend)) return undefined;
  const found: Record<MemoryStage, StageMemory> = {};
  for (const stage of stages) found[stage] = await stageMemory(stage, task, backend);
  return { stages: found, needed: Math.max(...Object.values(found).map(({ process }) => process)), available };
}

/** Whether a run that needs this much may fail. */
export function isTight({ needed, available }: MemoryReport): boolean {
  return needed > comfortable * available;
}

/** "gradinit 8.4 GB, train 2.0 GB, decode 1.1 GB" */
export function stagesText({ stages }: MemoryReport): string {
  return Object.entries(stages)
    .map(([stage, { process }]) => `${stage} ${formatGigabytes(process)}`)
    .join(', ');
}

/**
 * Refuses a run that needs clearly more memory than is available, before it begins.
 * @param isBegun the run resumes, and of its batch sizes only those of decoding may change
 * @throws ColdstartError TOO_LARGE with the settings that would fit
 */
export async function refuseTooLarge(
  task: MemoryTask,
  backend: BackendName,
  report: MemoryReport,
  isBegun = false,
): Promise<void> {
  const { available, needed } = report;
  const heap = backend === 'wasm' ? wasmHeap : Infinity;
  const within = ({ process, tensors }: StageMemory, share: number): boolean =>
    process <= share * available && tensors <= share * heap;
  const tooLarge = Object.keys(report.stages).filter((stage) => !within(report.stages[stage]!, certainlyTooMuch));
  if (tooLarge.length === 0) return;
  const isFixed = isBegun && tooLarge.some((stage) => stage !== 'decode');
  const settings = isFixed
    ? undefined
    : await settingsThatFit(task, tooLarge, async (stage, changed) =>
        within(await stageMemory(stage, changed, backend), comfortable),
      );
  const limit =
    needed > certainlyTooMuch * available
      ? `${formatGigabytes(available)} are available`
      : `the wasm backend cannot have more than ${formatGigabytes(heap)}`;
  const advice = isFixed
    ? 'A run that has begun keeps its batch sizes: resume it where more memory is free, or start another run with smaller ones'
    : settings === undefined
      ? 'No batch size would fit: use a smaller model, or a machine with more memory'
      : `Set ${Object.entries(settings)
          .map(([key, value]) => `${key}=${value}`)
          .join(' and ')}`;
  throw new ColdstartError(
    'TOO_LARGE',
    `this run needs about ${formatGigabytes(needed)} of memory (${stagesText(report)}), ${limit}. ${advice}, or give --ignore-memory to start it all the same.`,
  );
}

/**
 * The memory that a run on this corpus needs on the current backend, and the available memory; undefined if unknown.
 * @param options.initOnly initial parameters are learned, and nothing is trained
 * @param options.isLearned initial parameters exist already
 * @param options.isTrained training is done, and only decoding is left
 * @param options.isBegun the run resumes
 * @param options.processes that train together: all of them, and those that share this machine's memory, each with a
 * whole run
 * @param options.ignore also if it will not fit
 * @throws ColdstartError TOO_LARGE if it will not fit
 */
export async function checkRunMemory(
  config: Config,
  model: ModelConfig,
  corpus: PreparedCorpus,
  backend: BackendName,
  {
    initOnly = false,
    isLearned = false,
    isTrained = false,
    isBegun = false,
    ignore = false,
    processes = { count: 1, onThisHost: 1 },
  }: {
    readonly initOnly?: boolean;
    readonly isLearned?: boolean;
    readonly isTrained?: boolean;
    readonly isBegun?: boolean;
    readonly ignore?: boolean;
    readonly processes?: { readonly count: number; readonly onThisHost: number };
  } = {},
): Promise<MemoryReport | undefined> {
  const heldOut = [
    corpus.dataset('valid').srcLengths.subarray(0, config.train.validateBleu ? config.train.validateBleuSentences : 0),
    corpus.has('test') ? corpus.dataset('test').srcLengths : new Int32Array(),
  ];
  const task: MemoryTask = {
    config,
    model,
    trainPairs: trainingPairs(corpus, config)(1), // sampled subwords make longer sentences
    heldOutLengths: Int32Array.from(heldOut.flatMap((lengths) => [...lengths])),
    processes: processes.count,
  };
  const isLeft = (stage: MemoryStage): boolean => {
    if (stage === 'decode') return !initOnly;
    return stage === 'train' ? !initOnly && !isTrained : !isLearned;
  };
  const stages = stagesOf(config).filter(isLeft);
  const report = await reportMemory(task, backend, availableMemory() / processes.onThisHost, stages);
  if (report !== undefined && !ignore) await refuseTooLarge(task, backend, report, isBegun);
  return report;
}

type Settings = Readonly<Record<string, number>>;

/**
 * Batch sizes with which every stage fits, training's with `updateFreq` that keeps the size of its updates; undefined
 * if no size fits.
 */
async function settingsThatFit(
  task: MemoryTask,
  tooLarge: readonly MemoryStage[],
  fits: (stage: MemoryStage, changed: MemoryTask) => Promise<boolean>,
): Promise<Settings | undefined> {
  const { trainPairs } = task;
  const longest = [trainPairs.srcLengths, trainPairs.trgLengths]
    .map((lengths) => lengths.reduce((a, b) => Math.max(a, b), 0))
    .reduce((a, b) => Math.max(a, b));
  let settings: Settings = {};
  let current = task;
  // first the setting that other stages use as their default
  for (const stage of [...tooLarge].sort((a, b) => Number(b === 'train') - Number(a === 'train'))) {
    if (stage !== tooLarge[0] && (await fits(stage, current))) continue;
    let found = false;
    for (const cut of cuts) {
      const change = smallerBatches(stage, current, cut, longest);
      if (change === undefined) break;
      const changed = { ...current, config: changeConfig(current.config, change, 'a smaller batch') };
      if (!(await fits(stage, changed))) continue;
      [settings, current, found] = [{ ...settings, ...change }, changed, true];
      break;
    }
    if (!found) return undefined;
  }
  return settings;
}

/** The settings that make a stage's batches this many times smaller; undefined if that is impossible. */
function smallerBatches(
  stage: MemoryStage,
  { config }: MemoryTask,
  cut: number,
  longest: number,
): Settings | undefined {
  const smaller = (key: string, whole: number, least: number, others: Settings = {}): Settings | undefined => {
    const part = Math.floor(whole / cut);
    return part >= least ? { [key]: part, ...others } : undefined;
  };
  const { train, decode } = config;
  if (stage === 'decode') return smaller('decode.maxSentences', decode.maxSentences, 1);
  const method = stage === 'train' ? undefined : initNamed(stage);
  const key = method?.memorySetting;
  if (method === undefined || key === undefined)
    return smaller('train.maxTokens', train.maxTokens, longest, { 'train.updateFreq': train.updateFreq * cut });
  const { [key]: whole }: Readonly<Record<string, number | undefined>> = settingsOf(config, method);
  return smaller(`${method.name}.${key}`, whole ?? train.maxTokens, longest);
}
