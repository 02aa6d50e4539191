import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import type { Config } from '../config/schema.js';
import type { PairSource } from '../data/pairSource.js';
import { chosenInit, settingsOf } from '../initial/learnedInits.js';
import type { ModelConfig } from '../model/config.js';
import { initialParams } from './initialParams.js';
import { initPlan } from './initPlan.js';

/**
 * Seconds of initialisation, from an iteration or two of each kind; assumes that half of GradInit's serve the
 * constraint, and that its check afterwards takes as long as iterations of the same number of updates.
 */
export async function timeInit(config: Config, model: ModelConfig, trainPairs: PairSource): Promise<number> {
  const method = chosenInit(config);
  if (method === undefined) return 0;
  const plan = initPlan(config, trainPairs)!;
  const { total } = plan;
  const iterations = Math.min(2, total);
  const settings = settingsOf(config, method);
  const samples = method.samples?.(settings, { iterations }) ?? [settings];
  let [seconds, updates] = [0, 0];
  for (const sample of samples) {
    const { params, report } = await initialParams({ ...config, [method.name]: sample }, model, trainPairs);
    disposeParams(params);
    seconds += report!.cost.seconds;
    updates += report!.cost.updateEquivalents;
  }
  return (seconds / samples.length / iterations) * total + (seconds / updates) * plan.checks;
}
