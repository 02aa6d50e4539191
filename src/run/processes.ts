import { cpus } from 'node:os';
import type { BackendName } from '../backend/backendNames.js';
import { corpusFolder } from '../config/prepareOptions.js';
import { configToYaml } from '../config/loadConfig.js';
import { modelOptions } from '../config/modelOptions.js';
import type { Config } from '../config/schema.js';
import { openPreparedCorpus, type PreparedCorpus } from '../corpus/preparedCorpus.js';
import { createBatches, type EpochPairs } from '../data/batches.js';
import { ColdstartError, UsageError } from '../errors.js';
import { version } from '../package.js';
import { endWork } from '../parallel/agree.js';
import { allGatherJson, broadcastJson, type World } from '../parallel/world.js';
import { follow } from '../train/team.js';
import { openTrainingBackend } from './trainingBackend.js';
import { translateHeldOut, validationBatches } from './heldOut.js';
import { learnAlong } from './sharedLearning.js';
import { comparableConfig, corpusIdentity } from './runFolder.js';
import { trainingPairs } from './trainingPairs.js';

/** Several processes that train one model, of which this is one. */
export interface Processes {
  readonly world: World;
  /** How many of them are on this machine and share its memory. */
  readonly onThisHost: number;
}

/** What the processes of one run must have in common, in words. */
type Facts = Readonly<Record<string, string>>;

function factsOf(config: Config, backend: BackendName, engine: string, corpus: PreparedCorpus): Facts {
  return {
    version: `coldstart ${version}`,
    engine:
      backend === 'native'
        ? engine
        : `${backend} on Node ${process.version} and ${cpus()[0]?.model ?? 'an unknown processor'}`,
    ...Object.fromEntries(
      Object.entries(corpusIdentity(corpus.manifest)).map(([file, sha256]) => [`corpus file ${file}`, sha256]),
    ),
    configuration: configToYaml(comparableConfig(config)),
  };
}

/**
 * Makes the backend the current one. @returns what it computes with: bits differ between instruction sets and numbers
 * of threads
 */
async function engineOf(backend: BackendName): Promise<string> {
  return backend === 'native' ? (await import('../backend/native/loadNative.js')).loadNative() : '';
}

/** What a process says of itself before training: what it has, or why it cannot take part. */
type Introduction = { readonly host: string } & ({ readonly facts: Facts } | { readonly problem: string });

/**
 * Compares what all processes have.
 * @param facts of this process, or why it cannot take part
 * @returns the machines, in the order of ranks
 * @throws ColdstartError code PROCESSES_DIFFER, on every process, naming the first one that cannot take part or has
 * something else than the leader
 */
async function compare(world: World, own: { facts: Facts } | { problem: string }): Promise<readonly string[]> {
  const all = await allGatherJson<Introduction>(world, { host: world.host, ...own });
  try {
    requireAlike(all);
  } catch (error) {
    endWork(world);
    throw error;
  }
  return all.map(({ host }) => host);
}

function requireAlike(all: readonly Introduction[]): void {
  all.forEach((one, rank) => {
    if ('problem' in one)
      throw new ColdstartError('PROCESSES_DIFFER', `process ${rank} on ${one.host} cannot take part: ${one.problem}`);
  });
  const facts = all.map((one) => ('facts' in one ? one.facts : {}));
  facts.forEach((theirs, rank) => {
    const what = Object.keys({ ...facts[0], ...theirs }).find((key) => facts[0][key] !== theirs[key]);
    if (what === undefined) return;
    throw new ColdstartError(
      'PROCESSES_DIFFER',
      `process ${rank} on ${all[rank].host} has another ${what} than process 0 on ${all[0].host}: ${firstDifference(theirs[what] ?? 'none', facts[0][what] ?? 'none')}. Give all processes the same version, files, settings, instruction set and number of threads (COLDSTART_INSTRUCTION_SET, OMP_NUM_THREADS).`,
    );
  });
}

/** The leader's part of comparing. @returns the machines, in the order of ranks @throws as `compare` */
export async function agree(
  world: World,
  config: Config,
  backend: BackendName,
  corpus: PreparedCorpus,
): Promise<readonly string[]> {
  return compare(world, { facts: factsOf(config, backend, await engineOf(backend), corpus) });
}

/** The first lines that differ, of texts of one line or more. */
function firstDifference(theirs: string, leaders: string): string {
  const [a, b] = [theirs.split('\n'), leaders.split('\n')];
  const line = a.findIndex((text, i) => text !== b[i]);
  const at = line === -1 ? a.length : line;
  return `"${(a[at] ?? '').trim()}", not "${(b[at] ?? '').trim()}"`;
}

/** @throws UsageError if an update has fewer batches than there are processes */
export function checkShares({ train }: Config, { world }: Processes): void {
  if (train.updateFreq >= world.size) return;
  throw new UsageError(
    `train.updateFreq is ${train.updateFreq}, and ${world.size} processes share out the batches of an update: some would have none. Set it to ${world.size} or more and train.maxTokens to less, or give --batch-per-worker, which multiplies train.updateFreq (and with it the batch) by ${world.size}.`,
  );
}

/** The leader says whether there is anything to train. */
export async function announce(world: World, trains: boolean): Promise<void> {
  await broadcastJson(world, { trains });
  if (!trains) endWork(world);
}

/**
 * A follower's part of a run: its share of GradInit's or MetaInit's pieces, of every update and of every validation. It
 * reads the configuration and the prepared corpus, and writes nothing; parameters come from the leader.
 *
 * @param control.signal asks all processes to stop after the update under way
 * @param control.onTraining called when the processes have agreed and training begins
 */
export async function followRun(
  config: Config,
  { world }: Processes,
  { signal, onTraining }: { readonly signal?: AbortSignal; readonly onTraining?: () => void } = {},
): Promise<void> {
  let corpus: PreparedCorpus | undefined;
  try {
    let own: { facts: Facts } | { problem: string };
    let trainPairs: EpochPairs | undefined;
    try {
      corpus = await openPreparedCorpus(corpusFolder(config));
      const backend = await openTrainingBackend(config);
      trainPairs = trainingPairs(corpus, config);
      for (const split of ['train', 'valid'] as const) corpus.dataset(split);
      own = { facts: factsOf(config, backend, await engineOf(backend), corpus) };
    } catch (error) {
      own = { problem: (error as Error).message };
    }
    await compare(world, own);
    if (!(await broadcastJson<{ trains: boolean }>(world, undefined)).trains) return;
    onTraining?.();
    const { manifest } = corpus!;
    const { maxTokens, maxSentences } = config.train;
    const trainBatches = createBatches(trainPairs!, { maxTokens, maxSentences, seed: config.seed });
    const model = modelOptions(config, manifest.vocabularySizes);
    if ((await learnAlong(world, config, model, corpus!.dataset('train'), signal)) === 'stopped') return;
    const { decode } = config;
    const { validateBleu, validateBleuSentences: sentences } = config.train;
    await follow({
      world,
      config: model,
      trainBatches,
      validBatches: validationBatches(corpus!, config),
      ...(validateBleu && {
        evaluate: (params, signalOfCall) =>
          translateHeldOut(params, model, corpus!, 'valid', { decode, sentences, signal: signalOfCall, world }),
      }),
      signal,
    });
  } finally {
    await corpus?.close();
  }
}
