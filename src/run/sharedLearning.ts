import { disposeParams, type Params } from '../backend/autodiff/valueAndGradients.js';
import type { Config } from '../config/schema.js';
import type { PairSource } from '../data/pairSource.js';
import { ColdstartError } from '../errors.js';
import type { Iteration } from '../initial/learnedInit.js';
import { chosenInit } from '../initial/learnedInits.js';
import type { ModelConfig } from '../model/config.js';
import { endWork, StoppedByOther } from '../parallel/agree.js';
import { receiveTensors, sendTensors } from '../parallel/sharedTensors.js';
import { broadcastJson, type World } from '../parallel/world.js';
import { initTask } from './initPlan.js';

/** What the leader sends before training: the iterations that are done, if initial parameters are learned together. */
interface Learning {
  readonly done?: readonly Iteration[];
  /** The leader has failed. */
  readonly failed?: true;
}

/** The leader's part of learning initial parameters together. */
export class SharedLearning {
  private isSaid = false;

  constructor(readonly world: World) {}

  /** The followers begin to learn, from these parameters and after these iterations. */
  async begin(drawn: Params, done: readonly Iteration[]): Promise<void> {
    this.isSaid = true;
    await broadcastJson<Learning>(this.world, { done });
    await sendTensors(this.world, drawn);
  }

  /** The leader has its initial parameters; followers that did not learn with it wait for them no longer. */
  async end(): Promise<void> {
    if (!this.isSaid) await broadcastJson<Learning>(this.world, {});
  }

  /** The leader has no initial parameters, and no process trains. */
  async fail(error: unknown): Promise<void> {
    if (!this.isSaid) await broadcastJson<Learning>(this.world, { failed: true });
    if (!this.isSaid || isEverybodys(error)) endWork(this.world);
  }
}

/** A follower's part: learns with the leader, if initial parameters are learned together, and keeps nothing. */
export async function learnAlong(
  world: World,
  config: Config,
  model: ModelConfig,
  trainPairs: PairSource,
  signal: AbortSignal | undefined,
): Promise<'trains' | 'stopped'> {
  const { done, failed } = await broadcastJson<Learning>(world, undefined);
  if (failed) return 'stopped';
  if (done === undefined) return 'trains';
  const drawn = await receiveTensors(world);
  const method = chosenInit(config)!;
  try {
    const task = { ...initTask(config, method, trainPairs), drawn, model, done, onIteration: () => undefined };
    disposeParams((await method.learn({ ...task, signal, world })).params);
    return 'trains';
  } catch (error) {
    // what fails on all processes is the leader's to report
    if (isEverybodys(error) || error instanceof StoppedByOther || signal?.aborted) return 'stopped';
    throw error;
  } finally {
    disposeParams(drawn);
  }
}

/** Whether all processes that learn together fail so. */
function isEverybodys(error: unknown): boolean {
  return error instanceof ColdstartError && (error.code === 'GRADINIT' || error.code === 'METAINIT');
}
