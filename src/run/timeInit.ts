import { disposeParams } from '../backend/autodiff/valueAndGradients.js';
import { boundsNorm, gradInitSettings } from '../config/gradInitSettings.js';
import type { Config } from '../config/schema.js';
import type { PairSource } from '../data/dataset.js';
import type { ModelConfig } from '../model/config.js';
import { initialParams } from './initialParams.js';

/** Seconds of initialisation, from an iteration or two of each kind; half of GradInit's are taken to serve the constraint. */
export async function timeInit(config: Config, model: ModelConfig, trainPairs: PairSource): Promise<number> {
  const { gradinit, metainit } = config;
  const secondsOf = async (changed: Config): Promise<number> => {
    const { params, report } = await initialParams(changed, model, trainPairs);
    disposeParams(params);
    return report?.cost.seconds ?? 0;
  };
  if (gradinit.algorithm !== 'none') {
    const secondsOfTwo = (gamma: number): Promise<number> =>
      secondsOf({ ...config, gradinit: { ...gradinit, gamma, gammaShare: undefined, iterations: 2, fallBack: false } });
    const objective = await secondsOfTwo(1e30);
    const constraint = boundsNorm(gradinit) ? await secondsOfTwo(1e-30) : objective;
    return ((objective + constraint) / 4) * gradInitSettings(gradinit).iterations;
  }
  if (metainit.iterations > 0)
    return (await secondsOf({ ...config, metainit: { ...metainit, iterations: 1 } })) * metainit.iterations;
  return secondsOf(config);
}
